-- The named queues with the jobs that wait in them, and those that are paused. Of very many jobs the first $1
-- are counted: `more` says so.
with few as materialized (
  select q.queue_name, q.locked_by from jobferry.queue q where q.queue_name is not null order by q.queue_name limit $1::integer
),
counted as (
  select queue_name, count(*) as jobs, count(locked_by) as running from few group by queue_name
)
select coalesce(c.queue_name, p.queue_name) as queue, coalesce(c.jobs, 0) as jobs, coalesce(c.running, 0) as running,
  p.paused_at, (select count(*) = $1 from few) as more
from counted c full join jobferry.paused_queues p on p.queue_name = c.queue_name
order by p.paused_at is null, 2 desc, 1
limit 500
