-- The ledger has these submits. A change may have told us more already: then that status and that time
-- stand, and so does who sent it, as another device may have sent it again before us.
UPDATE background_jobs SET
  status = CASE WHEN status <> 'pending' THEN status WHEN julianday(run_at) > julianday(:received_at) THEN 'scheduled' ELSE 'queued' END,
  run_at = coalesce(run_at, :received_at),
  received_at = coalesce(received_at, :received_at),
  submitted_by = :owner,
  client_id = iif(status = 'pending' OR client_id IS NULL, (SELECT client_id FROM _jobferry_state), client_id)
WHERE status <> 'rejected' AND id IN (
  SELECT job_id FROM _jobferry_outbox WHERE op = 'submit' AND seq BETWEEN :first AND :last)
