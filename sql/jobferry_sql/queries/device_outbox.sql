-- The next operations to send, each with what its job says; a cancel needs no payload. None while it is
-- not known what a restored database has lost: that goes first, as it was said first.
SELECT o.seq, o.op, o.job_id AS id, j."timestamp", iif(o.op = 'submit', j.payload, NULL) AS payload, j.task, j.queue_name, j.priority, j.run_at,
  j.max_attempts, j.job_key, j.flags, j.database_id, j.cancelled,
  j.traceparent
FROM _jobferry_outbox o LEFT JOIN background_jobs j ON j.id = o.job_id
WHERE o.seq > :after AND NOT (
  (SELECT epoch FROM _jobferry_state) IS '' AND EXISTS (SELECT 1 FROM _jobferry_unseen))
ORDER BY o.seq LIMIT :limit
