-- Who may do what, before there is anything to do it to.
--
-- Roles without login; a service's own login is made a member of one of them and every part
-- drops to its role as soon as it is connected, so one DSN serves them all and a stolen gateway
-- can't write a result.
--
--   jobferry_engine     owns the functions that write queue, ledger and events in sets. The ledger's
--                       row triggers stand aside for this role alone; nobody logs in as it.
--   jobferry_gateway    inserts what a device may say about a job, and cancels. Nothing else.
--   jobferry_processor  claims, runs, reports.
--   jobferry_auditor    reads.
--   jobferry_archivist  owns the one door to the audit log's past; nobody logs in as it.
--   jobferry_trigger    owns the functions that triggers on other people's tables call; nobody logs in as it.
--
-- Functions find what they name without a schema in pg_catalog, and in pg_temp only after that. A search path
-- that does not say so looks for types among the caller's temporary ones first: a domain of his there would
-- have its check run with the engine's rights.
--
-- Roles belong to the whole cluster, so another database may have made them, even this moment.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['jobferry_engine', 'jobferry_gateway', 'jobferry_processor', 'jobferry_auditor',
      'jobferry_archivist', 'jobferry_trigger'] loop
    begin
      execute format('create role %I nologin', wanted);
    exception when duplicate_object or unique_violation then null;
    end;
    -- Handing a function over to a role needs membership in it; a superuser has it anyway. From
    -- 16 on whoever created the role is a member that may not yet act as it.
    if wanted in ('jobferry_engine', 'jobferry_archivist', 'jobferry_trigger') and not pg_has_role(current_user, wanted,
        case when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end) then
      begin
        execute format('grant %I to current_user', wanted);
      exception when insufficient_privilege then
        raise insufficient_privilege using message = format('another login has made the role %I in this cluster', wanted),
          hint = format('As a superuser: GRANT jobferry_engine, jobferry_archivist, jobferry_trigger TO %I;', current_user);
      end;
    end if;
  end loop;
end $$;

grant usage, create on schema jobferry to jobferry_engine, jobferry_archivist;
grant usage on schema jobferry to jobferry_gateway, jobferry_processor, jobferry_auditor, jobferry_trigger;
grant usage on schema public to jobferry_engine, jobferry_gateway, jobferry_processor, jobferry_auditor,
  jobferry_archivist;
