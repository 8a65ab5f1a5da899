-- How many jobs there are in each status, and of which numbers one may say more than "about".
--
-- The unfinished are counted in the queue; if it is longer than $1 rows, by the shares in a sample of about so
-- many, but for the running ones: those are among the first $1, since what has begun was due. The failed and the
-- cancelled have an index, and are counted up to $2. Completed jobs are counted in a ledger of no more than
-- $1 jobs; in a larger one they are what the planner's statistics say.
with size as materialized (
  select greatest(pg_stat_get_live_tuples('jobferry.queue'::regclass), 1) as queue,
    pg_stat_get_live_tuples('public.background_jobs'::regclass) as ledger
),
share as materialized (select least(100.0, 100.0 * $1::integer / size.queue)::real as percent from size),
queued as (
  select count(*) as all, count(*) filter (where q.locked_by is not null) as running,
    count(*) filter (where q.locked_by is null and q.attempts > 0) as retrying,
    count(*) filter (where q.locked_by is null and q.attempts = 0 and q.run_at > now()) as scheduled,
    count(*) filter (where q.locked_by is null and q.attempts = 0 and q.run_at <= now()) as queued
  from jobferry.queue q tablesample system ((select share.percent from share))
),
scale as (select case when share.percent < 100 then size.queue::double precision / greatest(queued.all, 1) else 1 end as up from size, share, queued),
front as (
  select count(first.locked_by) as running from (
    select q.locked_by from jobferry.queue q where (select share.percent from share) < 100
    order by q.priority, q.run_at, q.job_id limit $1
  ) first
),
statistics as (
  select size.ledger * coalesce(sum(s.part), 0) as completed from size, (
    select unnest(p.most_common_vals::text::text[]) as status, unnest(p.most_common_freqs) as part
    from pg_stats p where p.schemaname = 'public' and p.tablename = 'background_jobs' and p.attname = 'status'
  ) s where s.status = 'completed' group by size.ledger
),
counted as (
  select count(*) filter (where few.status = 'completed') as completed, count(*) as seen
  from (select b.status from public.background_jobs b
        where (select size.ledger from size) <= $1 limit $1 + 1) few
)
select share.percent < 100 as sampled,
  case when share.percent < 100 then front.running else queued.running end as running,
  (queued.retrying * scale.up)::bigint as retrying, (queued.scheduled * scale.up)::bigint as scheduled,
  (queued.queued * scale.up)::bigint as queued,
  (select count(*) from (select from public.background_jobs b where b.status = 'failed' limit $2::integer) f) as failed,
  (select count(*) from (select from public.background_jobs b where b.status = 'cancelled' limit $2) c) as cancelled,
  size.ledger > $1 or counted.seen > $1 as estimated,
  (case when size.ledger > $1 or counted.seen > $1 then (select s.completed from statistics s) else counted.completed end)::bigint as completed
from size, share, queued, scale, front, counted
