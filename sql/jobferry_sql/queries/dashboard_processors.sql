-- The processors, and whoever else holds jobs: how many each runs, and how many it has completed in the last
-- five minutes.
--
-- The jobs that run are looked for among the first $1 of the queue, where they are: what has begun was due.
-- What was completed is told by $2 events of those minutes, evenly spread, as in dashboard_rates.
with held as (
  select q.locked_by as id, count(*) as running, min(q.run_at) as oldest from (
    select q.locked_by, q.run_at from jobferry.queue q order by q.priority, q.run_at, q.job_id limit $1::integer
  ) q
  where q.locked_by is not null group by q.locked_by
),
minutes as materialized (
  select low, high - low as size, greatest((high - low)::double precision / $2::integer, 1) as apart
  from (select jobferry.first_event(now() - interval '5 minutes') as low, jobferry.first_event('infinity') as high) m
),
done as (
  select regexp_replace(e.actor, '^processor ', '') as id, count(*) * min(m.apart) as completed
  from minutes m
  cross join lateral generate_series(0, least(m.size, $2) - 1) place
  cross join lateral (
    select e.event, e.actor from public.background_job_events e where e.id = m.low + (place * m.apart)::bigint offset 0) e
  where e.event = 'completed' group by 1
)
select coalesce(p.id, h.id) as id, p.tasks, p.version, p.started_at, p.last_seen, coalesce(h.running, 0) as running,
  h.oldest, coalesce(d.completed, 0) / 300.0 as rate
from jobferry.processors p
full join held h on h.id = p.id
left join done d on d.id = coalesce(p.id, h.id)
order by p.last_seen desc nulls last, 1
limit 500
