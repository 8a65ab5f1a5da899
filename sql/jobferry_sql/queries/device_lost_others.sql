-- What nobody here may bring back, and will never end, leaves the file.
INSERT OR IGNORE INTO _jobferry_gone
SELECT id FROM background_jobs
WHERE id IN (SELECT job_id FROM _jobferry_unseen) AND status IN ('scheduled', 'queued', 'running', 'retrying')
