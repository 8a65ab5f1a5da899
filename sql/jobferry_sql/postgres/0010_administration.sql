-- What an administrator does to jobs: remove, complete, fail, cancel, reschedule, unlock.
--
-- Each returns the jobs that it changed; of those it did not there is nothing to see. A job that is
-- running is some processor's: but for cancelling, which the processor is told, it is left alone, so
-- that nobody is contradicted. A job has ended once it has ended. The one door back is
-- reschedule_jobs, for failed jobs alone; the audit log calls it "revived".
--
-- Lock order as in add_job: keys, then ledger rows, then queue rows, each in order. These functions
-- wait for whoever is writing one of the jobs: their caller named it.

insert into jobferry.transitions (source, target, event) values
  ('failed', 'queued', 'revived'),
  ('failed', 'scheduled', 'revived');

-- Who may do all this. Made as 0001_roles.sql makes its roles.
do $$
begin
  create role jobferry_admin nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema public, jobferry to jobferry_admin;

-- Which of these jobs wait for their turn? Not the running ones, not the finished.
create function jobferry.waiting_of(ids uuid[]) returns uuid[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array(
    select b.id from public.background_jobs b left join jobferry.queue q on q.job_id = b.id
    where b.id = any (ids) and b.finished_at is null and b.status <> 'running' and q.locked_by is null)
$$;

-- Forget a key: a waiting job is cancelled; a running one may end, and is not tried again; a failed one
-- no longer answers to it.
create function jobferry.remove_job(job_key text, owner text default null) returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  held uuid[];
  job record;
begin
  perform pg_advisory_xact_lock(jobferry.key_lock(owner, job_key));
  held := array(select k.id from jobferry.keyed_jobs(array[owner], array[job_key]) k);
  perform jobferry.hold_jobs(held);
  for job in select k.* from jobferry.keyed_jobs(array[owner], array[job_key]) k where k.id = any (held) loop
    if job.running then
      perform jobferry.release_keys(array[job.id]);
      insert into public.background_job_events (job_id, owner, event, attempt, actor)
      select b.id, b.submitted_by, 'removed', b.attempts, jobferry.asker() from public.background_jobs b where b.id = job.id;
      perform jobferry.announce(array[owner]) where owner is not null;
    else
      perform jobferry.end_jobs(array[job.id], 'cancelled', null, jobferry.asker(), null);
    end if;
  end loop;
  perform jobferry.release_failed_keys(array[owner], array[job_key]);
  return query select * from public.background_jobs b where b.id = any (held);
end $$;

-- Waiting jobs are done, without a result.
create function jobferry.complete_jobs(job_ids uuid[]) returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(jobferry.waiting_of(job_ids), 'completed', null, jobferry.asker(), null);
end $$;

-- Waiting jobs have failed for good, for the reason given.
create function jobferry.permanently_fail_jobs(job_ids uuid[], error_message text default null)
returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(
    jobferry.waiting_of(job_ids), 'failed',
    jsonb_build_object('code', 'permanently_failed', 'message', coalesce(error_message, 'failed by hand')),
    jobferry.asker(), null);
end $$;

-- Cancel jobs, be they waiting or running; the handler of a running one is told within a second.
create function jobferry.cancel_jobs(job_ids uuid[]) returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(job_ids, 'cancelled', null, jobferry.asker(), null);
end $$;

-- Take the keys of the failed among these jobs, so that nobody else takes them while they are revived.
create function jobferry.lock_failed_keys(ids uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  select pg_advisory_xact_lock(k.lock) from (
    select distinct jobferry.key_lock(b.submitted_by, b.job_key) as lock from public.background_jobs b
    where b.id = any (ids) and b.job_key is not null and b.status = 'failed' order by 1) k
$$;

-- The failed among these jobs lose keys that an unfinished job has, or a later one of these.
create function jobferry.drop_taken_keys(ids uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  update public.background_jobs b set job_key = null
  where b.id = any (ids) and b.job_key is not null and b.status = 'failed'
    and exists (
      select from public.background_jobs o
      where coalesce(o.submitted_by, '') = coalesce(b.submitted_by, '') and o.job_key = b.job_key and o.id <> b.id
        and (o.finished_at is null or (o.status = 'failed' and o.id = any (ids) and o.id > b.id)))
$$;

-- Give waiting jobs another time, priority or number of attempts; what is null stays. Failed jobs wait
-- again: with no attempts left, and none given, for one more. They keep their keys unless those are
-- taken by now.
create function jobferry.reschedule_jobs(
  job_ids uuid[], run_at timestamptz default null, priority integer default null,
  attempts integer default null, max_attempts integer default null
) returns setof public.background_jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  waiting uuid[];
  owners text[];
begin
  perform jobferry.lock_failed_keys(job_ids);
  perform jobferry.hold_jobs(job_ids);
  perform jobferry.drop_taken_keys(job_ids);
  waiting := jobferry.waiting_of(job_ids);
  return query
  with wanted as (
    select b.id, b.status as old_status,
      coalesce(reschedule_jobs.run_at, b.run_at) as run_at, coalesce(reschedule_jobs.priority, b.priority) as priority,
      coalesce(reschedule_jobs.attempts, b.attempts) as attempts,
      coalesce(reschedule_jobs.max_attempts, b.max_attempts) as max_attempts
    from public.background_jobs b
    where b.id = any (waiting)
      -- Of an erased job nothing is left to be run.
      or (b.id = any (job_ids) and b.status = 'failed' and b.error is distinct from jobferry.erasure())
  ),
  moved as (
    update public.background_jobs b
    set run_at = w.run_at, priority = w.priority, attempts = w.attempts, max_attempts = w.max_attempts,
      status = case when w.old_status = 'retrying' and w.attempts > 0 then 'retrying'
        else jobferry.status_of(false, false, w.run_at) end,
      finished_at = null, revised = pg_current_xact_id(), version = pg_current_xact_id()
    from wanted w where b.id = w.id
    returning b.*
  ),
  queued as (
    insert into jobferry.queue as q (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select m.id, m.task, m.queue_name, m.priority, m.run_at, m.attempts, m.max_attempts, m.flags from moved m
    on conflict (job_id) do update set priority = excluded.priority, run_at = excluded.run_at,
      attempts = excluded.attempts, max_attempts = excluded.max_attempts, locked_by = null, locked_until = null
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select m.id, m.submitted_by, case when w.old_status = 'failed' then 'revived' else 'rescheduled' end,
      m.attempts, jobferry.asker()
    from moved m join wanted w on w.id = m.id
  )
  select * from moved;
  select array_agg(distinct b.submitted_by) into owners from public.background_jobs b where b.id = any (job_ids);
  perform jobferry.announce(owners);
  perform pg_notify('jobferry_queue', '');
end $$;

-- Give away the jobs of these processors or SQL-only workers at once, as if their lease had run out: to
-- be used when they are known to be dead. Returns how many jobs were freed. One that lives after all
-- changes nothing more of them, and is told so.
create function jobferry.force_unlock_workers(worker_ids text[]) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(w.lock)
  from (select distinct jobferry.lease_key(id) as lock from unnest(worker_ids) id order by 1) w;
  update jobferry.queue q set locked_until = '-infinity'
  where q.locked_until is not null and substr(q.locked_by, length('worker ') + 1) = any (worker_ids);
  insert into jobferry.processors (id, tasks, version, last_seen)
  select distinct q.locked_by, '{}'::text[], '', '-infinity'::timestamptz
  from jobferry.queue q where q.locked_by = any (worker_ids) and q.locked_until is null
  on conflict (id) do nothing;
  update jobferry.processors set last_seen = '-infinity' where id = any (worker_ids);
  return jobferry.reap('1000 years');
end $$;

call jobferry.settle_functions();

grant execute on function jobferry.waiting_of, jobferry.lock_failed_keys, jobferry.drop_taken_keys to jobferry_engine;

grant select on public.background_jobs, public.background_job_events, jobferry.queue, jobferry.processors,
  jobferry.devices, jobferry.transitions, jobferry.migrations to jobferry_admin;
grant execute on function
  jobferry.remove_job, jobferry.complete_jobs, jobferry.permanently_fail_jobs, jobferry.cancel_jobs,
  jobferry.reschedule_jobs, jobferry.force_unlock_workers,
  jobferry.add_job(text, json, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(text, text, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(text, jsonb, text, timestamptz, integer, text, integer, text[], text, text, uuid),
  jobferry.add_job(uuid, text, json, text, text, timestamptz, integer, integer),
  jobferry.add_jobs
  to jobferry_admin;
