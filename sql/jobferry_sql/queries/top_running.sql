-- Jobs in hand, first those that were due first, with for how long they have been at it.
select b.id, b.task, b.submitted_by as owner, b.status, b.progress, b.attempts, b.max_attempts, b.queue_name,
  q.locked_by as processor, extract(epoch from now() - b.started_at)::float8 as seconds, b.error ->> 'code' as error
from (
  select * from jobferry.queue where locked_by is not null order by priority, run_at, job_id limit $1
) q
join public.background_jobs b on b.id = q.job_id
order by q.priority, q.run_at, q.job_id
