-- One page of the audit log, newest first: a bounded walk, and what of it matches.
--
-- $1 is the event before which it goes on (null: the newest), $2 how many events it looks at. The filter is
-- owner $3, device $4, task $5, the job's status of today $6, event $7, job $8, from $9 and before $10; null
-- does not matter. At most $11 come back. `looked` and `last_id` say how far the walk came.
with walked as materialized (
  select e.* from public.background_job_events e
  where ($1::bigint is null or e.id < $1)
    and ($8::uuid is null or e.job_id = $8)
    and ($9::timestamptz is null or e.id >= (select jobferry.first_event($9)))
    and ($10::timestamptz is null or e.id < (select jobferry.first_event($10)))
  order by e.id desc limit $2::integer
),
matching as (
  select w.id, w.at, w.job_id, w.owner, b.client_id as device, b.task, w.event, w.attempt, w.actor, b.status,
    left(w.detail::text, 2000) as detail
  from walked w left join public.background_jobs b on b.id = w.job_id
  where ($3::text is null or w.owner = $3)
    and ($4::uuid is null or b.client_id = $4)
    and ($5::text is null or b.task = $5)
    and ($6::text is null or b.status = $6)
    and ($7::text is null or w.event = $7)
  order by w.id desc limit $11::integer
)
select reach.looked, reach.last_id, m.*
from (select count(*) as looked, min(w.id) as last_id from walked w) reach left join matching m on true
order by m.id desc
