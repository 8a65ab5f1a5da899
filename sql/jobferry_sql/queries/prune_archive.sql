-- All that the database knows of some jobs, one JSON text each: the job (null if it is no longer in the
-- ledger) and its events, oldest first.
select jsonb_build_object('id', wanted.id, 'job', to_jsonb(b), 'events', history.events)::text as line
from unnest(%(ids)s::uuid[]) wanted(id)
left join public.background_jobs b on b.id = wanted.id
cross join lateral (
  select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') as events
  from public.background_job_events e where e.job_id = wanted.id
) history
