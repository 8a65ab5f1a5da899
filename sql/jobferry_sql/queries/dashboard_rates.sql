-- What happened in each of $3 stretches of time, each $2 long, the first from $1 on: jobs submitted,
-- completed and failed, and how long after they were due the completed ones were done, in seconds.
--
-- The audit log numbers what happens, so a stretch is a range of numbers, found by its edges. At most $4
-- numbers of each range are looked up, evenly spread, and stand for the rest: a number that nobody bears is
-- counted too, as what it is. `exact` where all were looked up.
with edge as materialized (
  select row_number() over (order by f.at) as n, f.at, f.id
  from jobferry.first_events(array(select $1::timestamptz + n * $2::interval from generate_series(0, $3::integer) n)) f
),
stretch as materialized (
  select a.n, a.at, a.id as low, b.id - a.id as size, greatest((b.id - a.id)::double precision / $4::integer, 1) as apart
  from edge a join edge b on b.n = a.n + 1
),
seen as materialized (
  select s.n, e.event, e.job_id
  from stretch s
  cross join lateral generate_series(0, least(s.size, $4) - 1) place
  cross join lateral (
    select e.event, e.job_id from public.background_job_events e where e.id = s.low + (place * s.apart)::bigint offset 0) e
  where e.event in ('submitted', 'completed', 'failed')
),
counted as (
  select n, count(*) filter (where event = 'submitted') as submitted,
    count(*) filter (where event = 'completed') as completed, count(*) filter (where event = 'failed') as failed
  from seen group by n
),
took as (
  select seen.n, percentile_cont(array[0.5, 0.95]) within group (order by job.seconds) as seconds
  from seen cross join lateral (
    select greatest(extract(epoch from b.finished_at - greatest(b.received_at, b.run_at)), 0)::double precision as seconds
    from public.background_jobs b where b.id = seen.job_id and b.status = 'completed' offset 0) job
  where seen.event = 'completed' group by seen.n
)
select s.at, s.apart = 1 as exact, coalesce(c.submitted * s.apart, 0)::bigint as submitted,
  coalesce(c.completed * s.apart, 0)::bigint as completed, coalesce(c.failed * s.apart, 0)::bigint as failed,
  t.seconds[1] as median, t.seconds[2] as slow
from stretch s left join counted c using (n) left join took t using (n)
order by s.n
