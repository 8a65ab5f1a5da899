-- Adding jobs from SQL: add_job one, add_jobs many, and what a job key means.
--
--   select jobferry.add_job('send_email', '{"to": "anna"}');
--   select jobferry.add_job('sync', job_key := 'sync anna', run_at := now() + interval '5 minutes');
--
-- Whoever may call these needs no right on any table. What they write is the caller's: it is rolled
-- back with the caller's transaction.
--
-- A job key is unique among an owner's unfinished jobs. An index sees to that whoever writes; these
-- functions also say what becomes of the job that has the key. Calls with the same key take turns at
-- an advisory lock, so that each finds what the one before it left: never a duplicate, never nothing.
--
-- Lock order: the keys in the order of their hashes, then ledger rows, then queue rows, each in the
-- order of ids. Unlike the rest of the engine these functions wait for a ledger row that somebody is
-- writing: their caller chose the job. Nor do they hold up the rest when the caller's transaction is
-- long: whoever passes over a ledger row does not come to wait for its queue row. Only a call with the
-- same key waits. The gateway, which calls for everybody, tries and waits for nothing.
--
-- What works on keys keeps its plans, and they go by the index key by key: for one key in an array the
-- planner would think it worth while to plan anew each time, which takes longer than the work, and in a
-- small table it would rather read all of it for ever after. Hence the settings of put_keyed and
-- make_way, which hold for all they call, and the LATERAL ... LIMIT.

do $$
declare
  clash record;
begin
  select coalesce(submitted_by, 'nobody') as owner, job_key into clash
  from public.background_jobs where job_key is not null and finished_at is null
  group by coalesce(submitted_by, ''), coalesce(submitted_by, 'nobody'), job_key having count(*) > 1 limit 1;
  if found then
    raise exception 'several unfinished jobs of % have the key %', clash.owner, clash.job_key
      using errcode = 'JF001', hint = 'Finish all but one of them or clear their job_key, then run "jobferry migrate" again.';
  end if;
end $$;

create unique index background_jobs_job_key on public.background_jobs (coalesce(submitted_by, ''), job_key)
  where job_key is not null and finished_at is null;

-- A failed job keeps its key until somebody else takes it.
create index background_jobs_failed_key on public.background_jobs (coalesce(submitted_by, ''), job_key)
  where job_key is not null and status = 'failed';

-- A replaced job begins its life again.
insert into jobferry.transitions (source, target, event) values
  ('retrying', 'queued', 'rescheduled'),
  ('retrying', 'scheduled', 'rescheduled');

-- Who may add jobs and nothing else. Made as 0001_roles.sql makes its roles.
do $$
begin
  create role jobferry_producer nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema public, jobferry to jobferry_producer;

-- One job for add_jobs. What is null takes the default of add_job.
create type jobferry.job_spec as (
  identifier text,
  payload json,
  queue_name text,
  run_at timestamptz,
  max_attempts integer,
  job_key text,
  priority integer,
  flags text[]
);

-- A version 7 id for a time in microseconds since 1970, as jobferry_shared.ids makes them: ids of one
-- transaction sort as they were made, so its jobs run in that order.
create function jobferry.new_id(microseconds bigint) returns uuid
language sql volatile as $$
  select encode(overlay(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(microseconds / 1000) from 3) from 1 for 6)
    placing int2send((28672 + microseconds % 1000 * 4096 / 1000)::smallint) from 7 for 2), 'hex')::uuid
$$;

-- What stands for an owner's key among the advisory locks.
create function jobferry.key_lock(owner text, job_key text) returns bigint
language sql immutable
as $$ select hashtextextended(job_key, hashtextextended('jobferry.key ' || coalesce(owner, ''), 0)) $$;

