-- How many jobs ended in each second of [$2, $3), seconds since 1970, and how. Of the audit log only the
-- newest events are read, those behind the event $1 and half a million at most: the index on `at` knows
-- nothing of what was written just now. A row without a second is for all the other events before $3: behind
-- the last of them the next look begins.
select ended.second, ended.event, count(*) as jobs, max(e.id) as last
from (
  select id, at, event from public.background_job_events where id > $1 order by id desc limit 500000
) e
left join lateral (
  select floor(extract(epoch from e.at))::bigint as second, e.event
  where e.event in ('completed', 'failed', 'cancelled') and e.at >= to_timestamp($2)
) ended on true
where e.at < to_timestamp($3)
group by 1, 2
