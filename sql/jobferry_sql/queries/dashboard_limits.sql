-- How many jobs of each limited task may run at once, and which of the tasks are paused.
select l.task, l.max_running, l.limit_before, case when l.max_running = 0 then l.paused_at end as paused_at
from jobferry.task_limits l order by l.task
