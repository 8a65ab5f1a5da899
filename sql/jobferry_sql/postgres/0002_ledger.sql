-- The ledger: one row for every job there ever was, and the audit log's backbone.
--
-- The first seven columns are the recipe's, verbatim. A database that already has the recipe's
-- table keeps it, with its rows; everything Jobferry adds has a default, so a plain recipe INSERT
-- goes on working. Nothing here is indexed but the key and the cursor of the devices
-- (`submitted_by, version`): the ledger is wide and for ever, the queue beside it slim and hot.

create table if not exists public.background_jobs (
  id uuid primary key not null,
  "timestamp" timestamptz not null,
  payload jsonb not null,
  completed boolean not null,
  cancelled boolean not null,
  progress real not null,
  result jsonb
);

-- An adopted table may use one of our names for something else, or not be the recipe's at all. Say
-- so before anything changes.
do $$
declare
  clash record;
begin
  for clash in
    select wanted.name, wanted.type as expected, coalesce(found.type, 'missing') as found
    from (values
      ('id', 'uuid not null', true), ('timestamp', 'timestamp with time zone not null', true),
      ('payload', 'jsonb not null', true), ('completed', 'boolean not null', true),
      ('cancelled', 'boolean not null', true), ('progress', 'real not null', true), ('result', 'jsonb', true),
      ('submitted_by', 'text', false), ('client_id', 'uuid', false), ('task', 'text not null', false),
      ('queue_name', 'text', false), ('priority', 'smallint not null', false),
      ('run_at', 'timestamp with time zone not null', false), ('max_attempts', 'smallint not null', false),
      ('attempts', 'smallint not null', false), ('job_key', 'text', false), ('flags', 'text[]', false),
      ('database_id', 'uuid', false), ('status', 'text not null', false), ('error', 'jsonb', false),
      ('received_at', 'timestamp with time zone not null', false), ('started_at', 'timestamp with time zone', false),
      ('finished_at', 'timestamp with time zone', false), ('created', 'xid8 not null', false), ('version', 'xid8 not null', false),
      ('revised', 'xid8', false)
    ) as wanted(name, type, recipe)
    left join (
      select a.attname as name, format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end as type
      from pg_attribute a
      where a.attrelid = 'public.background_jobs'::regclass and a.attnum > 0 and not a.attisdropped
    ) as found using (name)
    where found.type <> wanted.type or (found.type is null and wanted.recipe)
  loop
    raise exception 'public.background_jobs.% is %, Jobferry needs %', clash.name, clash.found, clash.expected
      using errcode = 'JF001', hint = 'Rename or convert that column, then run "jobferry migrate" again.';
  end loop;
  -- Without it a submit that is sent again would be a second job.
  if not exists (select from pg_constraint c where c.conrelid = 'public.background_jobs'::regclass
      and c.contype = 'p' and pg_get_constraintdef(c.oid) = 'PRIMARY KEY (id)') then
    raise exception 'the primary key of public.background_jobs is not its id'
      using errcode = 'JF001', hint = 'Make id its primary key, then run "jobferry migrate" again.';
  end if;
end $$;

alter table public.background_jobs
  alter column "timestamp" set default now(),
  alter column completed set default false,
  alter column cancelled set default false,
  alter column progress set default 0,
  add column if not exists submitted_by text,
  add column if not exists client_id uuid,
  add column if not exists task text not null default 'default',
  add column if not exists queue_name text,
  add column if not exists priority smallint not null default 0,
  add column if not exists run_at timestamptz not null default now(),
  add column if not exists max_attempts smallint not null default 25,
  add column if not exists attempts smallint not null default 0,
  add column if not exists job_key text,
  add column if not exists flags text[],
  add column if not exists database_id uuid,
  add column if not exists status text not null default 'queued',
  add column if not exists error jsonb,
  add column if not exists received_at timestamptz not null default now(),
  add column if not exists started_at timestamptz,
  add column if not exists finished_at timestamptz,
  add column if not exists created xid8 not null default pg_current_xact_id(),
  add column if not exists version xid8 not null default pg_current_xact_id(),
  -- Who last changed what the submitter had said of the job, so that it travels down once more.
  add column if not exists revised xid8;

