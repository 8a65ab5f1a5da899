-- The hand-over: a job of a delegated task goes to its engine in the transaction in which it enters our queue.
--
-- One place sees every way in (the gateway's group commit, a plain INSERT, the SQL API, a revived job): the
-- insert into `jobferry.queue`. The trigger is a statement's, so that a batch is one statement for the
-- engine too; it is there only while a task is delegated, so nobody else pays for it (measured; see
-- docs/decisions). The queue's rows come from our own statements alone, also under logical apply, so
-- what is said of statement triggers on the ledger does not hold here.
--
-- The transaction is somebody's submit together with many others', so an engine's trouble must never fail it:
-- what can't be handed over stays in our queue as it was, is named in `jobferry.left_behind` and in the
-- audit log, and is tried again (`jobferry.hand_over_left`, which every processor calls now and then).
--
-- Lock order: ledger rows (only what takes jobs back locks them), queue rows, the engine's rows. All of them are
-- passed over if somebody else has them in hand.

-- Note jobs that stay with us for now. The audit log tells it once of each.
create function jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text) returns void
language plpgsql as $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'left_behind', b.attempts, 'delegate ' || delegate.engine,
    jsonb_build_object('code', leave_behind.code, 'message', leave_behind.message)
  from public.background_jobs b
  where b.id = any (ids) and not exists (select from jobferry.left_behind l where l.job_id = b.id);
  insert into jobferry.left_behind as l (job_id, task, code, message)
  select id, delegate.task, leave_behind.code, leave_behind.message from unnest(ids) id
  on conflict (job_id) do update set code = excluded.code, message = excluded.message, tried_at = now();
end $$;

-- Hand over jobs of one task whose queue rows we hold; how many went. If the data of one is at fault, it
-- is found by halves and the others go.
create function jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[]) returns integer
language plpgsql as $$
declare
  code text;
  message text;
  half integer := cardinality(ids) / 2;
begin
  begin
    perform jobferry.send_to_engine(delegate, ids);
  exception when others then
    get stacked diagnostics code = returned_sqlstate, message = message_text;
  end;
  if code is null then
    update jobferry.queue q set locked_by = 'delegate ' || delegate.engine where q.job_id = any (ids);
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select b.id, b.submitted_by, 'handed_over', b.attempts, 'delegate ' || d.engine, jsonb_build_object('foreign_id', d.foreign_id)
    from jobferry.delegated d join public.background_jobs b on b.id = d.job_id where d.job_id = any (ids);
    return cardinality(ids);
  elsif left(code, 2) in ('22', '23', '54') and half > 0 then
    return jobferry.hand_over_some(delegate, ids[:half]) + jobferry.hand_over_some(delegate, ids[half + 1:]);
  elsif code = '55P03' then
    perform set_config('jobferry.locked_engine', delegate.engine, true);
  end if;
  perform jobferry.leave_behind(delegate, ids, code, message);
  return 0;
end $$;

-- Hand over those of these jobs that wait in our queue and whose task is delegated; how many went. An engine
-- whose tables are locked is waited for once in a transaction, not once for each task.
create function jobferry.hand_over(ids uuid[]) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  it record;
  went integer := 0;
begin
  for it in
    with free as materialized (
      select q.job_id, q.task, q.priority, q.run_at from jobferry.queue q
      where q.job_id = any (ids) and q.locked_by is null and q.task in (select task from jobferry.delegates)
      order by q.job_id for update skip locked
    )
    select d as delegate, array_agg(f.job_id order by f.priority, f.run_at, f.job_id) as jobs
    from free f join jobferry.delegates d on d.task = f.task group by d, d.engine order by d.engine
  loop
    if current_setting('jobferry.locked_engine', true) is distinct from (it.delegate).engine then
      went := went + jobferry.hand_over_some(it.delegate, it.jobs);
    else
      perform jobferry.leave_behind(it.delegate, it.jobs, '55P03', 'the engine''s tables are locked');
    end if;
  end loop;
  return went;
end $$;

create function jobferry.hand_over_added() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ids uuid[];
begin
  select array_agg(a.job_id) into ids from added a join jobferry.delegates d on d.task = a.task where a.locked_by is null;
  if ids is not null then
    perform jobferry.hand_over(ids);
  end if;
  return null;
end $$;

-- Try again with what was left behind, those that waited longest first; how many went. What was run, taken
-- or ended meanwhile is forgotten. Cheap when nothing is left.
create function jobferry.hand_over_left(most integer default 1000) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  left_ids uuid[];
  went integer;
begin
  select array_agg(l.job_id) into left_ids
  from (select job_id from jobferry.left_behind order by tried_at limit most for update skip locked) l;
  if left_ids is null then
    return 0;
  end if;
  went := jobferry.hand_over(left_ids);
  delete from jobferry.left_behind l
  where l.job_id = any (left_ids) and not exists (select from jobferry.queue q where q.job_id = l.job_id and q.locked_by is null);
  return went;
end $$;

