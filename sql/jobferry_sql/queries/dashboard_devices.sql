-- Devices, those with unsent work first, the one that waits longest at the top: owner $1, only those with
-- unsent work if $2, behind the device $3 of the owner $4 (null: from the top), at most $5.
--
-- A device's clock may be years off: what it says has waited has waited no longer than we know the device.
-- `connected` is a lease that only the database's clock decides on (0026_devices.sql). What was last rejected
-- was rejected by a gateway: what a device could not even send it does not tell.
with known as (
  select d.client_id as device, d.owner, d.client_version as version, d.pending, d.first_seen, d.last_seen,
    d.connected_until > now() is true as connected, d.rejected_at, d.rejected_job, d.rejected_code, d.rejected_message,
    case when d.pending > 0 then coalesce(greatest(least(d.oldest_pending_at, now()), d.first_seen), d.last_seen) end as waits_since
  from jobferry.devices d
  where ($1::text is null or d.owner = $1) and (not $2::boolean or d.pending > 0)
),
placed as (
  select k.*, coalesce(k.waits_since, 'infinity') as place from known k
),
behind as (select p.place, p.last_seen, p.device, p.owner from placed p where p.device = $3::uuid and p.owner = $4::text)
select p.* from placed p
where $3 is null or (select (p.place, b.last_seen, p.device, p.owner) > (b.place, p.last_seen, b.device, b.owner) from behind b)
order by p.place, p.last_seen desc, p.device, p.owner
limit $5::integer
