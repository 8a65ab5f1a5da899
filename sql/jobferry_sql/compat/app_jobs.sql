-- The names of @pgpm/jobs over the queue of Jobferry, so that SQL written for it runs as it is.
--
-- Run again whenever Jobferry is updated: everything is made or replaced, nothing that others built on it
-- is dropped.
--
-- Its workers speak of jobs by number. A job gets its number when one of these functions first names it;
-- the number stands for the uuid as long as the job is in the ledger.
--
-- What writes numbers runs as the engine; what it does otherwise is what the jobferry function of that name
-- does. Arguments have the same names and order.

do $$
begin
  if exists (select from pg_namespace n where n.nspname = 'app_jobs'
        and obj_description(n.oid, 'pg_namespace') is distinct from 'Names over the queue of Jobferry')
      and exists (select from pg_depend d join pg_namespace n on n.oid = d.refobjid
        where d.refclassid = 'pg_namespace'::regclass and n.nspname = 'app_jobs') then
    raise exception 'there is a schema app_jobs already, and it is not Jobferry''s'
      using errcode = 'JF040', hint = 'That queue keeps its name. Call jobferry.add_job and the others, which need no such schema.';
  end if;
end $$;

create schema if not exists app_jobs;
comment on schema app_jobs is 'Names over the queue of Jobferry';
grant usage, create on schema app_jobs to jobferry_engine;

create table if not exists app_jobs.job_numbers (
  id bigint generated always as identity primary key,
  job_id uuid not null unique references public.background_jobs on delete cascade
);

-- The unfinished jobs. `id` is the number, null where nobody asked for one; `job_id` is Jobferry's own.
create or replace view app_jobs.jobs as
select n.id, b.id as job_id, b.database_id, q.task as task_identifier, q.queue_name, b.payload::json as payload,
  q.priority::integer as priority, q.run_at, q.attempts::integer as attempts, q.max_attempts::integer as max_attempts,
  b.job_key as key, b.error ->> 'message' as last_error, q.locked_by,
  case when q.locked_by is not null then
    (select max(e.at) from public.background_job_events e where e.job_id = q.job_id and e.event = 'started')
  end as locked_at
from jobferry.queue q join public.background_jobs b on b.id = q.job_id left join app_jobs.job_numbers n on n.job_id = q.job_id;

create or replace view app_jobs.job_queues as
select q.name as queue_name, (q.waiting + count(j.job_id))::integer as job_count, q.locked_by, max(j.locked_at) as locked_at
from jobferry.job_queues q left join app_jobs.jobs j on j.job_id = q.job_id
group by q.name, q.waiting, q.locked_by;

create or replace view app_jobs.scheduled_jobs as
select id, database_id, task_identifier, payload, schedule_info, priority, max_attempts, job_key as key, queue_name,
  last_scheduled, last_scheduled_id
from jobferry.scheduled_jobs;

-- The rows of these jobs, each with its number.
create or replace function app_jobs.numbered(ids uuid[]) returns setof app_jobs.jobs
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  insert into app_jobs.job_numbers (job_id)
  select job from unnest(ids) job where not exists (select from app_jobs.job_numbers n where n.job_id = job)
  on conflict do nothing;
  return query
    select j.* from unnest(ids) with ordinality wanted(job, place) join app_jobs.jobs j on j.job_id = wanted.job
    order by wanted.place;
end $$;

create or replace function app_jobs.job_of(number bigint) returns uuid
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  job uuid;
begin
  select n.job_id into job from app_jobs.job_numbers n where n.id = number;
  if not found then
    raise exception 'there is no job number %', coalesce(number::text, 'null')
      using errcode = 'JF041', hint = 'app_jobs.jobs has the numbers of unfinished jobs; get_job and add_job give them.';
  end if;
  return job;
end $$;

create or replace function app_jobs.add_job(
  db_id uuid, identifier text, payload json default null, job_key text default null, queue_name text default null,
  run_at timestamptz default null, max_attempts integer default null, priority integer default null
) returns app_jobs.jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select * from app_jobs.numbered(array[
    (jobferry.add_job(db_id, identifier, payload, job_key, queue_name, run_at, max_attempts, priority)).id])
$$;

-- No row when there is no job.
create or replace function app_jobs.get_job(
  worker_id text, task_identifiers text[] default null, job_expiry interval default '4 hours'
) returns setof app_jobs.jobs
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select * from app_jobs.numbered(
    array(select j.id from jobferry.get_job(worker_id, task_identifiers, job_expiry) j));
