-- Some jobs that finished before then. What is unsent of a job keeps it.
SELECT id FROM background_jobs
WHERE finished_at < :before AND status IN ('completed', 'failed', 'cancelled')
  AND id NOT IN (SELECT job_id FROM _jobferry_outbox)
LIMIT :limit
