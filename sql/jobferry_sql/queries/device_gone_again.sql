-- A job that was sent once more, and had left the ledger long before: here it leaves too, unseen.
DELETE FROM background_jobs
WHERE id = :id AND status = 'pending'
  AND id IN (SELECT job_id FROM _jobferry_outbox WHERE again AND seq BETWEEN :first AND :last)
