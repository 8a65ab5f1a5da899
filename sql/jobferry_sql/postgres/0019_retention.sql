-- What need not be kept for ever: pruning old jobs, erasing an owner's, and telling the devices.
--
-- A job that leaves the ledger leaves a tombstone, which its owner's devices read by the same cursor as
-- their rows. A tombstone also refuses a submit that comes once more from a device which never heard
-- that its first try succeeded. Tombstones go too, after a long time; `retention.forgotten` remembers
-- up to where, so a device that was away for longer is told to read everything anew.
--
-- An erased job keeps its row and loses its content, and `revised` makes what is left of it travel to
-- every device again, also to the one that sent it.
--
-- Lock order: ledger rows, and only those that nobody holds; then queue rows, only tried for, as a
-- foreign writer's triggers do. So nothing here waits for a job.

create table jobferry.tombstones (
  job_id uuid primary key,
  owner text not null,
  version xid8 not null default pg_current_xact_id(),
  at timestamptz not null default now()
);

-- How a device reads, and how the feed sees at one look that there is nothing to read.
create index tombstones_cursor on jobferry.tombstones (owner, version, job_id);
create index tombstones_newest on jobferry.tombstones (version);

create table jobferry.retention (
  forgotten xid8 not null default '0',
  only_one boolean primary key default true check (only_one)
);
insert into jobferry.retention default values;

-- One page of the tombstones that a device has not seen, in the order (version, id). An id that somebody
-- has inserted anew is a job again.
create function jobferry.gone_page(
  owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer
) returns table (version xid8, job_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select t.version, t.job_id from jobferry.tombstones t
  where t.owner = gone_page.owner
    and t.version >= pg_snapshot_xmin(since)
    and (t.version, t.job_id) > (coalesce(after_version, '0'::xid8), coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
    and not pg_visible_in_snapshot(t.version, since)
    and pg_visible_in_snapshot(t.version, target)
    and not exists (select from public.background_jobs b where b.id = t.job_id)
  order by t.version, t.job_id
  limit max_rows
$$;

-- bury: a job that anybody deletes by hand leaves its tombstone too. (Nothing tells of a TRUNCATE.)
create function jobferry.bury_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobferry.tombstones (job_id, owner) values (OLD.id, OLD.submitted_by)
  on conflict (job_id) do update set owner = excluded.owner, version = excluded.version, at = excluded.at;
  perform jobferry.announce(array[OLD.submitted_by]);
  return null;
end $$;

create trigger bury_deleted_job_trigger after delete on public.background_jobs
  for each row when (current_user <> 'jobferry_engine' and OLD.submitted_by is not null)
  execute function jobferry.bury_job();
alter table public.background_jobs enable always trigger bury_deleted_job_trigger;

-- Up to `most` jobs in these blocks of the ledger (from the first, up to but without the last) that had
-- finished before then; locked, but for those that somebody holds, until the transaction ends. A
-- finished row does not move, so reading block after block finds each once, and needs no index that
-- every completion would have to pay for.
create function jobferry.prunable_jobs(finished_before timestamptz, first_block bigint, last_block bigint, most integer)
returns uuid[]
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(found.id), '{}') from (
    select b.id from public.background_jobs b
    where b.ctid >= format('(%s,0)', first_block)::tid and b.ctid < format('(%s,0)', last_block)::tid
      and b.finished_at < finished_before
      and not exists (select from jobferry.queue q where q.job_id = b.id)
    limit most
    for update of b skip locked
  ) found
$$;

-- Jobs that left the ledger some other way, whose events in these blocks of the audit log, and all
-- others, are older than that. One caller at a time looks for them, until its transaction ends.
create function jobferry.prunable_history(older_than timestamptz, first_block bigint, last_block bigint, most integer)
returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('jobferry.history', 0));
  return (select coalesce(array_agg(found.job_id), '{}') from (
    select distinct e.job_id from public.background_job_events e
    where e.ctid >= format('(%s,0)', first_block)::tid and e.ctid < format('(%s,0)', last_block)::tid
      and e.at < older_than
      and e.job_id <> '00000000-0000-0000-0000-000000000000'
      and not exists (select from public.background_jobs b where b.id = e.job_id)
      and not exists (select from public.background_job_events f where f.job_id = e.job_id and f.at >= older_than)
    limit most
  ) found);
end $$;

-- The door to the audit log's past: take out the events of jobs that are no longer in the ledger, and
-- say so. What it says is of no one job, and is never taken out.
create function jobferry.forget_history(jobs uuid[], why jsonb) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  forgotten integer;
begin
  delete from public.background_job_events e
  where e.job_id = any (jobs) and e.job_id <> '00000000-0000-0000-0000-000000000000'
    and not exists (select from public.background_jobs b where b.id = e.job_id);
  get diagnostics forgotten = row_count;
  if forgotten > 0 or why ->> 'jobs' <> '0' then
    insert into public.background_job_events (job_id, event, attempt, actor, detail)
    values ('00000000-0000-0000-0000-000000000000', 'pruned', 0, jobferry.asker(),
      why || jsonb_build_object('events', forgotten));
  end if;
  return forgotten;
end $$;

