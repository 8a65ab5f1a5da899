-- The devices, those with the oldest unsent work first, then as they were last heard of. Every filter may be
-- null: it does not matter then. Who is connected is not offline for any time at all. A device's clock may be
-- years off: what it says has waited has waited no longer than we know the device.
select d.owner, d.client_id, d.connected_until > now() is true as connected, d.last_seen,
  extract(epoch from now() - d.last_seen)::float8 as silent_seconds,
  d.pending, case when d.pending > 0 then extract(epoch from
    greatest(least(now() - d.oldest_pending_at, now() - d.first_seen), '0'))::float8 end as oldest_pending_seconds,
  d.client_version, d.first_seen, d.rejected_at, d.rejected_job, d.rejected_code, d.rejected_message
from jobferry.devices d
where (%(owner)s::text is null or d.owner = %(owner)s)
  and (%(pending)s::boolean is null or (d.pending > 0) = %(pending)s)
  and (%(offline_for)s::interval is null
    or (d.connected_until > now() is not true and d.last_seen <= now() - %(offline_for)s::interval))
order by oldest_pending_seconds desc nulls last, d.last_seen desc, d.client_id
limit %(limit)s
