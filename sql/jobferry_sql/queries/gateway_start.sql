-- Where the walk of a device ends that reads from the start: what this statement sees. One question for
-- all devices that ask meanwhile. `durable` as in gateway_feed.sql; `epoch` says whose snapshot it is.
select
  pg_current_snapshot()::text as now,
  pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn() as durable,
  jobferry.epoch() as epoch
