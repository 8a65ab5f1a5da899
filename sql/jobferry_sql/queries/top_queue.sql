-- What is unfinished, in one pass over the queue and never over the ledger: all of it (kind 7), by task (3),
-- by named queue (5) and by who has it in hand (6), the largest groups first. A job is `queued` once it is
-- due, whatever it was before. Times are seconds.
select
  grouping(task, queue_name, locked_by) as kind,
  coalesce(task, queue_name, locked_by) as name,
  count(*) filter (where locked_by is not null) as running,
  count(*) filter (where locked_by is null and run_at <= now()) as queued,
  count(*) filter (where locked_by is null and run_at > now() and attempts = 0) as scheduled,
  count(*) filter (where locked_by is null and run_at > now() and attempts > 0) as retrying,
  extract(epoch from now() - min(run_at) filter (where locked_by is null and run_at <= now()))::float8 as oldest,
  extract(epoch from now())::float8 as now
from jobferry.queue
group by grouping sets ((), (task), (queue_name), (locked_by))
having grouping(task, queue_name, locked_by) = 7 or coalesce(task, queue_name, locked_by) is not null
order by grouping(task, queue_name, locked_by) = 7 desc, count(*) desc
limit $1
