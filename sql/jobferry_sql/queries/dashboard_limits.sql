-- How many jobs of each limited task may run at once (null: any number), and which of the tasks are paused.
select l.task, nullif(l.max_running, jobferry.no_limit()) as max_running, l.paused_at
from jobferry.task_limits l order by l.task
