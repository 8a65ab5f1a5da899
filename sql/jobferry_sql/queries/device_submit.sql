-- A job by the application's own hand. What is null takes the column's default.
INSERT INTO background_jobs (id, payload, task, queue_name, priority, run_at, max_attempts, job_key, flags,
  traceparent)
VALUES (:id, :payload, :task, :queue_name, :priority, :run_at, :max_attempts, :job_key, :flags,
  :traceparent)
