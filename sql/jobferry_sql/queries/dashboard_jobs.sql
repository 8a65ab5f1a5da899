-- One page of jobs: a walk along whichever index suits the filter, bounded, and what of it matches.
--
-- $1 names the walk, $2 is the place behind which it goes on (null: at its beginning), $3 how many jobs it
-- looks at. The filter is owner $4, device $5, task $6, statuses $7, named queue $8, received from $9 and
-- before $10, text in the payload $11; null does not matter. At most $12 jobs come back, each with its place.
-- `looked` and `last_place` say how far the walk came, so that nobody takes "none found" for "none there".
--
-- A place is read only by the walk it belongs to: the planner would stumble over a time that is no number.
--
--   newest   by the number of the submit in the audit log, latest first
--   owner    an owner's jobs, what changed last first
--   waiting  unfinished jobs, in the order in which they run
--   ended    failed or cancelled jobs, what ended last first

with walked as materialized (
  select row_number() over () as number, w.* from (
    (select e.job_id as id, array[e.id::text] as place from public.background_job_events e
     where $1::text = 'newest' and e.event = 'submitted'
       and ($2::text[] is null or e.id < case when $1 = 'newest' then ($2::text[])[1]::bigint end)
       and ($9::timestamptz is null or e.id >= (select jobferry.first_event($9)))
       and ($10::timestamptz is null or e.id < (select jobferry.first_event($10)))
     order by e.id desc limit $3::integer)
    union all
    (select b.id, array[b.version::text, b.id::text] from public.background_jobs b
     where $1 = 'owner' and b.submitted_by = $4::text
       and ($2 is null or (b.version, b.id) < (case when $1 = 'owner' then ($2::text[])[1]::xid8 end, case when $1 = 'owner' then ($2::text[])[2]::uuid end))
     order by b.version desc, b.id desc limit $3)
    union all
    (select q.job_id, array[q.priority::text, q.run_at::text, q.job_id::text] from jobferry.queue q
     where $1 = 'waiting'
       and ($2 is null or (q.priority, q.run_at, q.job_id)
         > (case when $1 = 'waiting' then ($2::text[])[1]::smallint end,
            case when $1 = 'waiting' then ($2::text[])[2]::timestamptz end,
            case when $1 = 'waiting' then ($2::text[])[3]::uuid end))
     order by q.priority, q.run_at, q.job_id limit $3)
    union all
    (select b.id, array[b.finished_at::text, b.id::text] from public.background_jobs b
     where $1 = 'ended' and b.status = ($7::text[])[1] and b.status in ('failed', 'cancelled')
       and ($2 is null or (b.finished_at, b.id)
         < (case when $1 = 'ended' then ($2::text[])[1]::timestamptz end, case when $1 = 'ended' then ($2::text[])[2]::uuid end))
     order by b.finished_at desc, b.id desc limit $3)
  ) w
),
matching as (
  select w.number, w.place, b.*,
    case when b.status = 'scheduled' and b.run_at <= now() then 'queued' else b.status end as standing
  from walked w join public.background_jobs b on b.id = w.id
  where ($4::text is null or b.submitted_by = $4)
    and ($5::uuid is null or b.client_id = $5)
    and ($6::text is null or b.task = $6)
    and ($7::text[] is null or case when b.status = 'scheduled' and b.run_at <= now() then 'queued' else b.status end = any ($7))
    and ($8::text is null or b.queue_name = $8)
    and ($9::timestamptz is null or b.received_at >= $9)
    and ($10::timestamptz is null or b.received_at < $10)
    and ($11::text is null or position(lower($11) in lower(b.payload::text)) > 0)
  order by w.number
  limit $12::integer
)
select reach.looked, reach.last_place, m.place, m.id, m.task, m.submitted_by as owner, m.client_id as device,
  m.queue_name as queue, m.standing as status, m.progress, m.attempts, m.max_attempts, m.run_at, m.received_at,
  m.started_at, m.finished_at, m.error ->> 'code' as error, left(m.error ->> 'message', 300) as message, q.locked_by as holder
from (
  select count(*) as looked, (select last.place from walked last order by last.number desc limit 1) as last_place from walked
) reach
left join matching m on true
left join jobferry.queue q on q.job_id = m.id
order by m.number
