-- Whoever writes is covered: what the ledger does when anybody but our engine touches a row.
--
-- A recipe-style processor, an application's INSERT, a session in replica mode, a logical
-- subscriber: each row they write is stamped, guarded, queued, announced and audited here. All
-- triggers are row triggers (statement triggers do not fire under logical apply) and ALWAYS
-- (ordinary ones do not fire in replica mode).
--
-- Our own hot paths write the same things in sets (0006, 0007) and would pay 5 to 10 microseconds a
-- row for each of these. So all but the recipe's own trigger stand aside for the role that owns
-- those functions. The condition is evaluated without entering plpgsql, and no other role can meet it.
--
-- Lock order: a foreign writer holds the ledger row before its triggers run, our engine takes the
-- queue row first. So these functions only ever try for a queue row; whoever holds it at that
-- moment finds the job finished and clears it away.

-- Where is this row in its life? The recipe's booleans say it for writers who know nothing else.
create function jobferry.status_of(completed boolean, cancelled boolean, run_at timestamptz) returns text
language sql stable
as $$ select case when cancelled then 'cancelled' when completed then 'completed' when run_at > now() then 'scheduled' else 'queued' end $$;

-- stamp: a new row gets its versions and its place in life; what the writer claims of those is not believed.
create function jobferry.stamp_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  NEW.created := pg_current_xact_id();
  NEW.version := NEW.created;
  NEW.revised := null;
  NEW.received_at := now();
  NEW.status := jobferry.status_of(NEW.completed, NEW.cancelled, NEW.run_at);
  NEW.finished_at := case when NEW.completed or NEW.cancelled then now() end;
  return NEW;
end $$;

-- guard: a finished row absorbs every later write; an unfinished one makes legal moves only.
create function jobferry.guard_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if OLD.finished_at is not null then
    return null;
  end if;
  if NEW.id <> OLD.id then
    raise exception 'the id of job % can not change', OLD.id using errcode = 'JF003', hint = 'Insert a new job instead.';
  end if;
  NEW.created := OLD.created;
  NEW.received_at := OLD.received_at;
  NEW.version := pg_current_xact_id();
  NEW.revised := case
    when (NEW.task, NEW.queue_name, NEW.priority, NEW.max_attempts, NEW.job_key, NEW.flags, NEW.database_id, NEW.payload)
      is distinct from (OLD.task, OLD.queue_name, OLD.priority, OLD.max_attempts, OLD.job_key, OLD.flags, OLD.database_id, OLD.payload)
    then NEW.version else OLD.revised end;
  NEW.status := case
    when NEW.completed or NEW.cancelled then jobferry.status_of(NEW.completed, NEW.cancelled, NEW.run_at)
    when NEW.status <> OLD.status then NEW.status
    when OLD.status in ('scheduled', 'queued') and NEW.progress > OLD.progress then 'running'
    when OLD.status in ('scheduled', 'queued') and NEW.run_at <> OLD.run_at then jobferry.status_of(false, false, NEW.run_at)
    else OLD.status end;
  if NEW.status <> OLD.status
     and not exists (select from jobferry.transitions t where t.source = OLD.status and t.target = NEW.status) then
    raise exception 'job % can not go from % to %', OLD.id, OLD.status, NEW.status
      using errcode = 'JF004', hint = 'docs/job-states.md draws the legal moves.';
  end if;
  if NEW.status = 'running' then
    NEW.started_at := coalesce(NEW.started_at, now());
  elsif NEW.status in ('completed', 'failed', 'cancelled') then
    NEW.finished_at := now();
  end if;
  return NEW;
end $$;

-- The recipe's own function and channel: the whole row, for any processor in any language. A
-- notification has 8,000 octets; a row beyond 7,900 goes without payload and result, and in the
-- last resort as its id alone, so that NOTIFY can never fail the INSERT. (It is an assignment that notifies,
-- as PERFORM would be a query of its own for every row: that took a microsecond and a half longer.)
create or replace function public.process_job() returns trigger
language plpgsql as $$
declare
  -- By its full name: what is read in the session of a caller once is kept, also for when the engine inserts.
  message pg_catalog.text;
begin
  if NEW.completed = false and NEW.cancelled = false then
    message := pg_catalog.row_to_json(NEW)::text;
    if pg_catalog.octet_length(message) > 7900 then
      message := ((pg_catalog.to_jsonb(NEW) - 'payload' - 'result') || '{"payload_omitted": true}')::text;
    end if;
    if pg_catalog.octet_length(message) > 7900 then
      message := pg_catalog.json_build_object('id', NEW.id, 'payload_omitted', true)::text;
    end if;
    message := pg_catalog.pg_notify('process_background_job', message);
  end if;
  return null;
