-- What a processor does to the queue, in sets: claim, flush, hand back, stay alive.
--
-- Fencing: a job is held as (job_id, locked_by, attempts). Every write below is conditional on all
-- three, so a processor that lost its lease changes nothing and is told.
--
-- Lock order: the lease (an advisory lock: it costs an idle claim no write), then queue rows, then
-- ledger rows. Claim and flush share the lease; reaping and leaving take it alone, so nobody gives
-- away the jobs of a processor in the middle of something. Claims skip what is locked and so wait for
-- nobody; foreign writers, who hold a ledger row first, only ever try for the queue row. A queue row
-- whose job they finished meanwhile is cleared away by whoever of us held it, or by the next claim.

-- A job waits this long after its nth attempt failed: 2.7 s, 7.4 s, 20 s ... 22026 s.
create function jobferry.backoff(attempts integer) returns interval
language sql immutable
as $$ select make_interval(secs => exp(least(attempts, 10))) $$;

-- What stands for a processor's lease among the advisory locks.
create function jobferry.lease_key(processor text) returns bigint
language sql immutable
as $$ select hashtextextended('jobferry.processor ' || processor, 0) $$;

create function jobferry.register_processor(processor text, tasks text[], version text) returns void
language sql security definer set search_path = '' as $$
  insert into jobferry.processors (id, tasks, version) values (processor, register_processor.tasks, register_processor.version)
  on conflict (id) do update set tasks = excluded.tasks, last_seen = now()
$$;

