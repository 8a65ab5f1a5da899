-- What status() tells: unsent operations, the age of the oldest, rejected jobs.
SELECT
  (SELECT count(*) FROM _jobferry_outbox) AS pending,
  (SELECT at FROM _jobferry_outbox ORDER BY seq LIMIT 1) AS oldest_pending_at,
  (SELECT count(*) FROM background_jobs WHERE status = 'rejected') AS rejected,
  last_synced_at, owner, client_id
FROM _jobferry_state
