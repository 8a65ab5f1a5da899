-- The names of Graphile Worker over the queue of Jobferry, so that SQL written for it runs as it is.
--
-- Run again whenever Jobferry is updated: everything is made or replaced, nothing that others built on it
-- is dropped. Ids are Jobferry's, uuid where Graphile Worker has bigint: what takes ids takes uuid[].
--
-- The functions do what their caller may do: what jobferry.add_job and its like are granted to.

do $$
begin
  if exists (select from pg_namespace n where n.nspname = 'graphile_worker'
        and obj_description(n.oid, 'pg_namespace') is distinct from 'Names over the queue of Jobferry')
      and exists (select from pg_depend d join pg_namespace n on n.oid = d.refobjid
        where d.refclassid = 'pg_namespace'::regclass and n.nspname = 'graphile_worker') then
    raise exception 'there is a schema graphile_worker already, and it is not Jobferry''s'
      using errcode = 'JF040', hint = 'That queue keeps its name. Call jobferry.add_job and the others, which need no such schema.';
  end if;
end $$;

create schema if not exists graphile_worker;
comment on schema graphile_worker is 'Names over the queue of Jobferry';

do $$
begin
  if to_regtype('graphile_worker.job_spec') is null then
    create domain graphile_worker.job_spec as jobferry.job_spec;
  end if;
end $$;

create or replace function graphile_worker.add_job(
  identifier text, payload json default null, queue_name text default null, run_at timestamptz default null,
  max_attempts integer default null, job_key text default null, priority integer default null,
  flags text[] default null, job_key_mode text default 'replace'
) returns public.background_jobs
language sql volatile as $$
  select jobferry.add_job(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags, job_key_mode)
$$;

create or replace function graphile_worker.add_jobs(
  specs graphile_worker.job_spec[], job_key_preserve_run_at boolean default false
) returns setof public.background_jobs
language sql volatile as $$
  select * from jobferry.add_jobs(specs::jobferry.job_spec[], job_key_preserve_run_at)
$$;

create or replace function graphile_worker.remove_job(job_key text) returns setof public.background_jobs
language sql volatile as $$ select * from jobferry.remove_job(job_key) $$;

create or replace function graphile_worker.complete_jobs(job_ids uuid[]) returns setof public.background_jobs
language sql volatile as $$ select * from jobferry.complete_jobs(job_ids) $$;

create or replace function graphile_worker.permanently_fail_jobs(job_ids uuid[], error_message text default null)
returns setof public.background_jobs
language sql volatile as $$ select * from jobferry.permanently_fail_jobs(job_ids, error_message) $$;

create or replace function graphile_worker.reschedule_jobs(
  job_ids uuid[], run_at timestamptz default null, priority integer default null,
  attempts integer default null, max_attempts integer default null
) returns setof public.background_jobs
language sql volatile as $$
  select * from jobferry.reschedule_jobs(job_ids, run_at, priority, attempts, max_attempts)
$$;

create or replace function graphile_worker.force_unlock_workers(worker_ids text[]) returns void
language sql volatile as $$ select jobferry.force_unlock_workers(worker_ids) $$;

revoke execute on all routines in schema graphile_worker from public;
grant usage on schema graphile_worker to jobferry_producer, jobferry_processor, jobferry_admin;
grant execute on function graphile_worker.add_job, graphile_worker.add_jobs
  to jobferry_producer, jobferry_processor, jobferry_admin;
grant execute on function
  graphile_worker.remove_job, graphile_worker.complete_jobs, graphile_worker.permanently_fail_jobs,
  graphile_worker.reschedule_jobs, graphile_worker.force_unlock_workers
  to jobferry_admin;
