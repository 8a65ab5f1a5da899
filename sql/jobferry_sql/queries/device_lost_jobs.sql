-- They are as they were before they were sent for the first time.
UPDATE background_jobs SET status = 'pending', progress = 0, attempts = 0, started_at = NULL, received_at = NULL, error = NULL
WHERE id IN (SELECT job_id FROM _jobferry_unseen) AND status IN ('scheduled', 'queued', 'running', 'retrying')
  AND id IN (SELECT job_id FROM _jobferry_outbox WHERE op = 'submit')