-- A queue row leaves while its job is still in the engine: somebody cancelled, ended or removed the job. Stop
-- it there. Whatever goes wrong with that is no reason not to cancel: the worker learns of it anyway. An engine
-- whose tables are locked is waited for once in a transaction, not once for each job.
create function jobferry.stop_delegated() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  it jobferry.delegated;
begin
  delete from jobferry.delegated d where d.job_id = OLD.job_id returning * into it;
  if it.job_id is not null and current_setting('jobferry.locked_engine', true) is distinct from it.engine then
    begin
      perform jobferry.stop_in_engine(it, true);
    exception when others then
      if sqlstate = '55P03' then
        perform set_config('jobferry.locked_engine', it.engine, true);
      end if;
      raise warning 'job % could not be stopped in %: %', it.job_id, it.engine, sqlerrm;
    end;
  end if;
  return null;
end $$;

create trigger stop_delegated_trigger after delete on jobferry.queue
  for each row when (OLD.locked_by like 'delegate %') execute function jobferry.stop_delegated();
alter table jobferry.queue enable always trigger stop_delegated_trigger;

-- Take jobs back from their engine, unless they run there: they wait in our queue again, or go to where
-- their task is delegated now with the next `hand_over`. Also for jobs that the engine lost: the attempt
-- that ran has failed then. How many came.
create function jobferry.take_back(ids uuid[]) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  it record;
  came uuid[];
begin
  for it in
    with free as materialized (
      select b.id from public.background_jobs b join jobferry.delegated d on d.job_id = b.id
      where b.id = any (ids) order by b.id for no key update of b skip locked
    )
    select d as delegated, q.attempts, q.job_id
    from free f join jobferry.queue q on q.job_id = f.id join jobferry.delegated d on d.job_id = f.id
    for update of q skip locked
  loop
    if jobferry.stop_in_engine(it.delegated, false) then
      perform jobferry.delegated_failed(it.job_id, it.attempts, 'the worker that ran this job died', null, '0', 'processor_lost');
      came := came || it.job_id;
    end if;
  end loop;
  if came is null then
    return 0;
  end if;
  delete from jobferry.delegated d where d.job_id = any (came);
  update jobferry.queue q set locked_by = null where q.job_id = any (came);
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  select b.id, b.submitted_by, 'taken_back', b.attempts, jobferry.asker()
  from public.background_jobs b where b.id = any (came) and b.finished_at is null;
  perform pg_notify('jobferry_queue', '');
  return cardinality(came);
end $$;

-- What a foreign writer changes of a job that waits in an engine holds there too: it comes back and goes anew.
create function jobferry.resend_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from jobferry.delegated d where d.job_id = NEW.id) and jobferry.take_back(array[NEW.id]) > 0 then
    update jobferry.queue set task = NEW.task, queue_name = NEW.queue_name, priority = NEW.priority,
      run_at = NEW.run_at, max_attempts = NEW.max_attempts, flags = NEW.flags
    where job_id = NEW.id;
    perform jobferry.hand_over(array[NEW.id]);
  end if;
  return null;
end $$;

create trigger resend_job_trigger after update on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and NEW.finished_at is null and NEW.status <> 'running'
    and (NEW.task, NEW.queue_name, NEW.priority, NEW.run_at, NEW.max_attempts, NEW.flags, NEW.payload)
        is distinct from (OLD.task, OLD.queue_name, OLD.priority, OLD.run_at, OLD.max_attempts, OLD.flags, OLD.payload))
  execute function jobferry.resend_job();
alter table public.background_jobs enable always trigger resend_job_trigger;

-- Jobs of delegated tasks that somebody should look at:
--   left      could not be handed over and wait with us (with the engine's error)
--   vanished  the engine has no row of them any more and did not say what became of them
--   ended     the engine is done with them (with its own word) and did not say so
-- A job that ends this moment may be seen between the engine's word and the report.
create function jobferry.delegates_check()
returns table (job_id uuid, task text, engine text, foreign_id text, finding text, detail text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
    select l.job_id, l.task, d.engine, null, 'left', l.message
    from jobferry.left_behind l join jobferry.delegates d on d.task = l.task
    join jobferry.queue q on q.job_id = l.job_id and q.locked_by is null
    order by l.tried_at;
  return query
    select d.job_id, q.task, d.engine, d.foreign_id, case when s.state is null then 'vanished' else 'ended' end, s.state
    from jobferry.delegated d join jobferry.queue q on q.job_id = d.job_id
    left join lateral jobferry.seen_in_engine(d.engine, d.schema_name, d.foreign_id, d.queue) s on true
    where s.state is null or s.ended
    order by d.handed_over_at, d.job_id;
end $$;

call jobferry.settle_functions();

grant execute on function jobferry.leave_behind, jobferry.hand_over_some to jobferry_engine;
grant execute on function jobferry.hand_over_left, jobferry.delegates_check to jobferry_processor;
grant execute on function jobferry.delegates_check to jobferry_auditor;
