-- Trigger functions: rows of ordinary tables become jobs, by a CREATE TRIGGER and no code.
--
--   create trigger resize after insert on photos for each row
--     execute function jobferry.tg_add_job_with_row_id('resize', 'id', 'owner=user_id');
--
-- The arguments are the task, then what the function takes: names of columns. An argument before the task
-- that is a uuid is the tenant. An argument 'owner=COLUMN' anywhere after the task makes the job that
-- column's: its progress and result reach the devices of that owner. Without one it is the server's own.
--
-- The payload is made of the row as JSON; no value ever becomes SQL. A row that is deleted speaks as it was.
-- Whoever writes the row needs no right to add jobs; whoever makes the trigger needs EXECUTE here.
--
-- To make JSON of a row may call functions of its owner's, as a type may say itself how it becomes JSON. So
-- these run as a role that may add jobs and nothing else, and not with the engine's rights.

-- What a trigger's arguments say.
create type jobferry.trigger_order as (
  task text,
  columns text[],
  owner text,
  database_id uuid
);

-- Read a trigger's arguments for one row; `usual` are the columns when it names none. The complaints are
-- for whoever made the trigger.
create function jobferry.read_order(arguments text[], line jsonb, usual text[]) returns jobferry.trigger_order
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  said jobferry.trigger_order;
  missing text;
begin
  -- Arguments of triggers count from 0.
  arguments := arguments[:];
  if arguments[1] ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    said.database_id := arguments[1];
    arguments := arguments[2:];
  end if;
  said.task := arguments[1];
  if coalesce(said.task, '') = '' then
    raise exception 'this trigger names no task' using errcode = 'JF035', hint = 'Its first argument is the name of the task.';
  end if;
  select coalesce(array_agg(argument order by number) filter (where argument not like 'owner=%'), usual),
    max(substr(argument, 7)) filter (where argument like 'owner=%')
  into said.columns, said.owner
  from unnest(arguments[2:]) with ordinality rest(argument, number);

  select name into missing from unnest(said.columns || said.owner) name where name is not null and not line ? name limit 1;
  if missing is not null then
    raise exception 'the trigger for task % speaks of a column % that the table does not have', said.task, missing
      using errcode = 'JF036', hint = 'Its arguments after the task are names of columns.';
  end if;
  said.owner := nullif(line ->> said.owner, '');
  return said;
end $$;

-- Add the job that a trigger asks for.
create function jobferry.obey(said jobferry.trigger_order, payload jsonb) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  select jobferry.add_job(
    identifier := said.task, payload := payload, owner := said.owner, database_id := said.database_id)
$$;

-- {"id": …}, of the named column or of "id".
create function jobferry.tg_add_job_with_row_id() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{id}');
begin
  perform jobferry.obey(said, jsonb_build_object('id', line -> said.columns[1]));
  return coalesce(NEW, OLD);
end $$;

-- The whole row.
create function jobferry.tg_add_job_with_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
begin
  perform jobferry.obey(jobferry.read_order(tg_argv, line, '{}'), line);
  return coalesce(NEW, OLD);
end $$;

-- The named columns.
create function jobferry.tg_add_job_with_fields() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{}');
begin
  perform jobferry.obey(said, coalesce((select jsonb_object_agg(name, line -> name) from unnest(said.columns) name), '{}'));
  return coalesce(NEW, OLD);
end $$;

-- {"schema", "table", "op", "id"}: one function for every table.
create function jobferry.trigger_job() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{id}');
begin
  perform jobferry.obey(said, jsonb_build_object(
    'schema', tg_table_schema, 'table', tg_table_name, 'op', tg_op, 'id', line -> said.columns[1]));
  return coalesce(NEW, OLD);
end $$;

-- Whoever is to own a function must be able to make one there.
grant create on schema jobferry to jobferry_trigger;
alter function jobferry.tg_add_job_with_row_id() owner to jobferry_trigger;
alter function jobferry.tg_add_job_with_row() owner to jobferry_trigger;
alter function jobferry.tg_add_job_with_fields() owner to jobferry_trigger;
alter function jobferry.trigger_job() owner to jobferry_trigger;
revoke create on schema jobferry from jobferry_trigger;

call jobferry.settle_functions();
grant execute on function
  jobferry.tg_add_job_with_row_id, jobferry.tg_add_job_with_row, jobferry.tg_add_job_with_fields, jobferry.trigger_job
  to jobferry_producer;
grant execute on function jobferry.read_order, jobferry.obey,
  jobferry.add_job(text, jsonb, text, timestamptz, integer, text, integer, text[], text, text, uuid)
  to jobferry_trigger;
