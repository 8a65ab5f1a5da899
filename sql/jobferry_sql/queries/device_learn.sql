-- A job this device has not seen, or sees again: after it was told to read everything anew, or since
-- the server has revised what the job says. A payload that says the same stays as it was written, and
-- nothing changes of a job that is still to be sent or was refused: its id may be another's by mistake.
-- The change that follows brings the rest up to date.
INSERT INTO background_jobs (id, "timestamp", payload, task, queue_name, priority, run_at, max_attempts, job_key,
  flags, database_id, submitted_by, client_id, received_at, status)
VALUES (:id, :timestamp, :payload, :task, :queue_name, :priority, :run_at, :max_attempts, :job_key,
  :flags, :database_id, (SELECT owner FROM _jobferry_state), :client_id, :received_at, 'queued')
ON CONFLICT (id) DO UPDATE SET
  payload = iif(same_json(payload, excluded.payload), payload, excluded.payload),
  task = excluded.task,
  queue_name = excluded.queue_name,
  priority = excluded.priority,
  max_attempts = excluded.max_attempts,
  job_key = excluded.job_key,
  flags = excluded.flags,
  database_id = excluded.database_id,
  client_id = coalesce(excluded.client_id, client_id)
WHERE background_jobs.status NOT IN ('pending', 'rejected')
