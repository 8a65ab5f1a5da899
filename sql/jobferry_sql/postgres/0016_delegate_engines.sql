-- What differs between the engines that jobs are handed over to: how a job is put into each, how it is
-- stopped there, and what each knows of it.
--
-- The engine's tables are found by the schema that was registered; that name is the only thing that is ever
-- set into a statement, and as an identifier. What is sent is
--
--   {"jobferry_job_id": "...", "payload": ...}
--
-- and the job's id stands again where the engine keeps a key of its own that must be unique, so a job is
-- never there twice. run_at, priority, max_attempts and the named queue are translated as far as the engine
-- has such a thing; our job_key is not: it is the ledger's to keep, and two owners may use the same.
--
-- All of this runs as jobferry_engine. The engines' own triggers want to find their tables, so the search
-- path is the engine's schema meanwhile (and nobody's temporary tables before it).

-- Lower priorities go first with us, Graphile Worker and Oban; higher ones with the others.

create function jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql as $$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
      select $4, $5, -b.priority::integer, b.queue_name, b.id::text,
        jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), case when b.run_at > now() then b.run_at end
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, queueing_lock
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select queueing_lock::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $$;

create function jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql as $$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
      select -b.priority::integer, $5, convert_to(jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload)::text, 'UTF8'),
        b.run_at, b.id::text, 'queued'
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, dedupe_key, priority
    ),
    logged as (
      insert into %1$I.pgqueuer_log (job_id, status, entrypoint, priority) select id, 'queued', $5, priority from sent
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select dedupe_key::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $$;

create function jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql as $$
begin
  execute format($sql$
    with sent as (
      select id, key from %1$I.add_jobs(array(
        select jsonb_populate_record(null::%1$I.job_spec, jsonb_build_object('identifier', $5,
          'payload', jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), 'queue_name', b.queue_name,
          'run_at', b.run_at, 'max_attempts', greatest(b.max_attempts - b.attempts, 1), 'job_key', b.id, 'priority', b.priority, 'flags', b.flags))
        from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id))
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select key::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $$;

-- The engine's row of the queue is locked as its foreign key would lock it, since that is checked only when
-- the caller commits. No row of the queue: nothing is sent, and the caller says so.
create function jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql as $$
begin
  execute format($sql$
    with q as (select * from %1$I.queue where name = $4 for key share),
    sent as (
      insert into %1$I.job (name, data, priority, start_after, singleton_key, retry_limit, retry_delay, retry_backoff,
        retry_delay_max, expire_seconds, deletion_seconds, keep_until, policy, dead_letter, heartbeat_seconds)
      select q.name, jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), -b.priority::integer, b.run_at,
        coalesce(b.queue_name, b.id::text), greatest(b.max_attempts - b.attempts, 1) - 1, 3, true, q.retry_delay_max, q.expire_seconds,
        q.deletion_seconds, b.run_at + q.retention_seconds * interval '1 second', q.policy, q.dead_letter, q.heartbeat_seconds
      from public.background_jobs b cross join q where b.id = any ($1) order by b.run_at, b.id
      returning id, data
    ),
    rung as materialized (
      select pg_notify('pgboss_' || left(encode(sha224(convert_to($3, 'UTF8')), 'hex'), 24), q.name) from q where q.notify
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select (data ->> 'jobferry_job_id')::uuid, $2, $3, $4, id::text from sent, (select count(*) from rung) r
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue;
end $$;

create function jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql as $$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.oban_jobs (state, queue, worker, args, max_attempts, priority, scheduled_at)
      select (case when b.run_at > now() then 'scheduled' else 'available' end)::%1$I.oban_job_state, $4, $5,
        jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), greatest(b.max_attempts - b.attempts, 1),
        least(greatest(b.priority, 0), 9), b.run_at at time zone 'UTC'
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, args
    ),
    rung as materialized (select pg_notify('oban_insert', json_build_object('queue', $4)::text))
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select (args ->> 'jobferry_job_id')::uuid, $2, $3, $4, id::text from sent, (select count(*) from rung) r
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $$;

-- Put these jobs into the engine of their task, all or none. Whatever holds the engine's tables, such as
-- its migrations, holds us up for a second at most.
create function jobferry.send_to_engine(delegate jobferry.delegates, ids uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
begin
  perform set_config('search_path', format('%I, pg_temp', delegate.schema_name), true);
  case delegate.engine
    when 'procrastinate' then perform jobferry.send_to_procrastinate(delegate, ids);
    when 'pgqueuer' then perform jobferry.send_to_pgqueuer(delegate, ids);
    when 'graphile-worker' then perform jobferry.send_to_graphile_worker(delegate, ids);
    when 'pg-boss' then perform jobferry.send_to_pg_boss(delegate, ids);
    when 'oban' then perform jobferry.send_to_oban(delegate, ids);
  end case;
  if (select count(*) from jobferry.delegated d where d.job_id = any (ids)) < cardinality(ids) then
    raise exception '% did not take the jobs of task %', delegate.engine, delegate.task
      using errcode = 'JF062', hint = 'pg-boss takes jobs for a queue that was created there, and no others.';
  end if;
end $$;

-- Stop a job in its engine without waiting for anybody: remove or cancel it if it has not begun. True: it
-- will not run there (any more). False: it runs, or somebody has its row in hand. To `interrupt` one that
-- runs is for the engines that can tell their worker (Procrastinate); the others learn when they report next.
create function jobferry.stop_in_engine(it jobferry.delegated, interrupt boolean) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
begin
  perform set_config('search_path', format('%I, pg_temp', it.schema_name), true);
  execute format(case it.engine
    when 'procrastinate' then $sql$
      update %1$I.procrastinate_jobs p set abort_requested = p.status = 'doing',
        status = case p.status when 'todo' then 'cancelled' else p.status end
      where p.id = (select id from %1$I.procrastinate_jobs
        where id = $1::bigint and (status = 'todo' or status = 'doing' and $3) for update skip locked)
    $sql$
    when 'pgqueuer' then $sql$
      with stopped as (
        delete from %1$I.pgqueuer p
        where p.id = (select id from %1$I.pgqueuer where id = $1::bigint and status = 'queued' for update skip locked)
        returning id, entrypoint, priority
      )
      insert into %1$I.pgqueuer_log (job_id, status, entrypoint, priority) select id, 'canceled', entrypoint, priority from stopped
    $sql$
    when 'graphile-worker' then $sql$
      delete from %1$I._private_jobs j
      where j.id = (select id from %1$I._private_jobs where id = $1::bigint and locked_at is null for update skip locked)
    $sql$
    when 'pg-boss' then $sql$
      update %1$I.job j set state = 'cancelled', completed_on = now()
      where (j.name, j.id) = (select name, id from %1$I.job
        where name = $2 and id = $1::uuid and state < 'active' for update skip locked)
    $sql$
    when 'oban' then $sql$
      update %1$I.oban_jobs o set state = 'cancelled', cancelled_at = now() at time zone 'UTC'
      where o.id = (select id from %1$I.oban_jobs
        where id = $1::bigint and state in ('available', 'scheduled', 'retryable') for update skip locked)
    $sql$ end, it.schema_name) using it.foreign_id, it.queue, interrupt;
  return not exists (select from jobferry.seen_in_engine(it.engine, it.schema_name, it.foreign_id, it.queue) s where not s.ended);
end $$;

-- What an engine knows of a job: its own word for the state, and whether it is done with it. No row: it has
-- none of that job any more.
create function jobferry.seen_in_engine(engine text, schema_name text, foreign_id text, queue text)
returns table (state text, ended boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query execute format(case engine
    when 'procrastinate' then $sql$
      select status::text, status not in ('todo', 'doing') from %1$I.procrastinate_jobs where id = $1::bigint
    $sql$
    when 'pgqueuer' then $sql$
      select status::text, status not in ('queued', 'picked') from %1$I.pgqueuer where id = $1::bigint
    $sql$
    when 'graphile-worker' then $sql$
      select case when locked_at is not null then 'locked' when attempts >= max_attempts then 'failed' else 'waiting' end,
        locked_at is null and attempts >= max_attempts
      from %1$I._private_jobs where id = $1::bigint
    $sql$
    when 'pg-boss' then $sql$
      select state::text, state > 'active' from %1$I.job where name = $2 and id = $1::uuid
    $sql$
    when 'oban' then $sql$
      select state::text, state in ('completed', 'discarded', 'cancelled') from %1$I.oban_jobs where id = $1::bigint
    $sql$ end, schema_name) using foreign_id, queue;
end $$;

call jobferry.settle_functions();

grant execute on function
  jobferry.send_to_procrastinate, jobferry.send_to_pgqueuer, jobferry.send_to_graphile_worker, jobferry.send_to_pg_boss,
  jobferry.send_to_oban
  to jobferry_engine;
