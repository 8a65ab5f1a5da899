-- Tasks and named queues: the jobs of each that are unfinished, how many may run at once (null: any number), and
-- since when it is paused; those that are paused too though they have no jobs. In one pass over the queue.
with counted as (
  select case when grouping(q.task) = 0 then 'task' else 'queue' end as kind, coalesce(q.task, q.queue_name) as name,
    count(*) as unfinished, count(q.locked_by) as running
  from jobferry.queue q
  group by grouping sets ((q.task), (q.queue_name))
  having grouping(q.task) = 0 or q.queue_name is not null
),
told as (
  select 'task' as kind, l.task as name, nullif(l.max_running, jobferry.no_limit()) as max_running, l.paused_at
  from jobferry.task_limits l
  union all
  select 'queue', p.queue_name, 1, p.paused_at from jobferry.paused_queues p
)
select kind, name, coalesce(c.unfinished, 0) as unfinished, coalesce(c.running, 0) as running,
  case kind when 'queue' then 1 else t.max_running end as max_running, t.paused_at
from counted c full join told t using (kind, name)
order by kind desc, t.paused_at is null, unfinished desc, name
