-- The devices that have unsent work, as they last said. A device's clock may be years off: what it says has
-- waited has waited no longer than we know the device.
select client_id, owner, client_version, pending, extract(epoch from now() - last_seen)::float8 as silent,
  extract(epoch from greatest(least(now() - oldest_pending_at, now() - first_seen), '0'))::float8 as oldest
from jobferry.devices where pending > 0 order by oldest_pending_at, client_id limit $1
