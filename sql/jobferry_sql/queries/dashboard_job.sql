-- All that the ledger knows of job $1, who holds it, and what its device said last. Payload and result are cut
-- to $2 characters: one more than are shown.
select b.id, b.task, b.submitted_by as owner, b.client_id as device, b.queue_name as queue,
  case when b.status = 'scheduled' and b.run_at <= now() then 'queued' else b.status end as status,
  b.progress, b.attempts, b.max_attempts, b.priority, b.job_key, b.flags, b.database_id as tenant,
  b."timestamp" as submitted_at, b.received_at, b.run_at, b.started_at, b.finished_at,
  left(b.payload::text, $2::integer) as payload, left(b.result::text, $2) as result, b.error::text as error,
  q.locked_by as holder, q.locked_until as held_until, d.last_seen as device_seen, d.client_version as device_version
from public.background_jobs b
left join jobferry.queue q on q.job_id = b.id
left join jobferry.devices d on d.client_id = b.client_id and d.owner = b.submitted_by
where b.id = $1::uuid
