-- A database that came back: restored from a dump, in place or elsewhere, or copied to another cluster.
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
update jobferry.identity set cluster = (select system_identifier from pg_control_system());

create or replace function jobferry.epoch() returns text
language sql stable security definer set search_path = '' as $$
  select md5(concat_ws(' ',
    (select system_identifier from pg_control_system()),
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
    (select oid from pg_database where datname = current_database()),
    (select id from jobferry.identity), (select xmin from jobferry.identity)))
$$;

-- This is not the database that it was at that epoch, though nothing else tells. Whoever comes second
-- changes nothing.
create function jobferry.begin_epoch(was text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform from jobferry.identity for update;
  update jobferry.identity set id = gen_random_uuid() where jobferry.epoch() = was;
  return found;
end $$;

-- Are the transaction ids in the rows another cluster's? Then they are no ids of ours: what lies in our
-- future is written anew, as of now, and nothing is forgotten that a cursor of ours could need. Returns
-- how many rows; goes through the whole ledger once, then never again in this cluster.
create function jobferry.settle_restored() returns bigint
language plpgsql volatile security definer set search_path = '' as $$
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

call jobferry.settle_functions();

grant update on jobferry.identity to jobferry_engine;
grant execute on function jobferry.begin_epoch, jobferry.settle_restored to jobferry_gateway, jobferry_admin;
grant execute on function jobferry.epoch to jobferry_admin;
