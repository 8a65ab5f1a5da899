-- Refused, with the reason where the person who submitted it looks. A refused cancel leaves the job
-- as it is; a refused job is over, and its first reason is the one that counts (the cancel that
-- followed it finds no job).
UPDATE background_jobs SET
  status = CASE WHEN status IN ('pending', 'rejected') OR :code IN ('id_taken', 'content_differs') THEN 'rejected' ELSE status END,
  cancelled = CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END,
  rejected_code = CASE WHEN status = 'rejected' THEN rejected_code ELSE :code END,
  rejected_message = CASE WHEN status = 'rejected' THEN rejected_message ELSE :message END
WHERE id = :id
