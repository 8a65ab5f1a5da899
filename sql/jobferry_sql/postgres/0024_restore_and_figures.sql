-- Is this database still the one it was, and how is it?
--
-- The first half is about one that came back: restored from a dump, in place or elsewhere, or copied to
-- another cluster. The second, `figures`, is what the metrics and the doctor look at.
--
-- A device's cursor means nothing in a database that has not had the same transactions. The epoch tells:
-- cluster and timeline (another cluster, a failover, a recovery to a point in time), the database's own
-- number (restored beside the old one), and now also the transaction that wrote the identity: a dump
-- brings the row back under another one, even in the very same database. Vacuum leaves it as it is.
--
-- One thing brings all of that back unchanged: the files themselves, from a snapshot of the disk. A
-- gateway that lives through it sees the transaction ids go back and says so with `begin_epoch`; where
-- none does, a person must.
--
-- A dump also brings transaction ids along, in `version` and its kin. In a younger cluster they would lie
-- in the future: a row that no device is shown, perhaps for years. They are written anew before anybody
-- is served.

alter table jobferry.identity
  -- Whose transaction ids stand in the rows.
  add column cluster bigint;

create or replace function jobferry.epoch() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select md5(concat_ws(' ',
    (select system_identifier from pg_control_system()),
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
    (select oid from pg_database where datname = current_database()),
    (select id from jobferry.identity), (select xmin from jobferry.identity)))
$$;

-- This is not the database that it was at that epoch, though nothing else tells. Whoever comes second
-- changes nothing.
create function jobferry.begin_epoch(was text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from jobferry.identity for update;
  update jobferry.identity set id = gen_random_uuid() where jobferry.epoch() = was;
  return found;
end $$;

-- Are the transaction ids in the rows another cluster's? Then they are no ids of ours: what lies in our
-- future is written anew, as of now, and nothing is forgotten that a cursor of ours could need. Returns
-- how many rows; goes through the whole ledger once, then never again in this cluster.
create function jobferry.settle_restored() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  here bigint := (select system_identifier from pg_control_system());
  past xid8 := pg_snapshot_xmin(pg_current_snapshot());
  settled bigint;
begin
  if here = (select cluster from jobferry.identity) then
    return 0;
  end if;
  update jobferry.identity set cluster = here where cluster is distinct from here;
  if not found then
    return 0;
  end if;
  update public.background_jobs b set
    version = pg_current_xact_id(),
    created = case when b.created < past then b.created else pg_current_xact_id() end,
    revised = case when b.revised < past then b.revised when b.revised is not null then pg_current_xact_id() end
  where b.version >= past or b.created >= past or b.revised >= past;
  get diagnostics settled = row_count;
  update jobferry.tombstones t set version = pg_current_xact_id() where t.version >= past;
  update jobferry.retention set forgotten = '0';
  return settled;
end $$;

-- Seeing how old other people's transactions are takes a right that not everybody who migrates can give;
-- without it only our own sessions are seen.
do $$
begin
  grant pg_read_all_stats to jobferry_engine;
exception when insufficient_privilege then null;
end $$;

-- How many jobs wait for each task: all of them counted as long as they are few, else a sample of about
-- `sample` rows taken for the whole.
create function jobferry.queue_depth(sample integer) returns table (task text, jobs bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  share double precision := least(100, 100.0 * sample / greatest(pg_stat_get_live_tuples('jobferry.queue'::regclass), 1));
begin
  return query
    select q.task, (count(*) * 100 / share)::bigint from jobferry.queue q tablesample system (share) group by q.task;
end $$;

-- For how many seconds the oldest due job has waited that nobody has taken. One look at the index for each
-- priority, and at no more than a hundred of them.
create function jobferry.oldest_waiting() returns double precision
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_sort = off as $$
  with recursive level as (
    (select q.priority, 1 as number from jobferry.queue q order by q.priority limit 1)
    union all
    select (select q.priority from jobferry.queue q where q.priority > level.priority order by q.priority limit 1), number + 1
    from level where level.priority is not null and number < 100
  )
  select extract(epoch from now() - min(head.run_at))::double precision from level cross join lateral (
    select q.run_at from jobferry.queue q
    where q.priority = level.priority and q.run_at <= now() and q.locked_by is null
    order by q.run_at limit 1
  ) head
$$;

-- Who keeps vacuum from its work, anywhere in the cluster: seconds and transactions since the oldest began.
create function jobferry.oldest_snapshot(out seconds double precision, out transactions bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select
    (select extract(epoch from now() - min(a.xact_start)) from pg_stat_activity a
     where a.pid <> pg_backend_pid() and (a.backend_xmin is not null or a.backend_xid is not null)),
    (select max(age(held.xmin)) from (
      select a.backend_xmin as xmin from pg_stat_activity a where a.pid <> pg_backend_pid()
      union all select p.transaction from pg_prepared_xacts p
      union all select s.xmin from pg_replication_slots s) held)
$$;

-- All that is to be watched, in one value. A device's clock may be years off: what it says has waited has
-- waited no longer than we know the device.
create function jobferry.figures(sample integer default 20000) returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'queue', (select coalesce(jsonb_object_agg(d.task, d.jobs), '{}') from jobferry.queue_depth(sample) d),
    'offered', (select coalesce(jsonb_agg(distinct t), '[]') from jobferry.processors p, unnest(p.tasks) t),
    'delegated', (select coalesce(jsonb_agg(d.task), '[]') from jobferry.delegates d),
    'processors', (select count(*) from jobferry.processors p where p.last_seen > now() - interval '1 minute'),
    'oldest_waiting', jobferry.oldest_waiting(),
    'dead', pg_stat_get_dead_tuples('jobferry.queue'::regclass),
    'ledger', (select greatest(c.reltuples, 0) from pg_class c where c.oid = 'public.background_jobs'::regclass),
    'snapshot', (select to_jsonb(s) from jobferry.oldest_snapshot() s),
    'devices', (
      select jsonb_build_object(
        'known', count(*), 'pending', count(*) filter (where d.pending > 0), 'unsent', coalesce(sum(d.pending), 0),
        'oldest_pending', max(extract(epoch from greatest(least(now() - d.oldest_pending_at, now() - d.first_seen), '0')))
          filter (where d.pending > 0),
        'last_heard', extract(epoch from now() - max(d.last_seen)))
      from jobferry.devices d))
$$;

call jobferry.settle_functions();

grant update on jobferry.identity to jobferry_engine;
grant select on jobferry.identity to jobferry_gateway, jobferry_processor, jobferry_auditor;
grant execute on function jobferry.begin_epoch, jobferry.settle_restored to jobferry_gateway;
grant execute on function jobferry.figures to jobferry_gateway, jobferry_processor, jobferry_auditor;
grant execute on function jobferry.queue_depth, jobferry.oldest_waiting, jobferry.oldest_snapshot to jobferry_engine;
grant execute on function jobferry.begin_epoch, jobferry.epoch to jobferry_admin;
