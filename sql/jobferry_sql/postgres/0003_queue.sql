-- The queue: the hot half of every unfinished job, and the processors that work on it.
--
-- One slim row per unfinished job. A finished job has none, so the queue is as small as the backlog
-- and a claim costs the same with ten million finished jobs in the ledger.
--
-- The lock columns are in no index and no predicate and pages keep room to spare, so a claim is a
-- heap-only update: no index is touched, and the room is taken back without a vacuum.

create table jobferry.queue (
  job_id uuid primary key,
  task text not null,
  queue_name text,
  priority smallint not null,
  run_at timestamptz not null,
  attempts smallint not null,
  max_attempts smallint not null,
  flags text[],
  locked_by text,
  locked_until timestamptz,
  -- What a handler keeps for its next attempt; and of a payload that is an array, the items still to do.
  checkpoint jsonb,
  rest jsonb
) with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05
);

-- The order in which jobs run.
create index queue_order on jobferry.queue (priority, run_at, job_id);

-- The heads of the named queues, which run one job at a time. Costs nothing while nobody uses them.
create index queue_named on jobferry.queue (queue_name, priority, run_at, job_id) where queue_name is not null;

-- When the job of a named queue ends or is given back, the next one's turn has come: ring. Unnamed
-- jobs meet only the condition, not the function.
create function jobferry.ring_queue() returns trigger
language plpgsql as $$
begin
  perform pg_catalog.pg_notify('jobferry_queue', '');
  return null;
end $$;

create trigger named_job_gone_trigger after delete on jobferry.queue
  for each row when (OLD.queue_name is not null) execute function jobferry.ring_queue();
create trigger named_job_freed_trigger after update on jobferry.queue
  for each row when (OLD.queue_name is not null and OLD.locked_by is not null and NEW.locked_by is null)
  execute function jobferry.ring_queue();
alter table jobferry.queue enable always trigger named_job_gone_trigger, enable always trigger named_job_freed_trigger;

-- One heartbeat row per processor is the lease of every job it holds: not one write per job.
-- Only the database's clock decides whether it ran out.
create table jobferry.processors (
  id text primary key,
  tasks text[] not null,
  version text not null,
  started_at timestamptz not null default now(),
  last_seen timestamptz not null default now()
) with (fillfactor = 50);

-- What the devices say of themselves, so that unsent work is visible before it arrives.
create table jobferry.devices (
  client_id uuid not null,
  owner text not null,
  client_version text,
  pending integer not null default 0,
  oldest_pending_at timestamptz,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  primary key (client_id, owner)
) with (fillfactor = 70);

-- Tells one database from another that was restored or put in its place: together with the
-- cluster's own identity it makes the epoch that every device's cursor carries.
create table jobferry.identity (
  id uuid not null default gen_random_uuid(),
  only_one boolean primary key default true check (only_one)
);
insert into jobferry.identity default values;

-- What an adopted recipe table had not finished is work.
insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
select id, task, queue_name, priority, run_at, attempts, max_attempts, flags
from public.background_jobs where finished_at is null;