-- Take these jobs, if they had finished before then, out of the ledger, and their events out of the
-- audit log. `archive` is where the caller has written them down, for the record.
create function jobferry.prune_jobs(ids uuid[], finished_before timestamptz, archive text)
returns table (jobs integer, events integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  owners text[];
begin
  with gone as (
    delete from public.background_jobs b where b.id = any (ids) and b.finished_at < finished_before
    returning b.id, b.submitted_by
  ),
  buried as (
    insert into jobferry.tombstones as t (job_id, owner)
    select g.id, g.submitted_by from gone g where g.submitted_by is not null
    on conflict (job_id) do update set owner = excluded.owner, version = excluded.version, at = excluded.at
  )
  select count(*), array_agg(distinct g.submitted_by) into jobs, owners from gone g;
  perform jobferry.announce(owners);
  events := jobferry.forget_history(ids,
    jsonb_build_object('jobs', jobs, 'finished_before', finished_before, 'archive', archive));
  return next;
end $$;

-- Forget up to `most` of the oldest tombstones, if they are older than that; how many. Only such as
-- every snapshot taken from now on sees: who reads anew after this is behind no more.
create function jobferry.forget_tombstones(older_than timestamptz, most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  forgotten integer;
  newest xid8;
begin
  with oldest as materialized (
    select t.job_id, t.at from jobferry.tombstones t
    where t.version < pg_snapshot_xmin(pg_current_snapshot())
    order by t.version limit most
    for update skip locked
  ),
  gone as (
    delete from jobferry.tombstones t using oldest o where t.job_id = o.job_id and o.at < older_than
    returning t.version
  )
  select count(*), (select g.version from gone g order by g.version desc limit 1) into forgotten, newest from gone;
  update jobferry.retention r set forgotten = newest where r.forgotten < newest;
  return forgotten;
end $$;

-- What an erased job shows instead of its error.
create function jobferry.erasure() returns jsonb
language sql immutable
as $$ select '{"code": "erased", "message": "payload and result were erased"}'::jsonb $$;

-- The door's other use: what an erased job's events said beyond their names goes, and who did it stays.
create function jobferry.blank_history(jobs uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update public.background_job_events e set detail = '{"code": "erased"}'
  where e.job_id = any (jobs) and e.detail is not null
    and exists (select from public.background_jobs b where b.id = e.job_id and b.error = jobferry.erasure());
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  select b.id, b.submitted_by, 'erased', b.attempts, jobferry.asker()
  from public.background_jobs b where b.id = any (jobs) and b.error = jobferry.erasure();
$$;

-- Erase payload, result, key and errors of up to `most` of the owner's jobs, of those the server had
-- received by then; what has not finished is cancelled. Jobs that somebody holds are passed over:
-- `left_over` says that there are more.
create function jobferry.erase_batch(owner text, received_by timestamptz, most integer)
returns table (erased integer, cancelled integer, left_over boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ids uuid[];
begin
  with wanted as materialized (
    select b.id, b.finished_at is null as unfinished from public.background_jobs b
    where b.submitted_by = owner and b.received_at <= received_by and not jobferry.is_erased(b)
    order by b.version limit most
    for update of b skip locked
  ),
  blanked as (
    update public.background_jobs b
    set payload = '{}', result = null, job_key = null, error = jobferry.erasure(),
      cancelled = b.cancelled or w.unfinished, status = case when w.unfinished then 'cancelled' else b.status end,
      finished_at = coalesce(b.finished_at, now()),
      version = pg_current_xact_id(), revised = pg_current_xact_id()
    from wanted w where b.id = w.id
    returning b.id, b.submitted_by, b.attempts, w.unfinished
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'cancelled', attempts, jobferry.asker() from blanked where unfinished
  )
  select count(*), count(*) filter (where unfinished), array_agg(id) into erased, cancelled, ids from blanked;

  if erased > 0 then
    perform jobferry.blank_history(ids);
    delete from jobferry.queue
    where job_id in (select q.job_id from jobferry.queue q where q.job_id = any (ids) for update skip locked);
    perform jobferry.announce(array[owner]);
  end if;
  -- The reason for a rejection may quote the job.
  update jobferry.devices d set rejected_message = 'erased'
  where d.owner = erase_batch.owner and d.rejected_message <> 'erased';
  left_over := exists (
    select from public.background_jobs b
    where b.submitted_by = owner and b.received_at <= received_by and not jobferry.is_erased(b));
  return next;
end $$;

-- Is there nothing left to erase of this job? Told by its content, so that no handler's error passes for it.
create function jobferry.is_erased(job public.background_jobs) returns boolean
language sql immutable
as $$
  select job.finished_at is not null and job.payload = '{}' and job.result is null and job.job_key is null
    and job.error is not distinct from jobferry.erasure()
$$;

grant execute on function jobferry.erasure, jobferry.forget_history, jobferry.blank_history, jobferry.is_erased to jobferry_engine;
grant execute on function jobferry.erasure, jobferry.asker to jobferry_archivist;
alter function jobferry.forget_history owner to jobferry_archivist;
alter function jobferry.blank_history owner to jobferry_archivist;
call jobferry.settle_functions();

grant select, insert, update, delete on jobferry.tombstones to jobferry_engine;
grant select, update on jobferry.retention to jobferry_engine;
grant select, insert, delete, update (detail) on public.background_job_events to jobferry_archivist;
grant select on public.background_jobs to jobferry_archivist;

grant select on jobferry.tombstones, jobferry.retention to jobferry_gateway;
grant execute on function jobferry.gone_page to jobferry_gateway;

grant select on jobferry.tombstones, jobferry.retention to jobferry_auditor;

grant execute on function jobferry.prunable_jobs, jobferry.prunable_history, jobferry.prune_jobs,
  jobferry.forget_tombstones, jobferry.erase_batch
  to jobferry_admin;
