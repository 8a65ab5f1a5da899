-- What a processor does to the queue, in sets: claim, flush, hand back, stay alive.
--
-- Fencing: a job is held as (job_id, locked_by, attempts). Every write below is conditional on all
-- three, so a processor that lost its lease changes nothing and is told.
--
-- Lock order: the lease (an advisory lock: it costs an idle claim no write) comes first. Claim and
-- flush share it; reaping and leaving take it alone, so nobody gives away the jobs of a processor in
-- the middle of something. Queue rows may be waited for: only the functions of the engine lock them,
-- in short transactions. Ledger rows never are, since anybody may hold one for as long as he likes: what
-- can't be had at once is left for the next time, and everything else goes on. A queue row whose job
-- somebody else has finished or removed meanwhile is cleared away by whoever of us meets it next.
--
-- What a batch touches was touched a moment ago and is in memory. With the default random_page_cost the
-- planner takes it for far away and reads some thousand rows of the ledger in order instead, for every
-- batch: twice the time. Forbidding other joins is no way out: once its estimates are off, they turn
-- into nested loops over everything.

-- A job waits this long after its nth attempt failed: 2.7 s, 7.4 s, 20 s ... 22026 s.
create function jobferry.backoff(attempts integer) returns interval
language sql immutable
as $$ select make_interval(secs => exp(least(attempts, 10))) $$;

-- What stands for a processor's lease among the advisory locks.
create function jobferry.lease_key(processor text) returns bigint
language sql immutable
as $$ select hashtextextended('jobferry.processor ' || processor, 0) $$;

