-- Limits: at most so many jobs of a task run at once, whoever runs them.
--
-- A limit counts the jobs that are given out through the claim, to processors and to workers. A program that
-- follows the recipe and asks nobody is not counted. Without any limit the claim pays one look at an
-- empty table.
--
-- The count is exact because one claim at a time decides on a limited task: it holds the task's advisory
-- lock, tried for and never waited for, until it commits. `limited_jobs` are the places given away. A place
-- is taken while its job is held; nobody has to give one back: who next decides on the task looks
-- which of these jobs are still held, at most `max_running` of them, however long the queue is.
--
-- A claim that may take other tasks too walks past the waiting jobs of a full one, a microsecond each.
-- Where those are many, a processor with no other tasks should have them: it need not look.
--
-- A limit that is set while jobs of its task run counts those that it sees; a claim that is under way at
-- that very moment it can not see.

create table jobferry.task_limits (
  task text primary key,
  max_running integer not null check (max_running >= 0),
  -- A paused task has no places, whatever its limit (0028_dashboard.sql).
  paused_at timestamptz
);

create table jobferry.limited_jobs (
  task text not null,
  job_id uuid not null,
  primary key (task, job_id)
);

-- A job that was given out under a limit. When it ends or is given back, the next one's turn has come.
alter table jobferry.queue add column limited boolean;

create trigger limited_job_gone_trigger after delete on jobferry.queue
  for each row when (OLD.limited) execute function jobferry.ring_queue();
create trigger limited_job_freed_trigger after update on jobferry.queue
  for each row when (OLD.limited and OLD.locked_by is not null and NEW.locked_by is null)
  execute function jobferry.ring_queue();
alter table jobferry.queue enable always trigger limited_job_gone_trigger, enable always trigger limited_job_freed_trigger;

-- What stands for the right to decide on a limited task among the advisory locks.
create function jobferry.limit_key(task text) returns bigint
language sql immutable
as $$ select hashtextextended('jobferry.task ' || task, 0) $$;

-- From now on at most `max_running` jobs of this task run at once; 0 stops it, null lifts the limit. Waits
-- for a claim that decides on the task this moment.
create function jobferry.limit_task(task text, max_running integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if max_running is not distinct from (select l.max_running from jobferry.task_limits l where l.task = limit_task.task) then
    return;
  end if;
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  if max_running is null then
    delete from jobferry.task_limits l where l.task = limit_task.task;
    delete from jobferry.limited_jobs g where g.task = limit_task.task;
  else
    insert into jobferry.task_limits (task, max_running) values (limit_task.task, limit_task.max_running)
    on conflict on constraint task_limits_pkey do update set max_running = excluded.max_running;
    insert into jobferry.limited_jobs (task, job_id)
    select q.task, q.job_id from jobferry.queue q where q.task = limit_task.task and q.locked_by is not null
    on conflict do nothing;
  end if;
  perform pg_notify('jobferry_queue', '');
end $$;

-- Of these limited tasks, which may give nothing now? Those without a place, and those that somebody else
-- decides on this moment. From here on it is we who decide on the others.
create function jobferry.full_tasks(tasks text[]) returns text[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  ours text[];
begin
  select coalesce(array_agg(task), '{}') into ours
  from unnest(tasks) task where pg_try_advisory_xact_lock(jobferry.limit_key(task));

  -- Only now can nobody else give a place away.
  delete from jobferry.limited_jobs g
  where g.task = any (ours)
    and not exists (select from jobferry.queue q where q.job_id = g.job_id and q.locked_by is not null);

  return array(
    select task from unnest(tasks) task
    where task <> all (ours) or jobferry.places(task) <= 0);
end $$;

-- How many more jobs of a limited task may run?
create function jobferry.places(task text) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
  select (select case when l.paused_at is null then l.max_running else 0 end from jobferry.task_limits l where l.task = places.task)
    - (select count(*) from jobferry.limited_jobs g where g.task = places.task)
$$;

-- Give places to these waiting jobs of limited tasks that we decide on, to the first ones first. Returns
-- those that have one. A job whose ledger row somebody else has can't be taken and gets none. Postgres asks
-- a second time when a row has changed under the claim: the answer is the same then.
create function jobferry.give_places(ids uuid[]) returns uuid[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  with free as materialized (
    select b.id, q.task, asked.number
    from unnest(ids) with ordinality asked(id, number)
    join jobferry.queue q on q.job_id = asked.id join public.background_jobs b on b.id = asked.id
    where b.finished_at is null
      and not exists (select from jobferry.limited_jobs g where g.task = q.task and g.job_id = q.job_id)
    for no key update of b skip locked
  ),
  placed as (
    select f.id, f.task, row_number() over (partition by f.task order by f.number) as place from free f
  )
  insert into jobferry.limited_jobs (task, job_id)
  select p.task, p.id from placed p where p.place <= jobferry.places(p.task);

  return array(
    select g.job_id from jobferry.queue q join jobferry.limited_jobs g on g.task = q.task and g.job_id = q.job_id
    where q.job_id = any (ids));
end $$;

grant select, insert, update, delete on jobferry.task_limits, jobferry.limited_jobs to jobferry_engine;
grant select on jobferry.task_limits, jobferry.limited_jobs to jobferry_processor, jobferry_auditor, jobferry_admin;

call jobferry.settle_functions();
grant execute on function jobferry.limit_task to jobferry_processor, jobferry_admin;
grant execute on function jobferry.limit_key, jobferry.full_tasks, jobferry.places, jobferry.give_places to jobferry_engine;
