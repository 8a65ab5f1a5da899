-- Refused, with the reason where the person who submitted it looks. A refused cancel leaves the job
-- as it is; a refused job is over, and its first reason is the one that counts (the cancel that
-- followed it finds no job). Where the job's submit comes later in the outbox, the refusal is of something
-- that was sent before a restored database was read: it will be said again after the submit.
-- And a cancel that finds no job is no news of one that has ended.
UPDATE background_jobs SET
  status = CASE WHEN status IN ('pending', 'rejected') OR :code IN ('id_taken', 'content_differs') THEN 'rejected' ELSE status END,
  cancelled = CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END,
  rejected_code = CASE WHEN status = 'rejected' THEN rejected_code ELSE :code END,
  rejected_message = CASE WHEN status = 'rejected' THEN rejected_message ELSE :message END
WHERE id = :id
  AND NOT EXISTS (SELECT 1 FROM _jobferry_outbox WHERE job_id = :id AND op = 'submit' AND seq > :last)
  AND NOT (:code = 'not_found' AND status IN ('completed', 'failed', 'cancelled'))
