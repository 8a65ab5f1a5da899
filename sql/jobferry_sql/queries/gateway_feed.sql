-- One tick of the feed: a page of changes for every device that has something to read and is ready
-- for it. One row per change, and one without a change for a device that has none; each with the
-- snapshot that this statement sees, which is where a new walk ends. A row without a status is a
-- tombstone. What a page is: 0006_gateway.sql.
--
-- `durable`: is all that this snapshot counts as seen on disk? If not, a crash may take it back and
-- give the same transaction ids to others, and a device that had read so far would not see those.
--
-- `epoch`: a device that reads from the start takes what it is not shown for gone. So its walk must end
-- in the database where it began, though that was replaced meanwhile and nobody has noticed yet. Asked
-- only where there is such a device (one without `since`), as others can wait until it is noticed.
--
-- $12 is the oldest transaction that any of these devices may not have seen. Tombstones are rare: one
-- look tells for all of them whether there is one to look for, and whether some that a device needed
-- are forgotten (`forgotten` is null where that can't be).
select
  device.slot,
  pg_current_snapshot()::text as now,
  pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn() as durable,
  (select jobferry.epoch() where array_position($4::text[], null) is not null) as epoch,
  (select r.forgotten::text from jobferry.retention r where r.forgotten >= $12::text::xid8) as forgotten,
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
from unnest($1::integer[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::boolean[], $9::boolean[])
  as device(slot, owner, client_id, since, target, after_version, after_id, active, gone)
left join lateral jobferry.changes_page(
  device.owner, device.client_id, device.since::pg_snapshot,
  coalesce(device.target::pg_snapshot, pg_current_snapshot()),
  device.after_version::xid8, device.after_id, device.active, $10, $11,
  case when device.gone or (select t.version from jobferry.tombstones t order by t.version desc limit 1) >= $12::text::xid8
    then device.gone end) as page on true
