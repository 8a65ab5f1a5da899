-- The audit log beside what the ledger knows of each job. Every filter may be null: it does not
-- matter then. A deleted job keeps its events.
select e.id, e.at, e.job_id, e.owner, b.client_id, b.task, e.event, e.attempt, e.actor, b.status, e.detail
from public.background_job_events e
left join public.background_jobs b on b.id = e.job_id
where (%(owner)s::text is null or e.owner = %(owner)s)
  and (%(device)s::uuid is null or b.client_id = %(device)s)
  and (%(task)s::text is null or b.task = %(task)s)
  and (%(status)s::text is null or b.status = %(status)s)
  and (%(event)s::text is null or e.event = %(event)s)
  and (%(job)s::uuid is null or e.job_id = %(job)s)
  and (%(since)s::timestamptz is null or e.at >= %(since)s)
  and (%(until)s::timestamptz is null or e.at < %(until)s)
order by e.id
limit %(limit)s