-- The caller's own mistakes, each with its word.
create function jobferry.check_specs(specs jobferry.job_spec[], mode text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  said record;
begin
  if mode not in ('replace', 'preserve_run_at', 'unsafe_dedupe') then
    raise exception 'there is no job_key_mode %', quote_literal(mode)
      using errcode = 'JF020', hint = 'It is replace, preserve_run_at or unsafe_dedupe.';
  end if;
  select bool_or(coalesce(identifier, '') = '') as nameless, bool_or(max_attempts < 1) as never,
    bool_or(job_key = '') as keyless, count(job_key) > count(distinct job_key) as twice
  into said from unnest(specs);
  if said.nameless then
    raise exception 'a job needs an identifier' using errcode = 'JF021', hint = 'The name of the task that is to run it.';
  elsif said.never then
    raise exception 'max_attempts is less than 1' using errcode = 'JF022', hint = 'Leave it out for the default, 25.';
  elsif said.keyless then
    raise exception 'a job_key is empty' using errcode = 'JF023', hint = 'Pass null for a job without a key.';
  elsif said.twice then
    raise exception 'two of these jobs have the same job_key' using errcode = 'JF024', hint = 'Each key once in one call.';
  end if;
end $$;

-- The unfinished jobs that have these keys of these owners. A running one is some processor's. (Without a
-- search_path of its own it becomes a part of its callers' statements, which have theirs.)
create function jobferry.keyed_jobs(owners text[], job_keys text[])
returns table (id uuid, owner text, job_key text, running boolean)
language sql stable as $$
  select b.id, b.submitted_by, b.job_key, b.status = 'running' or coalesce(q.locked_by is not null, false)
  from unnest(owners, job_keys) k(owner, job_key)
  cross join lateral (
    select * from public.background_jobs b
    where coalesce(b.submitted_by, '') = coalesce(k.owner, '') and b.job_key = k.job_key
      and b.job_key is not null and b.finished_at is null
    limit 1
  ) b
  left join jobferry.queue q on q.job_id = b.id
$$;

-- Take these jobs in hand: until the transaction ends nobody else moves them. Every unfinished job has a row
-- in the queue; whose snapshot is older than the queue's file (0020_compaction.sql) can't see it, and would
-- change one half of the job alone.
create function jobferry.hold_jobs(ids uuid[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  unfinished bigint;
  held bigint;
begin
  perform from public.background_jobs b where b.id = any (ids) order by b.id for update;
  perform from jobferry.queue q where q.job_id = any (ids) order by q.job_id for update;
  get diagnostics held = row_count;
  if current_setting('transaction_isolation') <> 'read committed' then
    select count(*) into unfinished from public.background_jobs b where b.id = any (ids) and b.finished_at is null;
    if held < unfinished then
      raise exception 'could not serialize access: the queue was compacted meanwhile'
        using errcode = 'serialization_failure', hint = 'Repeat the transaction.';
    end if;
  end if;
end $$;

-- These running jobs, which are in our hands, lose their keys: they may end, and are not tried again.
create function jobferry.release_keys(ids uuid[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  update jobferry.queue q set max_attempts = greatest(q.attempts, 1) where q.job_id = any (ids);
  update public.background_jobs b
  set job_key = null, max_attempts = greatest(b.attempts, 1),
    revised = pg_current_xact_id(), version = pg_current_xact_id()
  where b.id = any (ids);
end $$;

-- Failed jobs lose these keys: from now on they are history. Devices have nothing to learn from that.
create function jobferry.release_failed_keys(owners text[], job_keys text[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  update public.background_jobs b set job_key = null
  from unnest(owners, job_keys) k(owner, job_key)
  cross join lateral (
    select f.id from public.background_jobs f
    where coalesce(f.submitted_by, '') = coalesce(k.owner, '') and f.job_key = k.job_key
      and f.job_key is not null and f.status = 'failed'
    offset 0
  ) failed
  where b.id = failed.id;
end $$;

-- Insert jobs, with what a trigger would add: queue, events. A job whose key is taken is left out.
create function jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid)
returns setof public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  began bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
  return query
  with added as (
    insert into public.background_jobs (id, payload, submitted_by, task, queue_name, priority, run_at, max_attempts,
      job_key, flags, database_id, status)
    select jobferry.new_id(began + s.number), coalesce(s.payload::jsonb, '{}'), owner, s.identifier, s.queue_name,
      coalesce(s.priority, 0), coalesce(s.run_at, now()), coalesce(s.max_attempts, 25), s.job_key, s.flags,
      insert_jobs.database_id, jobferry.status_of(false, false, coalesce(s.run_at, now()))
    from unnest(specs) with ordinality
      s(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags, number)
    on conflict (coalesce(submitted_by, ''), job_key) where job_key is not null and finished_at is null do nothing
    returning *
  ),
  queued as (
    insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select a.id, a.task, a.queue_name, a.priority, a.run_at, a.attempts, a.max_attempts, a.flags from added a
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select a.id, a.submitted_by, 'submitted', a.attempts, jobferry.asker() from added a
  )
  select * from added;
end $$;

-- The same for one job without a key, in plain statements: it takes half the time.
create function jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid)
returns public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  began bigint := extract(epoch from clock_timestamp()) * 1000000;
  due timestamptz := coalesce(spec.run_at, now());
  job public.background_jobs;
begin
  insert into public.background_jobs (id, payload, submitted_by, task, queue_name, priority, run_at, max_attempts,
    flags, database_id, status)
  values (jobferry.new_id(began), coalesce(spec.payload::jsonb, '{}'), owner, spec.identifier, spec.queue_name,
    coalesce(spec.priority, 0), due, coalesce(spec.max_attempts, 25),
    spec.flags, insert_job.database_id, jobferry.status_of(false, false, due))
  returning * into job;
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  values (job.id, owner, 'submitted', job.attempts, jobferry.asker());
  -- Last: from here it may be handed over.
  insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
  values (job.id, job.task, job.queue_name, job.priority, job.run_at, job.attempts, job.max_attempts, job.flags);
  return job;
end $$;

-- Write these specs over the waiting jobs that have these keys, which are in our hands: the same ids,
-- everything else as if they were new. Two arrays become one. With `preserve` a job that was not tried
-- yet keeps its time. `revised` lets every device learn the new payload, even the one that sent the old.
create function jobferry.replace_jobs(
  ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid
)
returns setof public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  return query
  with fresh as (
    select b.id, s.identifier, s.queue_name, s.flags,
      coalesce(s.priority, 0) as priority, coalesce(s.max_attempts, 25) as max_attempts,
      coalesce(s.payload::jsonb, '{}') as payload,
      case when preserve and b.attempts = 0 then b.run_at else coalesce(s.run_at, now()) end as run_at
    from unnest(ids, job_keys) k(id, job_key) join unnest(specs) s on s.job_key = k.job_key
    join public.background_jobs b on b.id = k.id
  ),
  replaced as (
    update public.background_jobs b
    set payload = case when jsonb_typeof(b.payload) = 'array' and jsonb_typeof(f.payload) = 'array'
        then b.payload || f.payload else f.payload end,
      task = f.identifier, queue_name = f.queue_name, priority = f.priority, run_at = f.run_at,
      max_attempts = f.max_attempts, flags = f.flags, database_id = replace_jobs.database_id,
      attempts = 0, progress = 0, result = null, error = null, started_at = null,
      status = jobferry.status_of(false, false, f.run_at),
      revised = pg_current_xact_id(), version = pg_current_xact_id()
    from fresh f where b.id = f.id
    returning b.*
  ),
  requeued as (
    update jobferry.queue q
    set task = r.task, queue_name = r.queue_name, priority = r.priority, run_at = r.run_at, attempts = 0,
      max_attempts = r.max_attempts, flags = r.flags
    from replaced r where q.job_id = r.id
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select r.id, r.submitted_by, 'replaced', 0, jobferry.asker() from replaced r
  )
  select * from replaced;
end $$;

-- Say in the audit log of each of these jobs which one has its key now.
create function jobferry.note_heirs(ids uuid[], owner text, job_keys text[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'replaced', b.attempts, jobferry.asker(), jsonb_build_object('replaced_by', heir.id)
  from unnest(ids, job_keys) old(id, job_key)
  join public.background_jobs b on b.id = old.id
  cross join lateral jobferry.keyed_jobs(array[owner], array[old.job_key]) heir;
end $$;

-- One go at putting keyed jobs where they belong. Returns those that found their place: all, unless
-- a foreign writer took one of the keys at the same moment.
create function jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
returns setof public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  owners text[] := array_fill(owner, array[cardinality(specs)]);
  keys text[] := array(select s.job_key from unnest(specs) s);
  held uuid[] := array(select k.id from jobferry.keyed_jobs(owners, keys) k);
  running uuid[];
  running_keys text[];
  waiting uuid[];
  waiting_keys text[];
begin
  if held <> '{}' then
    perform jobferry.hold_jobs(held);
    -- What another queue has not begun waits here again.
    perform jobferry.take_back(held);
    select array_agg(k.id) filter (where k.running), array_agg(k.job_key) filter (where k.running),
      array_agg(k.id) filter (where not k.running), array_agg(k.job_key) filter (where not k.running)
    into running, running_keys, waiting, waiting_keys
    from jobferry.keyed_jobs(owners, keys) k where k.id in (select unnest(held));
  end if;
  if running is not null then
    perform jobferry.release_keys(running);
  end if;
  perform jobferry.release_failed_keys(owners, keys);
  if waiting is not null then
    return query select * from jobferry.replace_jobs(waiting, waiting_keys, specs, mode = 'preserve_run_at', database_id);
    perform jobferry.hand_over(waiting);
    specs := array(select s from unnest(specs) s where s.job_key not in (select unnest(waiting_keys)));
  end if;
  if cardinality(specs) > 0 then
    return query select * from jobferry.insert_jobs(specs, owner, database_id);
  end if;
  if running is not null then
    perform jobferry.note_heirs(running, owner, running_keys);
  end if;
end $$;

-- Put keyed jobs where they belong.
create function jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
returns setof public.background_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  job public.background_jobs;
  placed text[];
begin
  perform pg_advisory_xact_lock(k.lock)
  from (select distinct jobferry.key_lock(owner, s.job_key) as lock from unnest(specs) s order by 1) k;
  -- Nobody takes a key from under us a hundred times.
  for go in 1 .. 100 loop
    placed := '{}';
    for job in select * from jobferry.try_keyed(specs, mode, owner, database_id) loop
      placed := placed || job.job_key;
      return next job;
    end loop;
    specs := array(select s from unnest(specs) s where s.job_key not in (select unnest(placed)));
    if cardinality(specs) = 0 then
      return;
    end if;
  end loop;
  perform jobferry.refuse_left_out();
end $$;

-- The job that has this key, be it waiting, running or failed.
create function jobferry.job_with_key(owner text, job_key text) returns setof public.background_jobs
language sql stable set search_path = pg_catalog, pg_temp as $$
  (select * from public.background_jobs b where coalesce(b.submitted_by, '') = coalesce(owner, '')
    and b.job_key = job_with_key.job_key and b.job_key is not null and b.finished_at is null)
  union all
  (select * from public.background_jobs b where coalesce(b.submitted_by, '') = coalesce(owner, '')
    and b.job_key = job_with_key.job_key and b.job_key is not null and b.status = 'failed'
    order by b.finished_at desc)
  limit 1
$$;

-- Ring once for whoever has something to do or to show.
create function jobferry.ring_for(owner text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.announce(array[owner]) where owner is not null;
  perform pg_notify('jobferry_queue', '');
end $$;

-- What add_job and add_jobs have in common: put in place, ring once.
create function jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
returns setof public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  keyed jobferry.job_spec[] := array(select s from unnest(specs) s where s.job_key is not null);
begin
  if cardinality(keyed) = 0 then
    return query select * from jobferry.insert_jobs(specs, owner, database_id);
  else
    return query select * from jobferry.insert_jobs(
      array(select s from unnest(specs) s where s.job_key is null), owner, database_id);
    return query select * from jobferry.put_keyed(keyed, mode, owner, database_id);
  end if;
  perform jobferry.ring_for(owner);
end $$;

-- The job that has this spec's key, however it fares; only if there is none, the spec's own.
create function jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid)
returns public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  job public.background_jobs;
begin
  perform pg_advisory_xact_lock(jobferry.key_lock(owner, spec.job_key));
  for go in 1 .. 100 loop
    select * into job from jobferry.job_with_key(owner, spec.job_key);
    if found then
      return job;
    end if;
    select * into job from jobferry.insert_jobs(array[spec], owner, database_id);
    if found then
      perform jobferry.ring_for(owner);
      return job;
    end if;
  end loop;
  perform jobferry.refuse_left_out();
end $$;

-- Add one job.
create function jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid)
returns public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  job public.background_jobs;
begin
  perform jobferry.check_specs(array[spec], mode);
  if spec.job_key is null then
    job := jobferry.insert_job(spec, owner, database_id);
    perform jobferry.ring_for(owner);
  elsif mode = 'unsafe_dedupe' then
    job := jobferry.job_or_insert(spec, owner, database_id);
  else
    select * into strict job from jobferry.put_jobs(array[spec], mode, owner, database_id);
  end if;
  return job;
end $$;

-- The payload as json, as text (which an untyped literal is), and as jsonb. Only the first has a
-- default for it, so that no call fits two of them. (In plpgsql, since SQL functions are planned anew each time.)
create function jobferry.add_job(
  identifier text, payload json default null, queue_name text default null, run_at timestamptz default null,
  max_attempts integer default null, job_key text default null, priority integer default null,
  flags text[] default null, job_key_mode text default 'replace', owner text default null, database_id uuid default null
) returns public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobferry.add_one(
    row(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;

create function jobferry.add_job(
  identifier text, payload text, queue_name text default null, run_at timestamptz default null,
  max_attempts integer default null, job_key text default null, priority integer default null,
  flags text[] default null, job_key_mode text default 'replace', owner text default null, database_id uuid default null
) returns public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobferry.add_one(
    row(identifier, payload::json, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;

create function jobferry.add_job(
  identifier text, payload jsonb, queue_name text default null, run_at timestamptz default null,
  max_attempts integer default null, job_key text default null, priority integer default null,
  flags text[] default null, job_key_mode text default 'replace', owner text default null, database_id uuid default null
) returns public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobferry.add_one(
    row(identifier, payload::json, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;

-- The same with the tenant first, in the order of @pgpm/jobs.
create function jobferry.add_job(
  db_id uuid, identifier text, payload json default null, job_key text default null, queue_name text default null,
  run_at timestamptz default null, max_attempts integer default null, priority integer default null
) returns public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobferry.add_one(
    row(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, null)::jobferry.job_spec,
    'replace', null, db_id);
end $$;

-- Add many jobs in one go. `unsafe_dedupe` is not to be had here, and no key may come twice.
create function jobferry.add_jobs(
  specs jobferry.job_spec[], job_key_preserve_run_at boolean default false,
  owner text default null, database_id uuid default null
) returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  mode text := case when job_key_preserve_run_at then 'preserve_run_at' else 'replace' end;
begin
  if cardinality(specs) > 0 then
    perform jobferry.check_specs(specs, mode);
    return query select * from jobferry.put_jobs(specs, mode, owner, database_id);
  end if;
end $$;

-- The device's side of keys. Each device row is a job with an id of its own and stays one: what a
-- newer one with its key replaces is cancelled, and says by which. See docs/decisions.

-- End jobs that are in our hands, whatever they were doing: ledger, queue, event, notice.
create function jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb)
returns setof public.background_jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  owners text[];
begin
  return query
  with ended as (
    update public.background_jobs b
    set status = end_jobs.status, completed = end_jobs.status = 'completed', cancelled = end_jobs.status = 'cancelled',
      progress = case when end_jobs.status = 'completed' then 1 else b.progress end,
      error = case when end_jobs.status = 'cancelled' then b.error else end_jobs.error end,
      finished_at = now(), version = pg_current_xact_id()
    where b.id = any (ids) and b.finished_at is null
    returning b.*
  ),
  dequeued as (delete from jobferry.queue q using ended e where q.job_id = e.id),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select e.id, e.submitted_by, e.status, e.attempts, end_jobs.actor,
      coalesce(end_jobs.detail, jobferry.event_detail(e.status, e.error))
    from ended e
  )
  select * from ended;
  select array_agg(distinct b.submitted_by) into owners from public.background_jobs b where b.id = any (ids);
  perform jobferry.announce(owners);
end $$;

-- Cancel the waiting among these jobs, which are in our hands; the running ones may end. Their key
-- passes on to `heir`.
create function jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  detail jsonb := jsonb_build_object('replaced_by', heir);
begin
  if running then
    perform jobferry.release_keys(array[old]);
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select b.id, b.submitted_by, 'replaced', b.attempts, actor, detail
    from public.background_jobs b where b.id = old;
  else
    perform jobferry.end_jobs(array[old], 'cancelled', null, actor, detail);
  end if;
end $$;

-- Take these jobs in hand without waiting for anybody; those that could be had.
create function jobferry.try_hold_jobs(ids uuid[]) returns uuid[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  rows_held uuid[];
  entries_held uuid[];
begin
  rows_held := array(select b.id from public.background_jobs b where b.id = any (ids) for update skip locked);
  entries_held := array(select q.job_id from jobferry.queue q where q.job_id = any (rows_held) for update skip locked);
  return array(select id from unnest(rows_held) id
    where id = any (entries_held) or not exists (select from jobferry.queue q where q.job_id = id));
end $$;

-- Make way for the keyed among these submits. Says by their places which must wait, since somebody is
-- at work on their key (`held`), and which were overtaken by a later one here, by which (`heirs`).
create function jobferry.make_way(
  ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[],
  out held integer[], out overtaken integer[], out heirs uuid[]
) language plpgsql volatile
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  last integer[];
  mine uuid[];
  old record;
begin
  with key as materialized (
    select distinct i.owner, i.job_key from unnest(owners, job_keys) i(owner, job_key) where i.job_key is not null
  ),
  tried as materialized (
    select key.*, pg_try_advisory_xact_lock(jobferry.key_lock(key.owner, key.job_key)) as got from key
  )
  select coalesce(array_agg(i.number::integer), '{}') into held
  from unnest(owners, job_keys) with ordinality i(owner, job_key, number)
  join tried t on t.owner = i.owner and t.job_key = i.job_key
  where not t.got;

  -- A statement of its own: it sees what was done before we got the keys.
  with newcomer as (
    select distinct on (i.id) i.*
    from unnest(ids, owners, job_keys, cancels) with ordinality i(id, owner, job_key, cancelled, number)
    where i.job_key is not null and not i.cancelled and i.number <> all (held)
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    order by i.id, i.number
  ),
  ranked as (
    select n.number::integer, max(n.number) over (partition by n.owner, n.job_key)::integer as last from newcomer n
  )
  select array_agg(r.number) filter (where r.number = r.last), array_agg(r.number) filter (where r.number <> r.last),
    array_agg(ids[r.last]) filter (where r.number <> r.last)
  into last, overtaken, heirs from ranked r;

  mine := jobferry.try_hold_jobs(array(
    select k.id from jobferry.keyed_jobs(
      array(select owners[n] from unnest(last) n), array(select job_keys[n] from unnest(last) n)) k));
  for old in
    select k.*, n as heir
    from unnest(last) n, jobferry.keyed_jobs(array[owners[n]], array[job_keys[n]]) k
  loop
    if old.id = any (mine) then
      perform jobferry.pass_key_on(old.id, old.running, ids[old.heir], 'device ' || client_ids[old.heir]);
    else
      held := held || array(
        select i.number::integer from unnest(owners, job_keys) with ordinality i(owner, job_key, number)
        where i.owner = old.owner and i.job_key = old.job_key);
    end if;
  end loop;
  perform jobferry.release_failed_keys(
    array(select owners[n] from unnest(last) n), array(select job_keys[n] from unnest(last) n));
end $$;

-- Say of the submits that were overtaken as they came in by which, if they did come in.
create function jobferry.note_overtaken(ids uuid[], heirs uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'cancelled', 0, 'device ' || b.client_id, jsonb_build_object('replaced_by', i.heir)
  from unnest(ids, heirs) i(id, heir) join public.background_jobs b on b.id = i.id and b.status = 'cancelled'
$$;

-- A device that sends a job again has not heard of its first answer, which said when it was received; and if
-- the job was revised, it could not take the new payload before that. It shall hear of it once more.
--
-- Waits for nobody: who is writing the row this moment makes it told of by that.
create function jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  with mine as materialized (
    select b.id from unnest(ids, owners, client_ids, payloads, tasks) i(id, owner, client_id, payload, task)
    join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner and b.client_id = i.client_id
    where b.created <> pg_current_xact_id()
      and (b.revised is not null
        or (b.version = b.created and b.finished_at is null and b.task = i.task and b.payload = i.payload::jsonb))
    for no key update of b skip locked
  ),
  told as (
    update public.background_jobs b
    set revised = case when b.revised is not null then pg_current_xact_id() end, version = pg_current_xact_id()
    from mine where b.id = mine.id returning b.submitted_by
  )
  select jobferry.announce(array_agg(distinct submitted_by)) from told
$$;

call jobferry.settle_functions();

grant execute on function
  jobferry.new_id, jobferry.key_lock, jobferry.check_specs, jobferry.keyed_jobs, jobferry.hold_jobs,
  jobferry.release_keys, jobferry.release_failed_keys, jobferry.insert_jobs, jobferry.insert_job, jobferry.replace_jobs,
  jobferry.note_heirs, jobferry.try_keyed, jobferry.put_keyed, jobferry.job_with_key, jobferry.ring_for,
  jobferry.put_jobs, jobferry.job_or_insert, jobferry.add_one, jobferry.end_jobs, jobferry.pass_key_on,
  jobferry.try_hold_jobs, jobferry.make_way, jobferry.note_overtaken, jobferry.tell_again
  to jobferry_engine;

-- Whoever produces jobs, and handlers that add more of them.
grant execute on function
  jobferry.add_job(text, json, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(text, text, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(text, jsonb, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(uuid, text, json, text, text, timestamptz, integer, integer),
  jobferry.add_jobs
  to jobferry_producer, jobferry_processor;
