-- The audit log: one row for every transition of every job, whoever made it. Append-only.
--
-- `detail` says what the event alone does not: the error of a failure, why a job was handed back.
-- `actor` is the device, the processor, or the database user that wrote.
--
-- One role may take out what has been kept long enough and blank what must be forgotten: the owner of
-- the two functions that do so and say so here. The guard holds for everybody else, superusers too.

create table public.background_job_events (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  job_id uuid not null,
  owner text,
  event text not null,
  attempt smallint not null,
  actor text not null,
  detail jsonb
);

create index background_job_events_job on public.background_job_events (job_id);
create index background_job_events_at on public.background_job_events using brin (at);

create function jobferry.refuse_rewriting_history() returns trigger
language plpgsql as $$
begin
  raise exception 'public.background_job_events is append-only: % refused', tg_op
    using errcode = 'JF002', hint = 'The audit log is only ever added to.';
end $$;

create trigger refuse_rewriting_history_trigger before update or delete on public.background_job_events
  for each row when (current_user <> 'jobferry_archivist') execute function jobferry.refuse_rewriting_history();
create trigger refuse_truncating_history_trigger before truncate on public.background_job_events
  for each statement execute function jobferry.refuse_rewriting_history();
alter table public.background_job_events enable always trigger refuse_rewriting_history_trigger;
alter table public.background_job_events enable always trigger refuse_truncating_history_trigger;

-- Who asks for something, as the audit log says it: the login, and behind it the person it speaks for, if it
-- says so: `set local jobferry.actor = 'anna'`. The login is Postgres' word, the person is the login's.
create function jobferry.asker() returns text
language sql stable
as $$ select session_user || coalesce(' for ' || left(nullif(current_setting('jobferry.actor', true), ''), 255), '') $$;