end $$;

create or replace function app_jobs.complete_job(worker_id text, job_id bigint) returns public.background_jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jobferry.complete_job(worker_id, app_jobs.job_of(job_id))
$$;

create or replace function app_jobs.fail_job(worker_id text, job_id bigint, error_message text default null)
returns public.background_jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jobferry.fail_job(worker_id, app_jobs.job_of(job_id), error_message)
$$;

create or replace function app_jobs.add_scheduled_job(
  db_id uuid, identifier text, payload json default null, schedule_info json default null, job_key text default null,
  queue_name text default null, max_attempts integer default null, priority integer default null
) returns jobferry.scheduled_jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jobferry.add_scheduled_job(db_id, identifier, payload, schedule_info, job_key, queue_name, max_attempts, priority)
$$;

create or replace function app_jobs.run_scheduled_job(scheduled_job_id bigint, job_expiry interval default '1 hour')
returns app_jobs.jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select * from app_jobs.numbered(array[(jobferry.run_scheduled_job(scheduled_job_id, job_expiry)).id])
$$;

-- The trigger functions; here the first argument always is the tenant.
create or replace function app_jobs.tenant_of(arguments text[]) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  perform (arguments[:])[1]::uuid;
exception when invalid_text_representation then
  raise exception '% is not the id of a database', quote_literal((arguments[:])[1])
    using errcode = 'JF042', hint = 'The first argument of this trigger function is a uuid; jobferry''s own functions need none.';
end $$;

create or replace function app_jobs.tg_add_job_with_row_id() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order;
begin
  perform app_jobs.tenant_of(tg_argv);
  said := jobferry.read_order(tg_argv, line, '{id}');
  perform jobferry.obey(said, jsonb_build_object('id', line -> said.columns[1]));
  return coalesce(NEW, OLD);
end $$;

create or replace function app_jobs.tg_add_job_with_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
begin
  perform app_jobs.tenant_of(tg_argv);
  perform jobferry.obey(jobferry.read_order(tg_argv, line, '{}'), line);
  return coalesce(NEW, OLD);
end $$;

create or replace function app_jobs.tg_add_job_with_fields() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order;
begin
  perform app_jobs.tenant_of(tg_argv);
  said := jobferry.read_order(tg_argv, line, '{}');
  perform jobferry.obey(said, coalesce((select jsonb_object_agg(name, line -> name) from unnest(said.columns) name), '{}'));
  return coalesce(NEW, OLD);
end $$;

grant select, insert on app_jobs.job_numbers to jobferry_engine;
grant select on app_jobs.jobs to jobferry_engine;

do $$
declare
  f regprocedure;
begin
  -- The trigger functions have an owner of their own: see 0014_trigger_functions.sql.
  grant usage, create on schema app_jobs to jobferry_trigger;
  for f in select p.oid::regprocedure from pg_proc p where p.pronamespace = 'app_jobs'::regnamespace and p.prosecdef loop
    execute format('alter function %s owner to %I', f,
      case when (select p.prorettype = 'trigger'::regtype from pg_proc p where p.oid = f) then 'jobferry_trigger' else 'jobferry_engine' end);
  end loop;
  revoke create on schema app_jobs from jobferry_trigger;
end $$;

revoke execute on all routines in schema app_jobs from public;
grant execute on function app_jobs.numbered, app_jobs.job_of to jobferry_engine;
grant execute on function app_jobs.tenant_of to jobferry_trigger;
grant usage on schema app_jobs to jobferry_producer, jobferry_processor, jobferry_auditor, jobferry_admin;
grant select on app_jobs.jobs, app_jobs.job_queues to jobferry_processor, jobferry_auditor, jobferry_admin;
grant select on app_jobs.scheduled_jobs to jobferry_processor, jobferry_auditor;
grant select, delete,
  insert (database_id, task_identifier, payload, schedule_info, priority, max_attempts, key, queue_name),
  update (database_id, task_identifier, payload, schedule_info, priority, max_attempts, key, queue_name)
  on app_jobs.scheduled_jobs to jobferry_producer;
grant execute on function app_jobs.add_job, app_jobs.add_scheduled_job, app_jobs.run_scheduled_job
  to jobferry_producer, jobferry_processor;
grant execute on function app_jobs.get_job, app_jobs.complete_job, app_jobs.fail_job to jobferry_processor;
grant execute on function app_jobs.tg_add_job_with_row_id, app_jobs.tg_add_job_with_row, app_jobs.tg_add_job_with_fields
  to jobferry_producer;