-- Prolong the lease. False: somebody took this processor for dead and gave its jobs away.
create function jobferry.heartbeat(processor text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update jobferry.processors set last_seen = now() where id = processor;
  return found;
end $$;

-- The jobs that named queues may give now: the first due one of every name that has none running.
-- The advisory lock, held until the claim commits, makes sure that nobody else decides on the same
-- name meanwhile; the second statement then sees whatever was decided before. Two names with one
-- hash only miss a turn.
create function jobferry.named_heads(tasks text[], forbidden_flags text[]) returns uuid[]
language plpgsql volatile set search_path = '' as $$
declare
  names text[];
begin
  with recursive name as (
    (select queue_name from jobferry.queue where queue_name is not null order by queue_name limit 1)
    union all
    select (select q.queue_name from jobferry.queue q where q.queue_name > name.queue_name order by q.queue_name limit 1)
    from name where name.queue_name is not null
  )
  select array_agg(queue_name) into names from name
  where queue_name is not null and pg_try_advisory_xact_lock(hashtextextended('jobferry.queue ' || queue_name, 0));

  return array(
    select head.job_id from unnest(names) name
    cross join lateral (
      select q.job_id from jobferry.queue q
      where q.queue_name = name and q.run_at <= now() and q.task = any (tasks)
        and (q.flags is null or not q.flags && forbidden_flags)
      order by q.priority, q.run_at, q.job_id limit 1
    ) head
    where not exists (select from jobferry.queue busy where busy.queue_name = name and busy.locked_by is not null));
end $$;

-- Take up to `most` due jobs of these tasks, first by priority, then by time, at most one of each
-- named queue, none that carries a forbidden flag. Each costs its job an attempt. A job whose ledger
-- row somebody is writing this moment, for however long, is passed over.
create function jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer)
returns table (id uuid, task text, payload text, attempt smallint, owner text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  heads uuid[];
  due_id uuid;
  passed_over uuid[];
begin
  perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  if not exists (select from jobferry.processors p where p.id = processor) then
    raise exception 'processor % is not registered', processor
      using errcode = 'JF010', hint = 'Its lease ran out and its jobs were given away; register again.';
  end if;
  if exists (select from jobferry.queue q where q.queue_name is not null) then
    heads := jobferry.named_heads(tasks, forbidden_flags);
  end if;

  for due_id, id, task, payload, attempt, owner in
    with due as materialized (
      select q.job_id, q.priority, q.run_at from jobferry.queue q
      where q.locked_by is null and q.run_at <= now() and q.task = any (tasks)
        and (q.flags is null or not q.flags && forbidden_flags)
        and (q.queue_name is null or q.job_id = any (heads))
      order by q.priority, q.run_at, q.job_id
      limit most
      for update skip locked
    ),
    free as materialized (
      select b.id from due join public.background_jobs b on b.id = due.job_id for no key update of b skip locked
    ),
    taken as (
      update jobferry.queue q set locked_by = processor, attempts = q.attempts + 1
      from free where q.job_id = free.id
      returning q.job_id, q.attempts
    ),
    started as (
      update public.background_jobs b
      set status = 'running', attempts = t.attempts, started_at = coalesce(b.started_at, now()),
        version = pg_current_xact_id()
      from taken t where b.id = t.job_id and b.finished_at is null
      returning b.id, b.task, b.payload, b.attempts, b.submitted_by
    ),
    audited as (
      insert into public.background_job_events (job_id, owner, event, attempt, actor)
      select s.id, s.submitted_by, 'started', s.attempts, 'processor ' || processor from started s
    ),
    announced as materialized (
      select pg_notify('jobferry_changes', o.submitted_by)
      from (select distinct submitted_by from started where octet_length(submitted_by) < 7900) o
    )
    select due.job_id, s.id, s.task, s.payload::text, s.attempts, s.submitted_by
    from due left join started s on s.id = due.job_id, (select count(*) from announced) a
    order by due.priority, due.run_at, due.job_id
  loop
    if id is null then
      passed_over := passed_over || due_id;
    else
      return next;
    end if;
  end loop;

  -- Of these somebody may have made an end: nobody's work any more.
  if passed_over is not null then
    delete from jobferry.queue q
    where q.job_id = any (passed_over)
      and not exists (select from public.background_jobs b where b.id = q.job_id and b.finished_at is null);
  end if;
end $$;

-- Queue rows in our hands whose jobs somebody else has finished or removed meanwhile.
create function jobferry.clear_away(finished uuid[]) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if finished is not null then
    delete from jobferry.queue where job_id = any (finished);
  end if;
end $$;

-- The four things a flush may carry, each a set, each fenced. All of them take the queue row first.

create function jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  owners text[];
begin
  with input as (select * from unnest(ids, attempt_numbers, results) i(id, attempt, result)),
  held as (
    delete from jobferry.queue q using input i
    where q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt
    returning q.job_id, i.result
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
    select id, submitted_by, 'completed', attempts, 'processor ' || processor from done
  )
  select array_agg(distinct submitted_by) into owners from done;
  perform jobferry.announce(owners);
end $$;

-- A failure is retried after `delays` (null: the usual back-off) unless it is final or was the last.
create function jobferry.fail_batch(
  processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[]
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  owners text[];
  finished uuid[];
begin
  with input as (
    select * from unnest(ids, attempt_numbers, errors, final, delays, details) i(id, attempt, error, final, delay, detail)
  ),
  held as materialized (
    select q.job_id, i.error::jsonb as error, i.detail::jsonb as detail,
      i.final or q.attempts >= q.max_attempts as final,
      greatest(now(), q.run_at) + coalesce(i.delay, jobferry.backoff(q.attempts)) as next_run
    from jobferry.queue q join input i on q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.final),
  waiting as (
    update jobferry.queue q set locked_by = null, run_at = h.next_run
    from held h where q.job_id = h.job_id and not h.final
  ),
  failed as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      run_at = case when h.final then b.run_at else h.next_run end,
      error = h.error, version = pg_current_xact_id()
    from held h where b.id = h.job_id and b.finished_at is null
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.detail
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, 'processor ' || processor, error || coalesce(detail, '{}') from failed
  )
  select array_agg(distinct f.submitted_by), array_agg(h.job_id) filter (where f.id is null) into owners, finished
  from held h left join failed f on f.id = h.job_id;
  perform jobferry.announce(owners);
  perform jobferry.clear_away(finished);
end $$;

-- Progress is not an event and wakes nobody but the owner's gateway.
create function jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  owners text[];
  finished uuid[];
begin
  with held as materialized (
    select q.job_id, i.progress
    from jobferry.queue q join unnest(ids, attempt_numbers, progresses) i(id, attempt, progress)
      on q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt
    for update of q
  ),
  moved as (
    update public.background_jobs b set progress = h.progress, version = pg_current_xact_id()
    from held h where b.id = h.job_id and b.finished_at is null
    returning b.id, b.submitted_by
  )
  select array_agg(distinct m.submitted_by), array_agg(h.job_id) filter (where m.id is null) into owners, finished
  from held h left join moved m on m.id = h.job_id;
  perform jobferry.announce(owners);
  perform jobferry.clear_away(finished);
end $$;

-- Hand back what was taken and not begun, or not finished in time to stop: the attempt is returned.
create function jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  owners text[];
  finished uuid[];
begin
  with freed as (
    update jobferry.queue q set locked_by = null, attempts = q.attempts - 1
    from unnest(ids, attempt_numbers) i(id, attempt)
    where q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt
    returning q.job_id, q.attempts
  ),
  released as (
    update public.background_jobs b set status = 'queued', attempts = f.attempts, version = pg_current_xact_id()
    from freed f where b.id = f.job_id and b.finished_at is null
    returning b.id, b.submitted_by, b.attempts
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'released', attempts, 'processor ' || processor from released
  )
  select array_agg(distinct r.submitted_by), array_agg(f.job_id) filter (where r.id is null) into owners, finished
  from freed f left join released r on r.id = f.job_id;
  perform jobferry.announce(owners);
  perform jobferry.clear_away(finished);
  perform pg_notify('jobferry_queue', '');
end $$;

-- Which of the jobs that a processor runs are no longer its own? `cancelled`, or `lost` with the
-- lease. Clears away the queue rows of those that somebody finished while we held them.
create function jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[])
returns table (id uuid, attempt smallint, verdict text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from jobferry.queue q using public.background_jobs b
  where q.job_id = any (ids) and q.locked_by = processor and b.id = q.job_id and b.finished_at is not null;
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
language plpgsql security definer set search_path = '' as $$
declare
  dead text[];
  freed integer;
  owners text[];
  finished uuid[];
begin
  with silent as materialized (
    select p.id from jobferry.processors p where p.last_seen < now() - lease for update skip locked
  )
  select array_agg(id) into dead from silent where pg_try_advisory_xact_lock(jobferry.lease_key(id));
  if dead is null then
    return 0;
  end if;

  with held as materialized (
    select q.job_id, q.locked_by, q.attempts >= q.max_attempts as final
    from jobferry.queue q where q.locked_by = any (dead) order by q.job_id for update
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.final),
  waiting as (update jobferry.queue q set locked_by = null from held h where q.job_id = h.job_id and not h.final),
  lost as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      error = jsonb_build_object('code', 'processor_lost', 'message', 'the processor that ran this job died'),
      version = pg_current_xact_id()
    from held h where b.id = h.job_id and b.finished_at is null
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.locked_by
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, 'processor ' || locked_by, error from lost
  )
  select count(l.id), array_agg(distinct l.submitted_by), array_agg(h.job_id) filter (where l.id is null)
  into freed, owners, finished
  from held h left join lost l on l.id = h.job_id;
  perform jobferry.announce(owners);
  perform jobferry.clear_away(finished);

  delete from jobferry.processors where id = any (dead);
  perform pg_notify('jobferry_queue', '');
  return freed;
