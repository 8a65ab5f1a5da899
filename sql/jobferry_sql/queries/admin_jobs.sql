-- Jobs of the ledger, newest first, with who works on them. Every filter may be null: it does not
-- matter then.
select b.id, b.submitted_by as owner, b.client_id, b.task, b.status, b.progress, b.attempts, b.max_attempts, b.priority,
  b.queue_name, b.job_key, b.flags, b.run_at, b.received_at, b.started_at, b.finished_at, q.locked_by, b.error,
  b.payload, b.result
from public.background_jobs b left join jobferry.queue q on q.job_id = b.id
where (%(ids)s::uuid[] is null or b.id = any (%(ids)s))
  and (%(owner)s::text is null or b.submitted_by = %(owner)s)
  and (%(device)s::uuid is null or b.client_id = %(device)s)
  and (%(task)s::text is null or b.task = %(task)s)
  and (%(statuses)s::text[] is null or b.status = any (%(statuses)s))
  and (%(queue)s::text is null or b.queue_name = %(queue)s)
  and (%(key)s::text is null or b.job_key = %(key)s)
  and (%(error)s::text is null or b.error ->> 'code' = %(error)s)
  and (%(since)s::timestamptz is null or b.received_at >= %(since)s)
  and (%(until)s::timestamptz is null or b.received_at < %(until)s)
order by b.received_at desc, b.id desc
limit %(limit)s
