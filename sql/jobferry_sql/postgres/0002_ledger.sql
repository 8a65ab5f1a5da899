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

-- An adopted table may use one of our names for something else. Say so before anything changes.
do $$
declare
  clash record;
begin
  for clash in
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as found, wanted.type as expected
    from pg_attribute a
    join (values
      ('id', 'uuid'), ('timestamp', 'timestamp with time zone'), ('payload', 'jsonb'),
      ('completed', 'boolean'), ('cancelled', 'boolean'), ('progress', 'real'), ('result', 'jsonb'),
      ('submitted_by', 'text'), ('client_id', 'uuid'), ('task', 'text'), ('queue_name', 'text'),
      ('priority', 'smallint'), ('run_at', 'timestamp with time zone'), ('max_attempts', 'smallint'),
      ('attempts', 'smallint'), ('job_key', 'text'), ('flags', 'text[]'), ('database_id', 'uuid'),
      ('status', 'text'), ('error', 'jsonb'), ('received_at', 'timestamp with time zone'),
      ('started_at', 'timestamp with time zone'), ('finished_at', 'timestamp with time zone'),
      ('created', 'xid8'), ('version', 'xid8')
    ) as wanted(name, type) on wanted.name = a.attname
    where a.attrelid = 'public.background_jobs'::regclass and a.attnum > 0 and not a.attisdropped
      and format_type(a.atttypid, a.atttypmod) <> wanted.type
  loop
    raise exception 'public.background_jobs.% is %, Jobferry needs %', clash.name, clash.found, clash.expected
      using errcode = 'JF001', hint = 'Rename or convert that column, then run "jobferry migrate" again.';
  end loop;
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
  add column if not exists version xid8 not null default pg_current_xact_id();

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
  add constraint background_jobs_attempts check (attempts >= 0 and max_attempts >= 1);

-- How a device reads: "what of mine changed since my snapshot".
create index background_jobs_cursor on public.background_jobs (submitted_by, version);

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
  ('running', 'retrying', 'retrying'),
  ('running', 'completed', 'completed'),
  ('running', 'failed', 'failed'),
  ('running', 'cancelled', 'cancelled'),
  ('retrying', 'running', 'started'),
  ('retrying', 'completed', 'completed'),
  ('retrying', 'failed', 'failed'),
  ('retrying', 'cancelled', 'cancelled');
