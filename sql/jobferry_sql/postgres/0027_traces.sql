-- Which trace a job belongs to, where its submitter said so: a `traceparent` of W3C Trace Context.
--
-- Beside the ledger, not in it: most jobs have none, and the ledger's rows, the group commit and the claim
-- stay as they are. A trace is not part of what the job says, so a resend with another one is the same
-- job; the first stays. It goes when its job leaves the ledger.

create table jobferry.traces (
  job_id uuid primary key references public.background_jobs on delete cascade,
  traceparent text not null check (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$')
);

-- Note the traces of jobs that this very transaction has inserted; of all others nothing is noted, so nobody
-- puts a trace on somebody else's job. One element for each job in either array.
create function jobferry.note_traces(job_ids uuid[], traceparents text[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobferry.traces (job_id, traceparent)
  select b.id, i.traceparent
  from unnest(job_ids, traceparents) i(id, traceparent) join public.background_jobs b on b.id = i.id
  where b.created = pg_current_xact_id()
  on conflict (job_id) do nothing
$$;

call jobferry.settle_functions();

grant select, insert on jobferry.traces to jobferry_engine;
grant select on jobferry.traces to jobferry_processor, jobferry_auditor;
grant execute on function jobferry.note_traces to jobferry_gateway, jobferry_producer, jobferry_processor;
