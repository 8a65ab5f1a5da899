-- Unfinished jobs of the owner's devices that a restored database lacks: to be submitted once more, in
-- the order of their first time. (What the server made for the owner is not ours to bring back, and what
-- was never acknowledged waits in the outbox already.)
INSERT INTO _jobferry_outbox (op, job_id, again)
SELECT 'submit', id, 1 FROM background_jobs
WHERE id IN (SELECT job_id FROM _jobferry_unseen) AND client_id IS NOT NULL
  AND status IN ('scheduled', 'queued', 'running', 'retrying')
  AND id NOT IN (SELECT job_id FROM _jobferry_outbox WHERE op = 'submit')
ORDER BY received_at, "timestamp", id
