-- The server's latest word on a job this device knows. A local cancel stays visible until the job
-- has ended one way or the other: on the server no unfinished job is cancelled.
UPDATE background_jobs SET
  status = :status,
  completed = :status = 'completed',
  cancelled = CASE WHEN :finished_at IS NOT NULL THEN :status = 'cancelled' ELSE cancelled END,
  progress = :progress,
  attempts = :attempts,
  received_at = :received_at,
  run_at = :run_at,
  started_at = :started_at,
  finished_at = :finished_at,
  result = :result,
  error = :error
WHERE id = :id AND status <> 'rejected'
