-- Refused, with the reason where the person who submitted it looks. A refused cancel leaves the job
-- as it is; a refused job is over.
UPDATE background_jobs SET
  status = CASE WHEN status IN ('pending', 'rejected') OR :code IN ('id_taken', 'content_differs') THEN 'rejected' ELSE status END,
  cancelled = CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END,
  rejected_code = :code,
  rejected_message = :message
WHERE id = :id
