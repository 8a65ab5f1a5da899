-- Who may call and write what. Everything not granted here is refused by Postgres itself.

-- The engine's functions write all of it.
grant select, insert, update, delete on public.background_jobs, jobferry.queue, jobferry.processors, jobferry.devices,
  jobferry.postponed_cancels, jobferry.paused_queues to jobferry_engine;
grant select, insert on public.background_job_events to jobferry_engine;
grant select on jobferry.transitions, jobferry.identity to jobferry_engine;
grant usage on all sequences in schema public, jobferry to jobferry_engine;

-- Every migration that makes functions ends with this: SECURITY DEFINER functions are handed over to
-- the engine (that name is what the triggers look for), but for those of the archivist and of triggers, and
-- nobody may call what was not granted.
create procedure jobferry.settle_functions()
language plpgsql as $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'jobferry'::regnamespace and p.prosecdef
      and pg_get_userbyid(p.proowner) not in ('jobferry_archivist', 'jobferry_trigger')
  loop
    execute format('alter function %s owner to jobferry_engine', f);
  end loop;
  revoke execute on all routines in schema jobferry from public;
end $$;

call jobferry.settle_functions();

-- Every part may compare the schema with what it was written for.
grant select on jobferry.migrations to jobferry_gateway, jobferry_processor, jobferry_auditor;

-- The gateway: what a device may say, and nothing a processor says.
grant select on public.background_jobs, jobferry.devices to jobferry_gateway;
grant insert (id, "timestamp", payload, cancelled, submitted_by, client_id, task, queue_name, priority, run_at,
  max_attempts, job_key, flags, database_id) on public.background_jobs to jobferry_gateway;
grant update (cancelled) on public.background_jobs to jobferry_gateway;
grant execute on function
  jobferry.submit_batch, jobferry.cancel_batch, jobferry.cancel_postponed, jobferry.changes_page, jobferry.moved_page,
  jobferry.epoch, jobferry.note_devices
  to jobferry_gateway;

-- The processor: the queue through its functions; the recipe's columns directly, for processors
-- that know nothing but the recipe.
grant select on public.background_jobs, jobferry.queue, jobferry.processors to jobferry_processor;
grant update (completed, cancelled, progress, result, status, error) on public.background_jobs to jobferry_processor;
grant execute on function
  jobferry.register_processor, jobferry.unregister_processor, jobferry.heartbeat, jobferry.claim, jobferry.release_unknown, jobferry.flush,
  jobferry.complete_held,
  jobferry.reap, jobferry.unserved_tasks
  to jobferry_processor;

grant select on public.background_jobs, public.background_job_events, jobferry.queue, jobferry.processors,
  jobferry.devices, jobferry.postponed_cancels, jobferry.paused_queues, jobferry.transitions to jobferry_auditor;

-- What the engine's functions call among themselves. Trigger functions need no grant: they are reached
-- through their triggers alone.
grant execute on function
  jobferry.asker, jobferry.status_of, jobferry.event_detail, jobferry.announce, jobferry.backoff, jobferry.lease_key,
  jobferry.refuse_left_out, jobferry.named_heads, jobferry.due_jobs, jobferry.begin_job, jobferry.clear_away, jobferry.held_up,
  jobferry.items_at
  to jobferry_engine;
