-- Jobs that are being run, those that began to be due first; looked for among the first $1 of the queue. $2 of them.
select q.locked_by as holder, q.job_id as id, q.task, b.submitted_by as owner, b.progress, b.attempts, b.max_attempts,
  b.status, b.started_at
from (
  select q.job_id, q.locked_by, q.task from jobferry.queue q order by q.priority, q.run_at, q.job_id limit $1::integer
) q
join public.background_jobs b on b.id = q.job_id
where q.locked_by is not null
limit $2::integer
