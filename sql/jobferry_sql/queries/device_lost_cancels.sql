-- A cancel that an earlier database had acknowledged, and this one shows no sign of, is said once more.
INSERT INTO _jobferry_outbox (op, job_id)
SELECT 'cancel', id FROM background_jobs
WHERE cancelled AND status IN ('scheduled', 'queued', 'running', 'retrying')
  AND id NOT IN (SELECT job_id FROM _jobferry_outbox)
