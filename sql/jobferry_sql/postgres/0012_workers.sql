-- SQL-only workers: whoever speaks SQL takes a job, does it, and says what came of it.
--
-- A worker has no lease and no heartbeat. What it takes is locked as 'worker ' || worker_id until a time
-- of its own (`locked_until`, which no processor sets); after that the next one who asks, or a processor's
-- reaper, gives the job to others. The attempt it used is kept, and a job without attempts left fails. Until
-- somebody has, a late worker still holds its job and may finish it.
--
-- These functions are thin: taking is the processors' claim, reporting their batches of one, so events,
-- versions and notices are theirs too.
--
-- Lock order: unlike a flush, which has other things to do, a worker waits for its job's ledger row, and
-- takes it before the queue row. Whoever holds that row only ever tries for the queue row.
--
-- Who may call: jobferry_processor.

-- Who acts, as the audit log says it. No processor may take a worker's name.
create function jobferry.actor(holder text) returns text
language sql immutable
as $$ select case when starts_with(holder, 'worker ') then holder else 'processor ' || holder end $$;

alter table jobferry.processors add constraint processors_id check (not starts_with(id, 'worker '));

-- Which locks of workers have run out? With a million jobs waiting the question costs 70 ms without this
-- index. A processor never changes the column, so its claims stay heap-only updates.
create index queue_worker_locks on jobferry.queue (locked_until) where locked_until is not null;

-- Give away the jobs of workers whose time is up. Returns how many. What somebody else is writing this
-- moment is left for the next time.
create function jobferry.free_expired() returns integer
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  held record;
  freed integer := 0;
begin
  for held in
    select expired.locked_by, array_agg(expired.job_id) as ids, array_agg(expired.attempts) as attempts, count(*)::integer as number
    from (select q.job_id, q.locked_by, q.attempts from jobferry.queue q where q.locked_until <= now() for update skip locked) expired
    group by expired.locked_by
  loop
    freed := freed + held.number - jobferry.fail_batch(
      held.locked_by, held.ids, held.attempts,
      array_fill('{"code": "processor_lost", "message": "the worker that ran this job was not heard of in time"}'::text, array[held.number]),
      array_fill(false, array[held.number]), array_fill(interval '0', array[held.number]), array_fill(null::text, array[held.number]));
  end loop;
  if freed > 0 then
    perform pg_notify('jobferry_queue', '');
  end if;
  return freed;
end $$;

-- Take up to `n` due jobs of these tasks (null: of any) and hold them for `job_expiry`; first by priority,
-- then by time, at most one of each named queue, no more of a task than its limit, none that carries a
-- forbidden flag. Commit at once: until then the named queues and limited tasks that were looked at give
-- nothing to anybody else.
create function jobferry.get_jobs(
  worker_id text, task_identifiers text[] default null, job_expiry interval default '4 hours', n integer default 1,
  forbidden_flags text[] default null
) returns setof public.background_jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  taken uuid[];
begin
  if coalesce(worker_id, '') = '' then
    raise exception 'a worker needs a name' using errcode = 'JF030', hint = 'Pass a worker_id that no other worker has.';
  end if;
  -- With an older snapshot it would not see what others have just taken.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'jobs are taken in READ COMMITTED transactions, not %', upper(current_setting('transaction_isolation'))
      using errcode = 'JF031', hint = 'Take the job in a transaction of its own.';
  end if;
  perform jobferry.free_expired();
  select array_agg(c.id) into taken
  from jobferry.claim('worker ' || worker_id, task_identifiers, coalesce(forbidden_flags, '{}'), n, now() + job_expiry) c;
  return query select b.* from public.background_jobs b where b.id = any (taken) order by b.priority, b.run_at, b.id;
end $$;