-- The recipe did not mind a time that no device's calendar has.
update public.background_jobs set "timestamp" = greatest('0001-01-02 00:00+00', least("timestamp", '9999-12-30 00:00+00'))
where "timestamp" < '0001-01-02 00:00+00' or "timestamp" >= '9999-12-31 00:00+00';

-- The recipe let a late "completed = true" fall on a cancelled row. The cancel was first: it stands.
update public.background_jobs set
  completed = completed and not cancelled,
  progress = case when progress between 0 and 1 then progress when progress > 1 and progress <> 'NaN' then 1 else 0 end,
  status = case when cancelled then 'cancelled' when completed then 'completed' else 'queued' end,
  finished_at = case when cancelled or completed then coalesce(finished_at, "timestamp") end
where completed or cancelled or not (progress between 0 and 1);

alter table public.background_jobs
  add constraint background_jobs_status check
    (status in ('scheduled', 'queued', 'running', 'retrying', 'completed', 'failed', 'cancelled')),
  add constraint background_jobs_completed check (completed = (status = 'completed')),
  add constraint background_jobs_cancelled check (cancelled = (status = 'cancelled')),
  add constraint background_jobs_not_both check (not (completed and cancelled)),
  add constraint background_jobs_finished check
    ((finished_at is not null) = (status in ('completed', 'failed', 'cancelled'))),
  add constraint background_jobs_progress check (progress between 0 and 1),
  add constraint background_jobs_attempts check (attempts >= 0 and max_attempts >= 1),
  -- What any language can show, in any time zone: no infinity, nothing before our calendar or behind it.
  add constraint background_jobs_times check (
    "timestamp" >= '0001-01-02 00:00+00' and "timestamp" < '9999-12-31 00:00+00'
    and run_at >= '0001-01-02 00:00+00' and run_at < '9999-12-31 00:00+00'
    and started_at >= '0001-01-02 00:00+00' and started_at < '9999-12-31 00:00+00'),
  -- A list of words, not a table of them.
  add constraint background_jobs_flags check (array_ndims(flags) = 1);

-- How a device reads: "what of mine changed since my snapshot".
create index background_jobs_cursor on public.background_jobs (submitted_by, version, id);

-- The legal moves of a job, and the word the audit log has for each. The same table drives the
-- Python side (jobferry_shared.states); a test holds the two together. A null source is an insert.
create table jobferry.transitions (
  source text,
  target text not null,
  event text not null,
  unique (source, target)
);

insert into jobferry.transitions (source, target, event) values
  (null, 'scheduled', 'submitted'),
  (null, 'queued', 'submitted'),
  (null, 'completed', 'submitted'),
  (null, 'cancelled', 'submitted'),
  ('scheduled', 'queued', 'rescheduled'),
  ('scheduled', 'running', 'started'),
  ('scheduled', 'completed', 'completed'),
  ('scheduled', 'failed', 'failed'),
  ('scheduled', 'cancelled', 'cancelled'),
  ('queued', 'scheduled', 'rescheduled'),
  ('queued', 'running', 'started'),
  ('queued', 'completed', 'completed'),
  ('queued', 'failed', 'failed'),
  ('queued', 'cancelled', 'cancelled'),
  ('running', 'queued', 'released'),
  ('running', 'scheduled', 'snoozed'),
  ('running', 'retrying', 'retrying'),
  ('running', 'completed', 'completed'),
  ('running', 'failed', 'failed'),
  ('running', 'cancelled', 'cancelled'),
  ('retrying', 'running', 'started'),
  ('retrying', 'completed', 'completed'),
  ('retrying', 'failed', 'failed'),
  ('retrying', 'cancelled', 'cancelled');
