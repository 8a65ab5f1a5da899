-- The jobs that a walk through everything must show, or they are gone, or lost.
INSERT INTO _jobferry_unseen
SELECT id FROM background_jobs
WHERE status NOT IN ('pending', 'rejected')
  AND submitted_by = (SELECT owner FROM _jobferry_state)
