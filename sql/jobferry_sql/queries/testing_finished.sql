-- The jobs that have finished since a snapshot, in the order in which they did, with the columns of a
-- device's job.
select id, task, payload, status, progress, result, error::text as error, attempts, max_attempts, priority,
  queue_name, job_key, flags, "timestamp", run_at, received_at, started_at, finished_at, submitted_by, client_id
from public.background_jobs
where finished_at is not null and not pg_visible_in_snapshot(version, %(since)s::pg_snapshot)
order by finished_at, id
