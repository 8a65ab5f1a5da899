-- One job in full, with who has it in hand.
select b.id, b.task, b.status, b.progress, b.submitted_by as owner, b.client_id, q.locked_by as processor, b.attempts,
  b.max_attempts, b.priority, b.queue_name, b.job_key, b.flags, b.run_at, b.received_at, b.started_at, b.finished_at,
  b.error::text as error, left(b.payload::text, $2) as payload, left(b.result::text, $2) as result
from public.background_jobs b left join jobferry.queue q on q.job_id = b.id
where b.id = $1