end $$;

-- enqueue: the hot half of a new job, and one ring for the processors per transaction.
create function jobferry.enqueue_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
  values (NEW.id, NEW.task, NEW.queue_name, NEW.priority, NEW.run_at, NEW.attempts, NEW.max_attempts, NEW.flags);
  perform pg_notify('jobferry_queue', '');
  return null;
end $$;

-- requeue: what a foreign writer changes of an unfinished job holds for the queue too; of a running one, for its
-- next attempt. (What has changed is asked here and not in the trigger's condition: Postgres reads a condition
-- anew for each statement of the engine's.)
create function jobferry.requeue_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (NEW.task, NEW.queue_name, NEW.priority, NEW.run_at, NEW.max_attempts, NEW.flags)
     is not distinct from (OLD.task, OLD.queue_name, OLD.priority, OLD.run_at, OLD.max_attempts, OLD.flags) then
    return null;
  end if;
  update jobferry.queue set task = NEW.task, queue_name = NEW.queue_name, priority = NEW.priority,
    run_at = NEW.run_at, max_attempts = NEW.max_attempts, flags = NEW.flags
  where job_id = (select job_id from jobferry.queue where job_id = NEW.id for update skip locked);
  perform pg_notify('jobferry_queue', '');
  return null;
end $$;

-- dequeue: a finished or deleted job is nobody's work.
create function jobferry.dequeue_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from jobferry.queue
  where job_id = (select job_id from jobferry.queue where job_id = OLD.id for update skip locked);
  return null;
end $$;

-- announce: whose devices have something to read. The same owner folds within a transaction.
create function jobferry.announce_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if octet_length(NEW.submitted_by) < 7900 then
    perform pg_notify('jobferry_changes', NEW.submitted_by);
  end if;
  return null;
end $$;

-- audit: the transition, by its name in the table of transitions.
create function jobferry.audit_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  old_status text;
begin
  if tg_op = 'DELETE' then
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    values (OLD.id, OLD.submitted_by, 'deleted', OLD.attempts, jobferry.asker());
    return null;
  end if;
  old_status := case when tg_op = 'UPDATE' then OLD.status end;
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select NEW.id, NEW.submitted_by, t.event, NEW.attempts, jobferry.asker(), jobferry.event_detail(NEW.status, NEW.error)
  from jobferry.transitions t where t.source is not distinct from old_status and t.target = NEW.status;
  return null;
end $$;

-- What an event says beyond its name.
create function jobferry.event_detail(status text, error jsonb) returns jsonb
language sql immutable
as $$ select case when status in ('failed', 'retrying') then error end $$;

drop trigger if exists process_job_trigger on public.background_jobs;

create trigger stamp_job_trigger before insert on public.background_jobs
  for each row when (current_user <> 'jobferry_engine') execute function jobferry.stamp_job();
create trigger guard_job_trigger before update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine') execute function jobferry.guard_job();
create trigger process_job_trigger after insert on public.background_jobs
  for each row execute function public.process_job();
create trigger enqueue_job_trigger after insert on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.finished_at is null) execute function jobferry.enqueue_job();
create trigger requeue_job_trigger after update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.finished_at is null) execute function jobferry.requeue_job();
create trigger dequeue_job_trigger after update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.finished_at is not null) execute function jobferry.dequeue_job();
create trigger dequeue_deleted_job_trigger after delete on public.background_jobs
  for each row when (current_user <> 'jobferry_engine') execute function jobferry.dequeue_job();
create trigger announce_job_trigger after insert or update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.submitted_by is not null) execute function jobferry.announce_job();
create trigger audit_new_job_trigger after insert on public.background_jobs
  for each row when (current_user <> 'jobferry_engine') execute function jobferry.audit_job();
create trigger audit_job_trigger after update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.status <> OLD.status) execute function jobferry.audit_job();
create trigger audit_deleted_job_trigger after delete on public.background_jobs
  for each row when (current_user <> 'jobferry_engine') execute function jobferry.audit_job();

alter table public.background_jobs
  enable always trigger stamp_job_trigger,
  enable always trigger guard_job_trigger,
  enable always trigger process_job_trigger,
  enable always trigger enqueue_job_trigger,
  enable always trigger requeue_job_trigger,
  enable always trigger dequeue_job_trigger,
  enable always trigger dequeue_deleted_job_trigger,
  enable always trigger announce_job_trigger,
  enable always trigger audit_new_job_trigger,
  enable always trigger audit_job_trigger,
  enable always trigger audit_deleted_job_trigger;
