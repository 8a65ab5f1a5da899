-- The jobs that a walk through everything must show, or they are gone, or lost. Also those of which it was
-- told before their own acknowledgement came.
INSERT INTO _jobferry_unseen
SELECT id FROM background_jobs
WHERE status NOT IN ('pending', 'rejected')
