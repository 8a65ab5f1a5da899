-- What people who look after the jobs need: lists that are fast beside millions of them, pausing, and
-- their names in the audit log.
--
-- Lists cost no index that the hot path would pay for on every write. "Newest first" is the order in
-- which the audit log numbered the submits: one entry at the right end of an index for each job, where
-- an index of the ledger would get another entry with every change of a job (`version` is indexed, so
-- none of them is heap-only). Failed and cancelled jobs are few and are looked for by people: theirs is
-- an index of the ledger that no other job is in.
--
-- Pausing stops what is given out from now on; what runs may end.

create index background_job_events_submitted on public.background_job_events (id) where event = 'submitted';
create index background_jobs_ended on public.background_jobs (status, finished_at, id)
  where status in ('failed', 'cancelled');

-- Jobs of an adopted table were submitted too, before there was anybody to write it down.
insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
select b.id, b.submitted_by, 'submitted', 0, session_user, '{"adopted": true}'
from public.background_jobs b
where not exists (select from public.background_job_events e where e.job_id = b.id)
order by b."timestamp";

-- The number of the first event from each of these times on; the next number to come if there is none yet.
-- Events are numbered as they are written, so times follow numbers but for transactions that were under way
-- together: some twenty looks at the primary key instead of an index by time, for all of them in one statement.
create function jobferry.first_events(times timestamptz[]) returns table (at timestamptz, id bigint)
language sql stable rows 30 set search_path = pg_catalog, pg_temp as $$
  with recursive search (at, low, high) as (
    select wanted.at, coalesce(ends.low, 0), coalesce(ends.high + 1, 0)
    from unnest(times) wanted(at), (select min(e.id) as low, max(e.id) as high from public.background_job_events e) ends
    union all
    select s.at, case when found.at < s.at then found.id + 1 else s.low end, case when found.at < s.at then s.high else middle end
    from search s cross join lateral (select (s.low + s.high) / 2) half(middle) cross join lateral (
      select e.id, e.at from public.background_job_events e where e.id >= middle order by e.id limit 1) found
    where s.low < s.high
  )
  select s.at, least(s.low, s.high) from search s where s.low >= s.high
$$;

-- The same for one time.
create function jobferry.first_event(at timestamptz) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$ select f.id from jobferry.first_events(array[first_event.at]) f $$;

-- Say in the audit log what was done to no one job.
create function jobferry.note_administration(event text, detail jsonb) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  insert into public.background_job_events (job_id, event, attempt, actor, detail)
  values ('00000000-0000-0000-0000-000000000000', note_administration.event, 0, jobferry.asker(), note_administration.detail)
$$;

-- -- tasks: a paused one has no places, whatever its limit. A processor that comes with a limit of its own
-- does not end a pause; lifting the limit does. A task without one has a limit that nobody reaches.

create function jobferry.no_limit() returns integer
language sql immutable
as $$ select 2147483647 $$;

-- Give out no more jobs of this task. False: it is paused already.
create function jobferry.pause_task(task text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  if not exists (select from jobferry.task_limits l where l.task = pause_task.task) then
    perform jobferry.limit_task(task, jobferry.no_limit());
  end if;
  update jobferry.task_limits l set paused_at = now() where l.task = pause_task.task and l.paused_at is null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('task', task));
  return true;
end $$;

-- Go on with it, within the limit it has. False: it is not paused.
create function jobferry.resume_task(task text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  most integer;
begin
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  update jobferry.task_limits l set paused_at = null where l.task = resume_task.task and l.paused_at is not null
  returning l.max_running into most;
  if not found then
    return false;
  end if;
  if most = jobferry.no_limit() then
    perform jobferry.limit_task(task, null);
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('task', task));
  perform pg_notify('jobferry_queue', '');
  return true;
end $$;

-- -- named queues

-- Give out no more jobs of this named queue. False: it is paused already.
create function jobferry.pause_queue(queue_name text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobferry.paused_queues (queue_name) values (pause_queue.queue_name)
  on conflict on constraint paused_queues_pkey do nothing;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('queue', queue_name));
  return true;
end $$;

-- Go on with it. False: it is not paused.
create function jobferry.resume_queue(queue_name text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from jobferry.paused_queues p where p.queue_name = resume_queue.queue_name;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('queue', queue_name));
  perform pg_notify('jobferry_queue', '');
  return true;
end $$;

-- -- schedules: a paused one has a plan, and nothing in it

-- Make no more jobs by this schedule. Who is about to make one finds it moved. False: it is paused already,
-- or there is none of that id.
create function jobferry.pause_scheduled_job(id bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobferry.scheduled_jobs s set paused_at = now(), planned_at = now(), next_run_at = null, error = null
  where s.id = pause_scheduled_job.id and s.paused_at is null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('schedule', id));
  return true;
end $$;

-- Go on with it from now on: what its pause has missed is not made up for. False: it is not paused.
create function jobferry.resume_scheduled_job(id bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobferry.scheduled_jobs s set paused_at = null, planned_at = null
  where s.id = resume_scheduled_job.id and s.paused_at is not null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('schedule', id));
  return true;
end $$;

call jobferry.settle_functions();

grant execute on function jobferry.note_administration, jobferry.no_limit to jobferry_engine;
grant execute on function jobferry.first_event, jobferry.first_events, jobferry.no_limit to jobferry_auditor, jobferry_admin;
-- Who takes jobs in hand sees all that the auditor sees of them.
grant select on jobferry.paused_queues, jobferry.scheduled_jobs, jobferry.delegates to jobferry_admin;
grant execute on function jobferry.figures to jobferry_admin;
grant execute on function
  jobferry.pause_task, jobferry.resume_task, jobferry.pause_queue, jobferry.resume_queue,
  jobferry.pause_scheduled_job, jobferry.resume_scheduled_job, jobferry.run_scheduled_job
  to jobferry_admin;
