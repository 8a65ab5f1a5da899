-- Jobs that nobody has in hand, in the order in which they are to run, with for how long they have been
-- due; less than nothing says when they will be.
select b.id, b.task, b.submitted_by as owner, b.status, b.progress, b.attempts, b.max_attempts, b.queue_name,
  null as processor, extract(epoch from now() - q.run_at)::float8 as seconds, b.error ->> 'code' as error
from (
  select * from jobferry.queue where locked_by is null order by priority, run_at, job_id limit $1
) q
join public.background_jobs b on b.id = q.job_id
order by q.priority, q.run_at, q.job_id
