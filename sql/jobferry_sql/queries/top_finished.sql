-- The jobs that finished last in one of these ways, the newest first, with how long ago that was. The audit
-- log is searched backwards, but no further than a hundred thousand events.
select b.id, b.task, b.submitted_by as owner, b.status, b.progress, b.attempts, b.max_attempts, b.queue_name,
  null as processor, extract(epoch from now() - b.finished_at)::float8 as seconds, b.error ->> 'code' as error
from (
  select e.job_id, e.id, e.event from public.background_job_events e
  where e.id > (select max(id) from public.background_job_events) - 100000 and e.event = any ($2::text[])
  order by e.id desc limit $1
) e
join public.background_jobs b on b.id = e.job_id and b.status = e.event
order by e.id desc
