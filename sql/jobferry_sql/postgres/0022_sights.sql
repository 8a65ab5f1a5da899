-- Row-level security, for whoever wants it: logins that see a part of the ledger and of the audit log.
--
-- Off until `select jobferry.enable_tenant_rls()` is run by the tables' owner. From then on a member of
-- jobferry_viewer sees the jobs in its sight and their events, and nobody without a policy sees any. The
-- parts of Jobferry see all, as before: their policy is constant and costs nothing. What is in whose sight:
--
--   tenant        jobs with this database_id
--   owner_prefix  jobs of owners whose names begin so; end it with what parts it from other names
--   by_setting    the tenant that the session says: set jobferry.tenant = '…'. For an application that is
--                 trusted to say for whom it asks; whoever may send SQL of his own can say any.
--
-- A role's sight is also that of the roles which inherit it. Writing is a matter of grants, as ever: who
-- has the right writes only what he could see.
--
-- Whoever may connect may LISTEN, and no grant keeps him from it. So the recipe's notice of a new job
-- then says its id alone, as it does of a large one. Owners' names are still heard (jobferry_changes).

do $$
begin
  create role jobferry_viewer nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema public, jobferry to jobferry_viewer;
grant select on public.background_jobs, public.background_job_events to jobferry_viewer;

create table jobferry.sights (
  role regrole not null,
  tenant uuid,
  owner_prefix text,
  by_setting boolean not null default false,
  constraint sights_kind check (num_nonnulls(tenant, owner_prefix) + by_setting::integer = 1),
  constraint sights_prefix check (owner_prefix <> '')
);
create unique index sights_once on jobferry.sights
  (role, coalesce(tenant::text, ''), coalesce(owner_prefix, ''), by_setting);

create function jobferry.grant_sight(
  role regrole, tenant uuid default null, owner_prefix text default null, by_setting boolean default false
) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobferry.sights (role, tenant, owner_prefix, by_setting)
  values (role, tenant, owner_prefix, by_setting) on conflict do nothing
$$;

-- Take all that the role was granted; how much it was.
create function jobferry.revoke_sight(role regrole) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  taken integer;
begin
  delete from jobferry.sights s where s.role = revoke_sight.role;
  get diagnostics taken = row_count;
  return taken;
end $$;

-- What is in a role's sight. Says nothing about roles that the caller could not become.
create function jobferry.sights_of(who name) returns setof jobferry.sights
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.* from jobferry.sights s
  where pg_has_role(who, s.role, 'usage') and pg_has_role(session_user, who, 'member')
$$;

create function jobferry.tenants_in_sight(who name) returns uuid[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array_agg(case when s.by_setting then nullif(current_setting('jobferry.tenant', true), '')::uuid else s.tenant end)
  from jobferry.sights_of(who) s
$$;

create function jobferry.prefixes_in_sight(who name) returns text[]
language sql stable set search_path = pg_catalog, pg_temp as $$
  select array_agg(s.owner_prefix) filter (where s.owner_prefix is not null) from jobferry.sights_of(who) s
$$;

-- The recipe's notice for a database in which not everybody may read every job.
create function jobferry.process_job_discreetly() returns trigger
language plpgsql as $$
begin
  if NEW.completed = false and NEW.cancelled = false then
    perform pg_catalog.pg_notify('process_background_job',
      pg_catalog.json_build_object('id', NEW.id, 'payload_omitted', true)::text);
  end if;
  return null;
end $$;

-- Our parts see all. That is said from the start and whoever turns row-level security on, or had it on before
-- the table was adopted: to a claim that sees no job of the queue's, all of them would be gone.
create policy jobferry_parts on public.background_jobs
  to jobferry_engine, jobferry_archivist, jobferry_gateway, jobferry_processor, jobferry_auditor, jobferry_admin
  using (true) with check (true);
create policy jobferry_parts on public.background_job_events
  to jobferry_engine, jobferry_archivist, jobferry_auditor, jobferry_admin using (true) with check (true);

-- Which function tells of a new job.
create function jobferry.tell_by(teller regprocedure) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create or replace trigger process_job_trigger after insert on public.background_jobs'
    ' for each row execute function %s', teller);
  alter table public.background_jobs enable always trigger process_job_trigger;
end $$;

-- Off again. Sights are kept.
create function jobferry.disable_tenant_rls() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp set client_min_messages = warning as $$
begin
  drop policy if exists jobferry_sight on public.background_jobs;
  drop policy if exists jobferry_sight on public.background_job_events;
  alter table public.background_jobs disable row level security;
  alter table public.background_job_events disable row level security;
  perform jobferry.tell_by('public.process_job()');
end $$;

-- On. Each subquery is evaluated once for a query, not for each row.
create function jobferry.enable_tenant_rls() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform jobferry.disable_tenant_rls();

  create policy jobferry_sight on public.background_jobs to jobferry_viewer
    using (database_id = any ((select jobferry.tenants_in_sight(current_user))::uuid[])
      or submitted_by ^@ any ((select jobferry.prefixes_in_sight(current_user))::text[]));
  -- By way of the job, which is subject to its own policy; of one that was pruned there is but the owner.
  create policy jobferry_sight on public.background_job_events for select to jobferry_viewer
    using (owner ^@ any ((select jobferry.prefixes_in_sight(current_user))::text[])
      or exists (select from public.background_jobs b where b.id = job_id));

  alter table public.background_jobs enable row level security;
  alter table public.background_job_events enable row level security;
  perform jobferry.tell_by('jobferry.process_job_discreetly()');
end $$;

call jobferry.settle_functions();

grant select, insert, delete on jobferry.sights to jobferry_engine;
grant select on jobferry.sights to jobferry_auditor, jobferry_admin;
grant execute on function jobferry.grant_sight, jobferry.revoke_sight to jobferry_admin;
grant execute on function jobferry.sights_of, jobferry.tenants_in_sight, jobferry.prefixes_in_sight to jobferry_viewer;
