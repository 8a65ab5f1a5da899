-- One tick of the feed: a page of changes for every device that has something to read and is ready
-- for it. One row per change, and one without a change for a device that has none; each with the
-- snapshot that this statement sees, which is where a new walk ends. What a page is: 0006_gateway.sql.
-- `durable`: is all that this snapshot counts as seen on disk? If not, a crash may take it back and
-- give the same transaction ids to others, and a device that had read so far would not see those.
select
  device.slot,
  pg_current_snapshot()::text as now,
  pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn() as durable,
  page.room,
  (page.job).id::text as id,
  (page.job).version::text as version,
  (page.job).status,
  (page.job).progress,
  (page.job).attempts,
  (page.job).run_at,
  (page.job).started_at,
  (page.job).finished_at,
  (page.job).result::text as result,
  (page.job).error::text as error,
  (page.job).payload::text as payload,
  (page.job)."timestamp",
  (page.job).task,
  (page.job).queue_name,
  (page.job).priority,
  (page.job).max_attempts,
  (page.job).job_key,
  (page.job).flags,
  (page.job).database_id::text as database_id,
  (page.job).client_id::text as client_id,
  (page.job).received_at
from unnest($1::integer[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::boolean[])
  as device(slot, owner, client_id, since, target, after_version, after_id, active)
left join lateral jobferry.changes_page(
  device.owner, device.client_id, device.since::pg_snapshot,
  coalesce(device.target::pg_snapshot, pg_current_snapshot()),
  device.after_version::xid8, device.after_id, device.active, $9, $10) as page on true
