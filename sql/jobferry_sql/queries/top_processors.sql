-- The processors, the silent last: their leases run out.
select id, tasks, version, extract(epoch from now() - last_seen)::float8 as silent,
  extract(epoch from now() - started_at)::float8 as age
from jobferry.processors order by last_seen desc, id limit $1