create function jobferry.register_processor(processor text, tasks text[], version text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobferry.processors (id, tasks, version) values (processor, register_processor.tasks, register_processor.version)
  on conflict (id) do update set tasks = excluded.tasks, last_seen = now()
$$;

-- Prolong the lease. False: somebody took this processor for dead and gave its jobs away.
create function jobferry.heartbeat(processor text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobferry.processors set last_seen = now() where id = processor;
  return found;
end $$;

-- Named queues that give nothing for now.
create table jobferry.paused_queues (
  queue_name text primary key,
  paused_at timestamptz not null default now()
);

-- The jobs that named queues may give now: the first due one of every name that has none running, of the first
-- `most` such names and a few more. An advisory lock on each of these, held until the claim commits, makes sure
-- that nobody else decides on the same name meanwhile; the second statement then sees whatever was decided
-- before. Two names with one hash only miss a turn. Not of all names: anybody may make as many as he likes, and
-- Postgres has room for some thousand locks.
create function jobferry.named_heads(tasks text[], forbidden_flags text[], most integer) returns uuid[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  names text[];
begin
  with recursive name as (
    (select queue_name from jobferry.queue where queue_name is not null order by queue_name limit 1)
    union all
    select (select q.queue_name from jobferry.queue q where q.queue_name > name.queue_name order by q.queue_name limit 1)
    from name where name.queue_name is not null
  ),
  first as materialized (
    select name.queue_name from name
    cross join lateral (
      select q.priority, q.run_at, q.job_id from jobferry.queue q
      where q.queue_name = name.queue_name and q.run_at <= now() and (tasks is null or q.task = any (tasks))
        and (q.flags is null or not q.flags && forbidden_flags)
      order by q.priority, q.run_at, q.job_id limit 1
    ) head
    where not exists (select from jobferry.paused_queues p where p.queue_name = name.queue_name)
      and not exists (select from jobferry.queue busy where busy.queue_name = name.queue_name and busy.locked_by is not null)
    order by head.priority, head.run_at, head.job_id
    limit most + 100
  )
  select array_agg(queue_name) into names from first
  where pg_try_advisory_xact_lock(hashtextextended('jobferry.queue ' || queue_name, 0));

  return array(
    select head.job_id from unnest(names) name
    cross join lateral (
      select q.job_id from jobferry.queue q
      where q.queue_name = name and q.run_at <= now() and (tasks is null or q.task = any (tasks))
        and (q.flags is null or not q.flags && forbidden_flags)
      order by q.priority, q.run_at, q.job_id limit 1
    ) head
    where not exists (select from jobferry.queue busy where busy.queue_name = name and busy.locked_by is not null));
end $$;

-- Jobs that somebody else has finished or removed are nobody's work any more.
create function jobferry.clear_away(ids uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from jobferry.queue q
  where q.job_id = any (ids)
    and not exists (select from public.background_jobs b where b.id = q.job_id and b.finished_at is null)
$$;

-- The next jobs behind this place that may be begun, locked, in the order in which they are to run; what
-- somebody else has locked is passed over. Of the named queues only their `heads`, none of `full_now`.
--
-- Apart from the claim, whose plans would otherwise be made anew for each: how many rows a LIMIT lets through
-- is only known once its parameter is, and planning takes as long as the work. Here is one table and one
-- good way to read it, and who joins the rows is told their number.
create function jobferry.due_jobs(
  tasks text[], forbidden_flags text[], heads uuid[], full_now text[],
  after_priority smallint, after_run_at timestamptz, after_id uuid, most integer
)
returns table (job_id uuid, task text, priority smallint, run_at timestamptz)
language plpgsql volatile rows 100
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
#variable_conflict use_column
begin
  return query
    select q.job_id, q.task, q.priority, q.run_at from jobferry.queue q
    where (q.priority, q.run_at, q.job_id) > (after_priority, after_run_at, after_id)
      and q.locked_by is null and q.run_at <= now() and (tasks is null or q.task = any (tasks))
      and (q.flags is null or not q.flags && forbidden_flags)
      and (q.queue_name is null or q.job_id = any (heads))
      and (full_now is null or q.task <> all (full_now))
    order by q.priority, q.run_at, q.job_id
    limit most
    for update skip locked;
end $$;

-- Begin one job that is in our hands, as the claim begins many, but in plain statements: for a single job
-- that takes half the time. Nothing if somebody else has its ledger row, or has ended it.
create function jobferry.begin_job(
  processor text, job uuid, until timestamptz,
  out id uuid, out task text, out payload text, out attempt smallint, out owner text, out progress real, out error text,
  out checkpoint text
)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  begun public.background_jobs;
  entry jobferry.queue;
begin
  perform from public.background_jobs b where b.id = job and b.finished_at is null for no key update skip locked;
  if not found then
    return;
  end if;
  update jobferry.queue q
  set locked_by = processor, locked_until = until, attempts = least(q.attempts, 32766) + 1
  where q.job_id = job returning q.* into entry;
  update public.background_jobs b
  set status = 'running', attempts = entry.attempts, started_at = coalesce(b.started_at, now()), version = pg_current_xact_id()
  where b.id = job returning b.* into begun;
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  values (job, begun.submitted_by, 'started', begun.attempts, jobferry.actor(processor));
  if octet_length(begun.submitted_by) < 7900 then
    perform pg_notify('jobferry_changes', begun.submitted_by);
  end if;
  id := begun.id; task := entry.task; payload := coalesce(entry.rest, begun.payload)::text; attempt := begun.attempts;
  owner := begun.submitted_by; progress := begun.progress; error := begun.error::text; checkpoint := entry.checkpoint::text;
end $$;

-- Take up to `most` due jobs of these tasks, first by priority, then by time, at most one of each
-- named queue, no more of a task than its limit, none that carries a forbidden flag. Each costs its job
-- an attempt. A job whose ledger row somebody is writing this moment, for however long, is passed over, and
-- the search goes on behind it, twice as far each time; but no further than some ten thousand such rows.
-- With each job comes what earlier attempts left: progress, error, checkpoint, and of an array the items
-- still to do. Its task is the queue's, which was asked for: the ledger's may have been changed this moment.
--
-- A worker that speaks SQL has no lease: it takes jobs of any task (null) and holds them `until` a time.
create function jobferry.claim(
  processor text, tasks text[], forbidden_flags text[], most integer, until timestamptz default null
)
returns table (id uuid, task text, payload text, attempt smallint, owner text, progress real, error text, checkpoint text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
#variable_conflict use_column
declare
  heads uuid[];
  limits text[];
  full_now text[];
  said record;
  found record;
  -- The search goes on behind this place.
  after_priority smallint := -32768;
  after_run_at timestamptz := '-infinity';
  after_id uuid := '00000000-0000-0000-0000-000000000000';
  reach integer := most;
  number integer := 0;
  first uuid[];
  passed_over uuid[];
begin
  if until is null then
    perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  end if;
  -- In one look: on an idle queue each statement counts.
  select exists (select from jobferry.processors p where p.id = processor) as registered,
    exists (select from jobferry.queue q where q.queue_name is not null) as named,
    (select array_agg(l.task) from jobferry.task_limits l where tasks is null or l.task = any (tasks)) as limits
  into said;
  limits := said.limits;
  if until is null and not said.registered then
    raise exception 'processor % is not registered', processor
      using errcode = 'JF010', hint = 'Its lease ran out and its jobs were given away; register again.';
  end if;
  if said.named then
    heads := jobferry.named_heads(tasks, forbidden_flags, most);
  end if;

  if limits is null then
    first := array(select d.job_id from jobferry.due_jobs(
      tasks, forbidden_flags, heads, null, after_priority, after_run_at, after_id, least(most, 2)) d);
    if cardinality(first) = 0 then
      return;
    elsif cardinality(first) = 1 then
      found := jobferry.begin_job(processor, first[1], until);
      if found.id is not null then
        id := found.id; task := found.task; payload := found.payload; attempt := found.attempt; owner := found.owner;
        progress := found.progress; error := found.error; checkpoint := found.checkpoint;
        return next;
        return;
      end if;
    end if;
  end if;
  loop
    if limits is not null then
      full_now := jobferry.full_tasks(limits);
      exit when tasks <@ full_now;
    end if;
    for found in
      with due as materialized (
        select * from jobferry.due_jobs(
          tasks, forbidden_flags, heads, full_now, after_priority, after_run_at, after_id, reach)
      ),
      free as materialized (
        select due.* from due join public.background_jobs b on b.id = due.job_id
        where limits is null or due.task <> all (limits) or due.job_id = any (array(
          select unnest(jobferry.give_places(array(
            select d.job_id from due d where d.task = any (limits) order by d.priority, d.run_at, d.job_id)))))
        order by due.priority, due.run_at, due.job_id
        limit most - number
        for no key update of b skip locked
      ),
      taken as (
        -- One attempt more than a smallint has would stop the claim, and with it all others.
        update jobferry.queue q
        set locked_by = processor, locked_until = until, attempts = least(q.attempts, 32766) + 1,
          limited = case when q.task = any (limits) then true end
        from free f where q.job_id = f.job_id
        returning f.*, q.attempts, q.checkpoint, q.rest
      ),
      started as (
        update public.background_jobs b
        set status = 'running', attempts = t.attempts, started_at = coalesce(b.started_at, now()),
          version = pg_current_xact_id()
        from taken t where b.id = t.job_id and b.finished_at is null
        returning b.id, t.task, coalesce(t.rest, b.payload) as payload, b.attempts, b.submitted_by, b.progress, b.error,
          t.checkpoint, t.priority, t.run_at
      ),
      audited as (
        insert into public.background_job_events (job_id, owner, event, attempt, actor)
        select s.id, s.submitted_by, 'started', s.attempts, jobferry.actor(processor) from started s
      ),
      announced as materialized (
        select pg_notify('jobferry_changes', o.submitted_by)
        from (select distinct submitted_by from started where octet_length(submitted_by) < 7900) o
      )
      select s.id, s.task, s.payload::text, s.attempts, s.submitted_by, s.progress, s.error::text, s.checkpoint::text,
        (select array_agg(due.job_id) from due where due.job_id not in (select id from started)) as passed_over
      from (select count(*) from announced) a left join started s on true
      order by s.priority, s.run_at, s.id
    loop
      if found.id is not null then
        number := number + 1;
        id := found.id; task := found.task; payload := found.payload; attempt := found.attempts; owner := found.submitted_by;
        progress := found.progress; error := found.error; checkpoint := found.checkpoint;
        return next;
      end if;
    end loop;
    passed_over := passed_over || found.passed_over;
    exit when found.passed_over is null or number >= most or reach > 8192;
    reach := reach * 2;
    select q.priority, q.run_at, q.job_id into after_priority, after_run_at, after_id from jobferry.queue q
    where q.job_id = any (found.passed_over) order by q.priority desc, q.run_at desc, q.job_id desc limit 1;
  end loop;

  if passed_over is not null then
    perform jobferry.clear_away(passed_over);
  end if;
end $$;

-- The four things a flush may carry, each a set, each fenced. `free` are the ledger rows that can be had
-- at once, `over` those that somebody has finished meanwhile. Each returns how many could not be had.

create function jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.* from unnest(ids, attempt_numbers, results) i(id, attempt, result)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as (
    delete from jobferry.queue q using free f
    where q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    returning q.job_id, f.result
  ),
  done as (
    update public.background_jobs b
    set completed = true, status = 'completed', progress = 1, result = h.result::jsonb, error = null,
      finished_at = now(), version = pg_current_xact_id()
    from held h where b.id = h.job_id and b.finished_at is null
    returning b.id, b.submitted_by, b.attempts
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'completed', attempts, jobferry.actor(processor) from done
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from done;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;

-- The items of a list at these places, from 0.
create function jobferry.items_at(list jsonb, places integer[]) returns jsonb
language sql immutable
as $$
  select jsonb_agg(item.value order by item.ordinality) from jsonb_array_elements(list) with ordinality item
  where item.ordinality - 1 = any (places)
$$;

-- A failure is retried after `delays` (null: the usual back-off) unless it is final or was the last. Of a
-- payload that is an array the retry gets the items at those `places` (array literals, from 0; null: all).
create function jobferry.fail_batch(
  processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[],
  places text[] default null
) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.payload, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, errors, final, delays, details, places) i(id, attempt, error, final, delay, detail, places)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.error::jsonb as error, f.detail::jsonb as detail,
      case when f.places is not null then jobferry.items_at(coalesce(q.rest, f.payload), f.places::integer[]) end as rest,
      f.final or q.attempts >= q.max_attempts as final,
      greatest(now(), q.run_at) + coalesce(f.delay, jobferry.backoff(q.attempts)) as next_run
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and (h.final or h.over)),
  waiting as (
    update jobferry.queue q
    set locked_by = null, locked_until = null, run_at = h.next_run, rest = coalesce(h.rest, q.rest)
    from held h where q.job_id = h.job_id and not (h.final or h.over)
  ),
  failed as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      run_at = case when h.final then b.run_at else h.next_run end,
      error = h.error, version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.detail
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, jobferry.actor(processor), error || coalesce(detail, '{}') from failed
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from failed;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;

-- Progress is not an event and wakes nobody but the owner's gateway; a checkpoint is nobody's business but
-- the next attempt's. Either may be null.
create function jobferry.progress_batch(
  processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[] default null
) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, progresses, checkpoints) i(id, attempt, progress, checkpoint)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.progress, f.checkpoint::jsonb as checkpoint
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.over),
  kept as (
    update jobferry.queue q set checkpoint = h.checkpoint
    from held h where q.job_id = h.job_id and not h.over and h.checkpoint is not null
  ),
  moved as (
    update public.background_jobs b set progress = h.progress, version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over and h.progress is not null
    returning b.submitted_by
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from moved;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;

-- Hand back what was taken and not begun, or not finished in time to stop: the attempt is returned. With a
-- delay the handler asked for that: the job is scheduled again.
create function jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[] default null) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, delays) i(id, attempt, delay)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.delay
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.over),
  freed as (
    update jobferry.queue q
    set locked_by = null, locked_until = null, attempts = q.attempts - 1, run_at = coalesce(now() + h.delay, q.run_at)
    from held h where q.job_id = h.job_id and not h.over
    returning q.job_id, q.attempts, q.run_at, h.delay
  ),
  released as (
    update public.background_jobs b
    set status = case when f.delay > interval '0' then 'scheduled' else 'queued' end,
      attempts = f.attempts, run_at = f.run_at, version = pg_current_xact_id()
    from freed f where b.id = f.job_id
    returning b.id, b.submitted_by, b.attempts, b.status
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, case status when 'scheduled' then 'snoozed' else 'released' end, attempts, jobferry.actor(processor)
    from released
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from released;
  perform jobferry.announce(owners);
  perform pg_notify('jobferry_queue', '');
  return cardinality(ids) - had;
end $$;

-- Which of the jobs that a processor runs are no longer its own? `cancelled`, or `lost` with the
-- lease. Clears away the queue rows of those that somebody finished while we held them.
create function jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[])
returns table (id uuid, attempt smallint, verdict text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  perform jobferry.clear_away(ids);
  return query
    select i.id, i.attempt, case when b.cancelled then 'cancelled' else 'lost' end
    from unnest(ids, attempt_numbers) i(id, attempt)
    left join public.background_jobs b on b.id = i.id
    where not exists (
      select from jobferry.queue q where q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt);
end $$;

-- Give away the jobs of processors that were not seen for `lease`. A job keeps the attempt it used,
-- so one that kills its processor does not run for ever. Returns how many jobs were freed.
create function jobferry.reap(lease interval) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  dead text[];
  expired integer := jobferry.free_expired();
  freed integer;
  owners text[];
begin
  with silent as materialized (
    select p.id from jobferry.processors p where p.last_seen < now() - lease for update skip locked
  )
  select array_agg(id) into dead from silent where pg_try_advisory_xact_lock(jobferry.lease_key(id));
  if dead is null then
    return expired;
  end if;

  with free as materialized (
    select b.id, b.finished_at is not null as over
    from jobferry.queue q join public.background_jobs b on b.id = q.job_id
    where q.locked_by = any (dead) for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, q.locked_by, q.attempts >= q.max_attempts as final
    from jobferry.queue q join free f on f.id = q.job_id
    where q.locked_by = any (dead) order by q.job_id for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and (h.final or h.over)),
  waiting as (update jobferry.queue q set locked_by = null from held h where q.job_id = h.job_id and not (h.final or h.over)),
  lost as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      error = jsonb_build_object('code', 'processor_lost', 'message', 'the processor that ran this job died'),
      version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.locked_by
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, 'processor ' || locked_by, error from lost
  )
  select count(*), array_agg(distinct submitted_by) into freed, owners from lost;
  perform jobferry.announce(owners);

  -- A job whose ledger row could not be had stays with its dead processor until the next time.
  perform jobferry.clear_away(array_agg(q.job_id)) from jobferry.queue q where q.locked_by = any (dead);
  delete from jobferry.processors p
  where p.id = any (dead) and not exists (select from jobferry.queue q where q.locked_by = p.id);
  perform pg_notify('jobferry_queue', '');
  return expired + freed;
