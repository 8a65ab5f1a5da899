-- Nothing is left to be done about these.
DELETE FROM _jobferry_gone
WHERE NOT EXISTS (SELECT 1 FROM background_jobs j WHERE j.id = job_id AND j.status <> 'rejected')
