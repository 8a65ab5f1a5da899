-- How many jobs ended in each second of [$2, $3), seconds since 1970, and how. Of the audit log only the
-- newest is read, behind the event $1: the index on `at` is of no use for what was written just now.
select floor(extract(epoch from e.at))::bigint as second, e.event, count(*) as jobs, max(e.id) as last
from public.background_job_events e
where e.id > greatest($1, (select max(id) from public.background_job_events) - 500000)
  and e.event in ('completed', 'failed', 'cancelled')
  and e.at >= to_timestamp($2) and e.at < to_timestamp($3)
group by 1, 2
