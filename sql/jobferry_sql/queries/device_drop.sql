-- Jobs that are gone leave the file, unless something about them is unsent or was rejected.
DELETE FROM background_jobs
WHERE id IN (SELECT job_id FROM _jobferry_gone) AND status NOT IN ('pending', 'rejected')
  AND id NOT IN (SELECT job_id FROM _jobferry_outbox)
