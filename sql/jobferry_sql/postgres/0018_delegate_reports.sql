-- The way back: what a worker of another queue says of a job that was handed over to it. Any language can
-- call these, from any login that is a member of jobferry_processor.
--
--   1. select * from jobferry.delegated_started(id)        no row: leave the job alone, it is done with
--   2. select jobferry.delegated_progress(id, attempt, 0.5)  false: stop, the job is nobody's work any more
--   3. select jobferry.delegated_completed(id, attempt, result)
--      or select jobferry.delegated_failed(id, attempt, message)
--
-- Fencing: a job is held as (job_id, attempt, running). A report of an attempt that is over, of a job that
-- was cancelled or finished, or of one that is not delegated changes nothing and says so.
--
-- Who retries? The engine: it runs the job again, and the next `delegated_started` counts one more attempt.
-- All of them run as jobferry_engine and write what the ledger's triggers would have: version, event, notices.
-- Lock order: ledger row, queue row. A report waits for whoever is writing its job's ledger row: it is about one
-- job, and holds nothing while it waits.

-- The engine is done with a job and knows it: nothing is to be stopped there.
create function jobferry.let_go(job uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  delete from jobferry.delegated where job_id = job;
  delete from jobferry.queue where job_id = job;
end $$;

-- Lock a job that is in an engine's hands, in this attempt if one is given; its queue row. Null: it is not. If
-- somebody has finished or removed it meanwhile, it is cleared away.
create function jobferry.hold_delegated(job uuid, attempt integer) returns jobferry.queue
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  unfinished boolean;
  held jobferry.queue;
begin
  select b.finished_at is null into unfinished from public.background_jobs b where b.id = job for no key update;
  select q.* into held from jobferry.queue q where q.job_id = job and q.locked_by like 'delegate %' for update;
  if held.job_id is not null and unfinished is not true then
    perform jobferry.let_go(job);
    return null;
  end if;
  return case when attempt is null or held.attempts = attempt then held end;
end $$;

create function jobferry.note_delegated(job public.background_jobs, event text, actor text, detail jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  values (job.id, job.submitted_by, note_delegated.event, job.attempts, note_delegated.actor, note_delegated.detail);
  perform jobferry.announce(array[job.submitted_by]);
end $$;

-- A worker begins the job: one row, with the number of this attempt, or none if there is nothing to do.
create function jobferry.delegated_started(job_id uuid)
returns table (attempt integer, max_attempts integer, task text, payload jsonb, owner text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_started.job_id, null);
  before public.background_jobs;
  job public.background_jobs;
begin
  if held.job_id is null then
    return;
  end if;
  select * into before from public.background_jobs b where b.id = held.job_id;
  -- The engine gives it out again though the last attempt has not ended: its worker is gone.
  if before.status = 'running' then
    perform jobferry.note_delegated(before, 'retrying', held.locked_by,
      jsonb_build_object('code', 'processor_lost', 'message', 'the worker that ran this job died'));
  end if;
  update jobferry.queue q set attempts = least(q.attempts, 32766) + 1 where q.job_id = held.job_id;
  update public.background_jobs b
  set status = 'running', attempts = least(held.attempts, 32766) + 1, started_at = coalesce(b.started_at, now()), version = pg_current_xact_id()
  where b.id = held.job_id returning * into job;
  perform jobferry.note_delegated(job, 'started', held.locked_by, null);
  return query select job.attempts::integer, held.max_attempts::integer, job.task, job.payload, job.submitted_by;
end $$;

-- How far it is, in [0, 1]; null only asks. False: stop, the job is not this attempt's any more.
create function jobferry.delegated_progress(job_id uuid, attempt integer, progress real default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  held jobferry.queue;
  job public.background_jobs;
begin
  if progress is null then
    return exists (
      select from jobferry.queue q join public.background_jobs b on b.id = q.job_id
      where q.job_id = delegated_progress.job_id and q.locked_by like 'delegate %' and q.attempts = attempt and b.status = 'running');
  end if;
  held := jobferry.hold_delegated(delegated_progress.job_id, attempt);
  update public.background_jobs b
  set progress = least(greatest(delegated_progress.progress, 0), 1), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  perform jobferry.announce(array[job.submitted_by]);
  return job.id is not null;
end $$;

-- It is done. False: too late, or not this attempt's; nothing was changed.
create function jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_completed.job_id, attempt);
  job public.background_jobs;
begin
  update public.background_jobs b
  set completed = true, status = 'completed', progress = 1, result = delegated_completed.result, error = null,
    finished_at = now(), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  if job.id is null then
    return false;
  end if;
  perform jobferry.let_go(job.id);
  perform jobferry.note_delegated(job, 'completed', held.locked_by, null);
  return true;
end $$;

-- It failed. `message` and `code` are for the device, `detail` is for the audit log. `final`: will the engine
-- try again? Null: it will while attempts are left. `retry_in`: when; null: after the usual back-off. Returns how
-- long the engine should wait before it tries again; null: not at all.
create function jobferry.delegated_failed(
  job_id uuid, attempt integer, message text, final boolean default null, retry_in interval default null,
  code text default 'handler_error', detail text default null
) returns interval
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_failed.job_id, attempt);
  over boolean := coalesce(final, held.attempts >= held.max_attempts);
  delay interval := coalesce(retry_in, jobferry.backoff(held.attempts));
  job public.background_jobs;
begin
  update public.background_jobs b
  set status = case when over then 'failed' else 'retrying' end, finished_at = case when over then now() end,
    run_at = case when over then b.run_at else now() + delay end,
    error = jsonb_build_object('code', delegated_failed.code, 'message', delegated_failed.message), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  if job.id is null then
    return null;
  end if;
  if over then
    perform jobferry.let_go(job.id);
  else
    update jobferry.queue q set run_at = job.run_at where q.job_id = job.id;
  end if;
  perform jobferry.note_delegated(job, job.status, held.locked_by,
    job.error || case when detail is null then '{}' else jsonb_build_object('raised', detail) end);
  return case when not over then delay end;
end $$;

call jobferry.settle_functions();

grant execute on function jobferry.hold_delegated, jobferry.let_go, jobferry.note_delegated to jobferry_engine;
grant execute on function
  jobferry.delegated_started, jobferry.delegated_progress, jobferry.delegated_completed, jobferry.delegated_failed
  to jobferry_processor;
