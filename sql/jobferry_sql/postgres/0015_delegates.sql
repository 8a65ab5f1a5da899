-- Delegates: tasks whose jobs another queue in this database runs.
--
-- A team that already runs Procrastinate, PgQueuer, Graphile Worker, pg-boss or Oban keeps its workers.
-- `jobferry.delegate` names a task, an engine and where the engine's tables are; from then on every job of
-- that task is sent into those tables in the transaction in which it enters our queue, whoever put it there.
--
-- A job that was handed over keeps its row in `jobferry.queue`, locked by `delegate <engine>`: no processor
-- claims it, no lease of it runs out, and `jobferry.delegated` says where it is. The files after this one
-- hold what differs between the engines, the hand-over, and the way back.
--
-- Registering is the owner's or a superuser's business: it changes triggers, and grants our engine what
-- it needs in the other queue's tables. It holds up writers of the queue for the moment it takes.

create table jobferry.delegates (
  task text primary key,
  engine text not null check (engine in ('procrastinate', 'pgqueuer', 'graphile-worker', 'pg-boss', 'oban')),
  schema_name text not null,
  queue text,
  foreign_task text not null,
  registered_at timestamptz not null default now()
);

-- Where each job that was handed over is; gone when the job is finished or taken back.
create table jobferry.delegated (
  job_id uuid primary key,
  engine text not null,
  schema_name text not null,
  queue text,
  foreign_id text not null,
  handed_over_at timestamptz not null default now()
);

-- Jobs of a delegated task that could not be handed over. They wait in our queue and are tried again.
create table jobferry.left_behind (
  job_id uuid primary key,
  task text not null,
  code text not null,
  message text not null,
  tried_at timestamptz not null default now()
);

-- What of an engine's tables we read and write, and which of them we insert into ourselves. Its type
-- `job_spec` counts as one.
create function jobferry.engine_tables(engine text) returns table (name text, inserted boolean, columns text[])
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select t.name, t.inserted, t.columns from (values
    ('procrastinate', 'procrastinate_jobs', true, array['id', 'queue_name', 'task_name', 'priority', 'lock', 'queueing_lock',
      'args', 'status', 'scheduled_at', 'abort_requested']),
    ('procrastinate', 'procrastinate_events', false, array['id', 'job_id', 'type']),
    ('pgqueuer', 'pgqueuer', true, array['id', 'priority', 'execute_after', 'status', 'entrypoint', 'dedupe_key', 'payload']),
    ('pgqueuer', 'pgqueuer_log', true, array['id', 'job_id', 'status', 'priority', 'entrypoint']),
    ('graphile-worker', 'job_spec', false, array['identifier', 'payload', 'queue_name', 'run_at', 'max_attempts', 'job_key',
      'priority', 'flags']),
    ('graphile-worker', '_private_jobs', false, array['id', 'key', 'locked_at', 'attempts', 'max_attempts']),
    ('graphile-worker', '_private_tasks', false, array['id', 'identifier']),
    ('graphile-worker', '_private_job_queues', false, array['id', 'queue_name']),
    ('pg-boss', 'job', true, array['id', 'name', 'priority', 'data', 'state', 'retry_limit', 'retry_delay', 'retry_backoff',
      'retry_delay_max', 'expire_seconds', 'deletion_seconds', 'heartbeat_seconds', 'singleton_key', 'start_after',
      'keep_until', 'completed_on', 'dead_letter', 'policy']),
    ('pg-boss', 'queue', false, array['name', 'policy', 'retry_delay_max', 'expire_seconds', 'retention_seconds',
      'deletion_seconds', 'heartbeat_seconds', 'dead_letter', 'notify']),
    ('oban', 'oban_jobs', true, array['id', 'state', 'queue', 'worker', 'args', 'max_attempts', 'priority', 'scheduled_at',
      'cancelled_at'])
  ) t(engine, name, inserted, columns) where t.engine = engine_tables.engine
$$;

-- Is that engine there, in a shape we know? A column of its that we do not know and that wants a value
-- is one we would leave out.
create function jobferry.check_engine(engine text, schema_name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wrong text;
begin
  if not exists (select from jobferry.engine_tables(engine)) then
    raise exception 'there is no engine %', engine
      using errcode = 'JF060', hint = 'It is one of procrastinate, pgqueuer, graphile-worker, pg-boss, oban.';
  end if;
  select string_agg(t.name || coalesce('.' || wanted.name, ''), ', ') into wrong
  from jobferry.engine_tables(engine) t
  left join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
  left join lateral unnest(t.columns) wanted(name) on c.oid is not null
  where c.oid is null or not exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attname = wanted.name and not a.attisdropped);
  if wrong is not null then
    raise exception '% is not in schema % as this Jobferry knows it: % is missing', engine, schema_name, wrong
      using errcode = 'JF061', hint = 'Run the engine''s own migrations first, or name its schema.';
  end if;
  select string_agg(t.name || '.' || a.attname, ', ') into wrong
  from jobferry.engine_tables(engine) t
  join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where t.inserted and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attname <> all (t.columns);
  if wrong is not null then
    raise exception '% in schema % has a version that this Jobferry does not know: % wants a value', engine, schema_name, wrong
      using errcode = 'JF061', hint = 'Look for a newer Jobferry, or keep the older version of the engine.';
  end if;
