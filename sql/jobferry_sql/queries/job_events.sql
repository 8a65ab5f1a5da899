-- What happened to a job, oldest first.
select at, event, attempt, actor, detail from public.background_job_events where job_id = $1 order by id
