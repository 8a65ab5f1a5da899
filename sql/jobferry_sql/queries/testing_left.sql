-- What a test that runs its jobs still has to wait for: whatever is due or running, in words for people;
-- what waits to be tried again; and of what is due the tasks that nobody here handles. Jobs that are
-- scheduled for later do not count.
select
  array_agg(b.id || ' (' || b.task || ', ' || b.status || ')' order by b.received_at, b.id) as unfinished,
  array_agg(b.id) filter (where b.status = 'retrying' and q.run_at > now()) as retrying,
  array_agg(distinct q.task) filter (where q.locked_by is null and q.task <> all (%(tasks)s)) as unserved
from jobferry.queue q join public.background_jobs b on b.id = q.job_id
where q.locked_by is not null or q.run_at <= now() or b.status = 'retrying'