end $$;

-- What our engine role needs there. Row security (Graphile Worker has it) opens for this one role.
create function jobferry.open_engine(engine text, schema_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  it record;
begin
  execute format('grant usage on schema %I to jobferry_engine', schema_name);
  for it in
    select c.oid::regclass as name, c.oid, c.relrowsecurity as secured
    from jobferry.engine_tables(engine) t
    join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name)) and c.relkind <> 'c'
  loop
    execute format('grant select, insert, update, delete on %s to jobferry_engine', it.name);
    if it.secured and not exists (select from pg_policy p where p.polrelid = it.oid and p.polname = 'jobferry_engine') then
      execute format('create policy jobferry_engine on %s to jobferry_engine using (true) with check (true)', it.name);
    end if;
  end loop;
  for it in
    select s.oid::regclass as name
    from jobferry.engine_tables(engine) t
    join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
    join pg_depend d on d.refobjid = c.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass
    join pg_class s on s.oid = d.objid and s.relkind = 'S'
  loop
    execute format('grant usage on sequence %s to jobferry_engine', it.name);
  end loop;
end $$;

-- Send the jobs of a task to an engine from now on; those that wait go at once. Registering a task again
-- changes where its next jobs go. `queue` is the engine's (Procrastinate, pg-boss, Oban); `foreign_task`
-- is the task's name there, if it is another.
create function jobferry.delegate(
  task text, engine text, schema_name text default null, queue text default null, foreign_task text default null
) returns jobferry.delegates
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  made jobferry.delegates;
begin
  schema_name := coalesce(schema_name,
    case engine when 'graphile-worker' then 'graphile_worker' when 'pg-boss' then 'pgboss' else 'public' end);
  queue := coalesce(queue, case engine when 'pg-boss' then coalesce(foreign_task, task) when 'procrastinate' then 'default'
    when 'oban' then 'default' end);
  perform jobferry.check_engine(engine, schema_name);
  perform jobferry.open_engine(engine, schema_name);

  -- Whoever is adding jobs this moment does not know of us yet: wait for them, and let no others begin.
  lock table jobferry.queue in share row exclusive mode;
  insert into jobferry.delegates as d (task, engine, schema_name, queue, foreign_task)
  values (delegate.task, delegate.engine, delegate.schema_name, delegate.queue, coalesce(delegate.foreign_task, delegate.task))
  on conflict on constraint delegates_pkey do update set engine = excluded.engine, schema_name = excluded.schema_name,
    queue = excluded.queue, foreign_task = excluded.foreign_task, registered_at = now()
  returning * into made;
  if not exists (select from pg_trigger t where t.tgrelid = 'jobferry.queue'::regclass and t.tgname = 'hand_over_trigger') then
    create trigger hand_over_trigger after insert on jobferry.queue
      referencing new table as added for each statement execute function jobferry.hand_over_added();
    alter table jobferry.queue enable always trigger hand_over_trigger;
  end if;
  perform jobferry.hand_over(array(
    select q.job_id from jobferry.queue q where q.task = delegate.task and q.locked_by is null));
  return made;
end $$;

-- Keep the jobs of a task to ourselves again. What the engine has not begun comes back; what runs there
-- may end there. False: the task was not delegated.
create function jobferry.undelegate(task text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  lock table jobferry.queue in share row exclusive mode;
  delete from jobferry.delegates d where d.task = undelegate.task;
  if not found then
    return false;
  end if;
  delete from jobferry.left_behind l where l.task = undelegate.task;
  perform jobferry.take_back(array(
    select q.job_id from jobferry.queue q join jobferry.delegated using (job_id) where q.task = undelegate.task));
  if not exists (select from jobferry.delegates) then
    drop trigger if exists hand_over_trigger on jobferry.queue;
  end if;
  return true;
end $$;

call jobferry.settle_functions();

grant select, insert, update, delete on jobferry.delegated, jobferry.left_behind to jobferry_engine;
grant select on jobferry.delegates to jobferry_engine;
grant select on jobferry.delegates, jobferry.delegated, jobferry.left_behind to jobferry_auditor;
