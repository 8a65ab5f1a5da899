-- The delegates, with the jobs that are in their engine's hands and those that could not be handed over.

select d.task, d.engine, d.schema_name, d.queue, d.foreign_task, d.registered_at,
  (select count(*) from jobferry.delegated g join jobferry.queue q using (job_id) where q.task = d.task) as jobs,
  (select count(*) from jobferry.left_behind l where l.task = d.task) as left_behind,
  (select l.message from jobferry.left_behind l where l.task = d.task order by l.tried_at desc limit 1) as last_error
from jobferry.delegates d
order by d.task
