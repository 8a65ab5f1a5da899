-- Devices as whoever runs the gateways wants to see them: who is connected now, and what was last
-- rejected of each.
--
-- Being connected is a lease. Each word of a device extends it by the silence that its gateway allows;
-- the gateway that sees it go ends it. So one that was killed leaves nobody connected for longer than
-- that, and only the database's clock decides. A device may be back, perhaps elsewhere, before the old
-- connection is found to be dead: `connection` tells the two apart.

alter table jobferry.devices
  add column connection uuid,
  add column connected_until timestamptz,
  add column rejected_at timestamptz,
  add column rejected_job text,
  add column rejected_code text,
  add column rejected_message text;

-- What devices said of themselves since the last time, in one statement for all of them. `gone`: that
-- connection has ended, and nothing is said but that. What was rejected is null where there is no news. A
-- gateway of before this migration names the first five.
drop function jobferry.note_devices(uuid[], text[], text[], integer[], timestamptz[]);
create function jobferry.note_devices(
  client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamptz[],
  connections uuid[] default '{}', gone boolean[] default '{}', silence_seconds double precision default 45,
  rejected_jobs text[] default '{}', rejected_codes text[] default '{}', rejected_messages text[] default '{}'
) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobferry.devices as d (client_id, owner, client_version, pending, oldest_pending_at, connection,
    connected_until, rejected_at, rejected_job, rejected_code, rejected_message)
  select distinct on (i.client_id, i.owner) i.client_id, i.owner, i.version, i.pending, i.oldest, i.connection,
    case when i.gone then null else now() + make_interval(secs => silence_seconds) end,
    case when i.code is not null then now() end, i.job, i.code, i.message
  from unnest(client_ids, owners, versions, pendings, oldest, connections, gone, rejected_jobs, rejected_codes,
    rejected_messages) i(client_id, owner, version, pending, oldest, connection, gone, job, code, message)
  order by i.client_id, i.owner
  on conflict (client_id, owner) do update set
    client_version = coalesce(excluded.client_version, d.client_version),
    pending = excluded.pending, oldest_pending_at = excluded.oldest_pending_at,
    last_seen = case when excluded.connected_until is null then d.last_seen else now() end,
    connection = excluded.connection, connected_until = excluded.connected_until,
    rejected_at = coalesce(excluded.rejected_at, d.rejected_at),
    rejected_job = coalesce(excluded.rejected_job, d.rejected_job),
    rejected_code = coalesce(excluded.rejected_code, d.rejected_code),
    rejected_message = coalesce(excluded.rejected_message, d.rejected_message)
  -- The end of a connection is no news of a device that has another by now.
  where excluded.connected_until is not null or excluded.connection is not distinct from d.connection
$$;

-- Forget up to `most` devices that were last heard of before then; how many. A lost one would have unsent work
-- for ever, and whoever has a token may come under a new name each time. One that comes back is known anew.
create function jobferry.forget_devices(heard_before timestamptz, most integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  forgotten integer;
begin
  with silent as materialized (
    select d.client_id, d.owner from jobferry.devices d where d.last_seen < heard_before and d.connected_until > now() is not true
    limit most for update skip locked
  )
  delete from jobferry.devices d using silent s where d.client_id = s.client_id and d.owner = s.owner;
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;

call jobferry.settle_functions();

grant execute on function jobferry.note_devices to jobferry_gateway;
grant execute on function jobferry.forget_devices to jobferry_admin;