end $$;

-- Leave. What is still held was claimed while the processor was stopping and never begun: it is handed
-- back, since from now on no reaper would look for it.
create function jobferry.unregister_processor(processor text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(jobferry.lease_key(processor));
  delete from jobferry.processors where id = processor;
  perform jobferry.release_batch(processor, array_agg(q.job_id), array_agg(q.attempts))
  from jobferry.queue q where q.locked_by = processor having count(*) > 0;
end $$;

-- Give back what is held in a processor's name and it does not know of: the answer to a claim was lost
-- on the way. Waits for a claim of its that may still be under way.
create function jobferry.release_unknown(processor text, known uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(jobferry.lease_key(processor));
  perform jobferry.release_batch(processor, array_agg(q.job_id), array_agg(q.attempts))
  from jobferry.queue q where q.locked_by = processor and q.job_id <> all (known) having count(*) > 0;
end $$;

-- Due jobs whose task no living processor offers: they stay queued, and somebody should know.
create function jobferry.unserved_tasks() returns table (task text, jobs bigint)
language sql stable security definer set search_path = '' as $$
  select q.task, count(*) from jobferry.queue q
  where q.run_at <= now() and q.locked_by is null
    and not exists (select from jobferry.processors p where q.task = any (p.tasks))
  group by q.task order by q.task
$$;

-- One flush: all that a processor has to say, in one round trip and one transaction; the answer is
-- what it must stop running. Empty arrays cost nothing.
create function jobferry.flush(
  processor text,
  done uuid[], done_attempts smallint[], results text[],
  failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[],
  moved uuid[], moved_attempts smallint[], progresses real[],
  released uuid[], released_attempts smallint[],
  running uuid[], running_attempts smallint[]
) returns table (id uuid, attempt smallint, verdict text)
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  if cardinality(done) > 0 then
    perform jobferry.complete_batch(processor, done, done_attempts, results);
  end if;
  if cardinality(failed) > 0 then
    perform jobferry.fail_batch(processor, failed, failed_attempts, errors, final, delays, details);
  end if;
  if cardinality(moved) > 0 then
    perform jobferry.progress_batch(processor, moved, moved_attempts, progresses);
  end if;
  if cardinality(released) > 0 then
    perform jobferry.release_batch(processor, released, released_attempts);
  end if;
  if cardinality(running) > 0 then
    return query select * from jobferry.check_running(processor, running, running_attempts);
  end if;
end $$;
