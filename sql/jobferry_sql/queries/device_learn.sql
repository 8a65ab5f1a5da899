-- A job this device has not seen, or sees again after it was told to read everything anew: what it
-- has of the job itself stays. The change that follows brings it up to date.
INSERT INTO background_jobs (id, "timestamp", payload, task, queue_name, priority, run_at, max_attempts, job_key,
  flags, database_id, submitted_by, client_id, received_at, status)
VALUES (:id, :timestamp, :payload, :task, :queue_name, :priority, :run_at, :max_attempts, :job_key,
  :flags, :database_id, (SELECT owner FROM _jobferry_state), :client_id, :received_at, 'queued')
ON CONFLICT (id) DO NOTHING
