-- The schedules, the next first, and those that come no more or can't be understood last.
select s.id, s.name, s.crontab, s.task_identifier, s.schedule_info, s.payload, s.job_key, s.queue_name,
  s.max_attempts, s.priority, s.owner, s.database_id, s.next_run_at, s.last_scheduled, s.last_scheduled_id,
  b.status as last_status, s.last_missed, s.error, s.paused_at
from jobferry.scheduled_jobs s
left join public.background_jobs b on b.id = s.last_scheduled_id
order by s.next_run_at nulls last, s.id