end $$;

-- Give back what is held in a processor's name and it does not know of: the answer to a claim was lost
-- on the way. Waits for a claim of its that may still be under way.
create function jobferry.release_unknown(processor text, known uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(jobferry.lease_key(processor));
  perform jobferry.release_batch(processor, array_agg(q.job_id), array_agg(q.attempts))
  from jobferry.queue q where q.locked_by = processor and q.job_id <> all (known) having count(*) > 0;
end $$;

-- Leave. What is still held was claimed while the processor was stopping and never begun: it is handed
-- back, since from now on no reaper would look for it. If a ledger row could not be had, the reaper must.
create function jobferry.unregister_processor(processor text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.release_unknown(processor, '{}');
  delete from jobferry.processors
  where id = processor and not exists (select from jobferry.queue q where q.locked_by = processor);
end $$;

-- Due jobs whose task no living processor offers: they stay queued, and somebody should know.
create function jobferry.unserved_tasks() returns table (task text, jobs bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select q.task, count(*) from jobferry.queue q
  where q.run_at <= now() and q.locked_by is null
    and not exists (select from jobferry.processors p where q.task = any (p.tasks))
  group by q.task order by q.task
$$;

-- Of these, which does the processor still hold? What it said of them could not be written, since
-- somebody else has their ledger rows.
create function jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[])
returns table (id uuid, attempt smallint, verdict text)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.clear_away(ids);
  return query
    select q.job_id, q.attempts, 'held_up'
    from unnest(ids, attempt_numbers) i(id, attempt)
    join jobferry.queue q on q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt;
end $$;

-- One flush: all that a processor has to say, in one round trip and one transaction. The answer is what
-- it must stop running (`cancelled`, `lost`), and what it must say again (`held_up`). Empty arrays cost
-- nothing.
create function jobferry.flush(
  processor text,
  done uuid[], done_attempts smallint[], results text[],
  failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[],
  moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[],
  released uuid[], released_attempts smallint[], pauses interval[],
  running uuid[], running_attempts smallint[]
) returns table (id uuid, attempt smallint, verdict text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set random_page_cost = 1 as $$
declare
  missed integer := 0;
begin
  perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  -- First what leaves the fence standing.
  if cardinality(moved) > 0 then
    missed := missed + jobferry.progress_batch(processor, moved, moved_attempts, progresses, checkpoints);
  end if;
  if cardinality(done) > 0 then
    missed := missed + jobferry.complete_batch(processor, done, done_attempts, results);
  end if;
  if cardinality(failed) > 0 then
    missed := missed + jobferry.fail_batch(processor, failed, failed_attempts, errors, final, delays, details, places);
  end if;
  if cardinality(released) > 0 then
    missed := missed + jobferry.release_batch(processor, released, released_attempts, pauses);
  end if;
  if cardinality(running) > 0 then
    return query select * from jobferry.check_running(processor, running, running_attempts);
  end if;
  if missed > 0 then
    return query select * from jobferry.held_up(
      processor, done || failed || moved || released,
      done_attempts || failed_attempts || moved_attempts || released_attempts);
  end if;
end $$;

-- Complete one job within the handler's own transaction: its effects and its completion are one, so they
-- happen exactly once. Raises JF012 if the job is not ours any more, which takes the effects back. Unlike a
-- flush this waits for the ledger row: nobody is held up but the handler. The lease is not held here, or a
-- processor that stopped before its COMMIT would keep all its jobs from being given away; of this one job
-- Postgres itself takes it back after a few seconds.
create function jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('idle_in_transaction_session_timeout', '5s', true);
  perform from public.background_jobs b where b.id = job for no key update;
  perform jobferry.complete_batch(processor, array[job], array[attempt_number], array[result]);
  if not exists (select from public.background_jobs b
      where b.id = job and b.status = 'completed' and b.version = pg_current_xact_id()) then
    raise exception 'job % is not held by processor % any more', job, processor
      using errcode = 'JF012', hint = 'It was cancelled or given to somebody else; what its handler did is rolled back.';
  end if;
end $$;