-- The same for one job. No row when there is none.
create function jobferry.get_job(
  worker_id text, task_identifiers text[] default null, job_expiry interval default '4 hours', forbidden_flags text[] default null
) returns setof public.background_jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select * from jobferry.get_jobs(worker_id, task_identifiers, job_expiry, 1, forbidden_flags)
$$;

-- The attempt that this worker has under way, with the rows of the job locked. An error if it has none.
create function jobferry.held_attempt(worker_id text, job_id uuid) returns smallint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  status text;
  holder text;
  attempt smallint;
begin
  select b.status into status from public.background_jobs b where b.id = held_attempt.job_id for no key update;
  select q.locked_by, q.attempts into holder, attempt from jobferry.queue q where q.job_id = held_attempt.job_id for update;
  if holder = 'worker ' || worker_id and status not in ('completed', 'failed', 'cancelled') then
    return attempt;
  end if;
  raise exception 'worker % does not hold job %: %', worker_id, held_attempt.job_id,
      case when status is null then 'there is no such job'
        when holder is null or status in ('completed', 'failed', 'cancelled') then 'it is ' || status
        else jobferry.actor(holder) || ' does' end
    using errcode = 'JF032', hint = 'Its time was up, somebody else made an end of the job, or it never took it. Drop the work.';
end $$;

-- Done. Returns the ledger's row.
create function jobferry.complete_job(worker_id text, job_id uuid, result jsonb default null) returns public.background_jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job public.background_jobs;
begin
  perform jobferry.complete_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)], array[result::text]);
  select b.* into job from public.background_jobs b where b.id = complete_job.job_id;
  return job;
end $$;

-- Failed: it is tried again later, unless that was the last attempt. The owner's devices can read the
-- message. Returns the ledger's row.
create function jobferry.fail_job(worker_id text, job_id uuid, error_message text default null) returns public.background_jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  job public.background_jobs;
begin
  perform jobferry.fail_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)],
    array[jsonb_build_object('code', 'handler_error', 'message', coalesce(error_message, 'the worker gave no reason'))::text],
    array[false], array[null::interval], array[null::text]);
  select b.* into job from public.background_jobs b where b.id = fail_job.job_id;
  return job;
end $$;

-- How far the work is, in [0, 1]. Returns whether it should stop: true once the job was cancelled.
create function jobferry.progress_job(worker_id text, job_id uuid, progress real) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from public.background_jobs b where b.id = progress_job.job_id and b.cancelled) then
    return true;
  end if;
  perform jobferry.progress_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)], array[progress]);
  return false;
end $$;

-- Hand back everything that this worker holds; the attempts are returned. How many jobs.
create function jobferry.release_jobs(worker_id text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ids uuid[];
  attempts smallint[];
begin
  perform from public.background_jobs b
  where b.id in (select q.job_id from jobferry.queue q where q.locked_by = 'worker ' || worker_id)
  order by b.id for no key update;
  select array_agg(q.job_id), array_agg(q.attempts) into ids, attempts
  from jobferry.queue q where q.locked_by = 'worker ' || worker_id;
  if ids is null then
    return 0;
  end if;
  return cardinality(ids) - jobferry.release_batch('worker ' || worker_id, ids, attempts);
end $$;

-- The named queues with unfinished jobs: how many wait, and which one runs by whose hand.
create view jobferry.job_queues as
select queue_name as name, count(*) filter (where locked_by is null) as waiting,
  max(locked_by) as locked_by, (array_agg(job_id) filter (where locked_by is not null))[1] as job_id
from jobferry.queue where queue_name is not null
group by queue_name;

grant select on jobferry.job_queues to jobferry_processor, jobferry_auditor, jobferry_admin;

call jobferry.settle_functions();
grant execute on function
  jobferry.get_job, jobferry.get_jobs, jobferry.complete_job, jobferry.fail_job, jobferry.progress_job, jobferry.release_jobs
  to jobferry_processor;
grant execute on function jobferry.actor, jobferry.free_expired, jobferry.held_attempt to jobferry_engine;
