table jobferry.devices with (fillfactor=70)
  client_id uuid not null
  owner text not null
  client_version text
  pending integer not null default 0
  oldest_pending_at timestamp with time zone
  first_seen timestamp with time zone not null default now()
  last_seen timestamp with time zone not null default now()
  constraint devices_pkey PRIMARY KEY (client_id, owner)

table jobferry.identity
  id uuid not null default gen_random_uuid()
  only_one boolean not null default true
  constraint identity_only_one_check CHECK (only_one)
  constraint identity_pkey PRIMARY KEY (only_one)

table jobferry.migrations
  version integer not null
  name text not null
  checksum text not null
  applied_at timestamp with time zone not null default now()
  constraint migrations_pkey PRIMARY KEY (version)

table jobferry.postponed_cancels
  job_id uuid not null
  owner text not null
  client_id uuid not null
  constraint postponed_cancels_pkey PRIMARY KEY (job_id)

table jobferry.processors with (fillfactor=50)
  id text not null
  tasks text[] not null
  version text not null
  started_at timestamp with time zone not null default now()
  last_seen timestamp with time zone not null default now()
  constraint processors_pkey PRIMARY KEY (id)

table jobferry.queue with (fillfactor=70, autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.05)
  job_id uuid not null
  task text not null
  queue_name text
  priority smallint not null
  run_at timestamp with time zone not null
  attempts smallint not null
  max_attempts smallint not null
  flags text[]
  locked_by text
  locked_until timestamp with time zone
  constraint queue_pkey PRIMARY KEY (job_id)
  CREATE INDEX queue_named ON jobferry.queue USING btree (queue_name, priority, run_at, job_id) WHERE (queue_name IS NOT NULL)
  CREATE INDEX queue_order ON jobferry.queue USING btree (priority, run_at, job_id)
  CREATE TRIGGER named_job_freed_trigger AFTER UPDATE ON jobferry.queue FOR EACH ROW WHEN (((old.queue_name IS NOT NULL) AND (old.locked_by IS NOT NULL) AND (new.locked_by IS NULL))) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always
  CREATE TRIGGER named_job_gone_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN ((old.queue_name IS NOT NULL)) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always

table jobferry.transitions
  source text
  target text not null
  event text not null
  constraint transitions_source_target_key UNIQUE (source, target)

table public.background_job_events
  id bigint not null generated as identity
  at timestamp with time zone not null default clock_timestamp()
  job_id uuid not null
  owner text
  event text not null
  attempt smallint not null
  actor text not null
  detail jsonb
  constraint background_job_events_pkey PRIMARY KEY (id)
  CREATE INDEX background_job_events_at ON public.background_job_events USING brin (at)
  CREATE INDEX background_job_events_job ON public.background_job_events USING btree (job_id)
  CREATE TRIGGER refuse_rewriting_history_trigger BEFORE DELETE OR UPDATE ON public.background_job_events FOR EACH ROW EXECUTE FUNCTION jobferry.refuse_rewriting_history() -- fires: always
  CREATE TRIGGER refuse_truncating_history_trigger BEFORE TRUNCATE ON public.background_job_events FOR EACH STATEMENT EXECUTE FUNCTION jobferry.refuse_rewriting_history() -- fires: always

table public.background_jobs
  id uuid not null
  timestamp timestamp with time zone not null default now()
  payload jsonb not null
  completed boolean not null default false
  cancelled boolean not null default false
  progress real not null default 0
  result jsonb
  submitted_by text
  client_id uuid
  task text not null default 'default'::text
  queue_name text
  priority smallint not null default 0
  run_at timestamp with time zone not null default now()
  max_attempts smallint not null default 25
  attempts smallint not null default 0
  job_key text
  flags text[]
  database_id uuid
  status text not null default 'queued'::text
  error jsonb
  received_at timestamp with time zone not null default now()
  started_at timestamp with time zone
  finished_at timestamp with time zone
  created xid8 not null default pg_current_xact_id()
  version xid8 not null default pg_current_xact_id()
  constraint background_jobs_attempts CHECK (((attempts >= 0) AND (max_attempts >= 1)))
  constraint background_jobs_cancelled CHECK ((cancelled = (status = 'cancelled'::text)))
  constraint background_jobs_completed CHECK ((completed = (status = 'completed'::text)))
  constraint background_jobs_finished CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))))
  constraint background_jobs_not_both CHECK ((NOT (completed AND cancelled)))
  constraint background_jobs_pkey PRIMARY KEY (id)
  constraint background_jobs_progress CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision)))
  constraint background_jobs_status CHECK ((status = ANY (ARRAY['scheduled'::text, 'queued'::text, 'running'::text, 'retrying'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
  CREATE INDEX background_jobs_cursor ON public.background_jobs USING btree (submitted_by, version, id)
  CREATE TRIGGER announce_job_trigger AFTER INSERT OR UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.submitted_by IS NOT NULL))) EXECUTE FUNCTION jobferry.announce_job() -- fires: always
  CREATE TRIGGER audit_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER audit_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.status <> old.status))) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER audit_new_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER dequeue_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.dequeue_job() -- fires: always
  CREATE TRIGGER dequeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION jobferry.dequeue_job() -- fires: always
  CREATE TRIGGER enqueue_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL))) EXECUTE FUNCTION jobferry.enqueue_job() -- fires: always
  CREATE TRIGGER guard_job_trigger BEFORE UPDATE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.guard_job() -- fires: always
  CREATE TRIGGER process_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW EXECUTE FUNCTION process_job() -- fires: always
  CREATE TRIGGER requeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL) AND ((((((new.task IS DISTINCT FROM old.task) OR (new.queue_name IS DISTINCT FROM old.queue_name)) OR (new.priority IS DISTINCT FROM old.priority)) OR (new.run_at IS DISTINCT FROM old.run_at)) OR (new.max_attempts IS DISTINCT FROM old.max_attempts)) OR (new.flags IS DISTINCT FROM old.flags)))) EXECUTE FUNCTION jobferry.requeue_job() -- fires: always
  CREATE TRIGGER stamp_job_trigger BEFORE INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.stamp_job() -- fires: always

function jobferry.announce(owners text[])
  returns void
  sql volatile security invoker set search_path=""
  owner whoever migrates, body ec5701092ef98780cfc20cf9c146dc1d

function jobferry.announce_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body e8f5f5569c0100b317f0e97303b70323

function jobferry.audit_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body d2302a6922599cfdca78df4162a59e4c

function jobferry.backoff(attempts integer)
  returns interval
  sql immutable security invoker
  owner whoever migrates, body ad643e4249d53e5719706876650ce22a

function jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[])
  returns TABLE(number integer, code text)
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 69a5c77f51e6f835bd2cd67d2b2d6d31

function jobferry.cancel_postponed()
  returns integer
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 6813ac9a194a6b617cf1be9daa7be848

function jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer)
  returns TABLE(room integer, job background_jobs)
  plpgsql stable security invoker set search_path=""
  owner whoever migrates, body bab5f619d4ebdc6ec303c07d2cfb26b5

function jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 428129bf6e8f49c7024c8c5428edca13

function jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer)
  returns TABLE(id uuid, task text, payload text, attempt smallint, owner text)
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body ea8da2576a9fcbc3201a2caf1e13ae04

function jobferry.clear_away(ids uuid[])
  returns void
  sql volatile security invoker set search_path=""
  owner whoever migrates, body bfe5802d86f1f3da9b91b808178403bb

function jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[])
  returns integer
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body 7c6bc094b8d4fdbf435aed4c5b7b8a48

function jobferry.dequeue_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 2df8b0f56549bbee37576a0e03ca373a

function jobferry.enqueue_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 9c07b8da2f7daa414bfaa634f95af358

function jobferry.epoch()
  returns text
  sql stable security definer set search_path=""
  owner jobferry_engine, body 7c3d48c0d31f2ef43f63efaa856cf319

function jobferry.event_detail(status text, error jsonb)
  returns jsonb
  sql immutable security invoker
  owner whoever migrates, body f4d658aed384a5f3fc87b5c3404e56da

function jobferry.fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[])
  returns integer
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body 1e5896a6618b412cc51047419d68d3f6

function jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], moved uuid[], moved_attempts smallint[], progresses real[], released uuid[], released_attempts smallint[], running uuid[], running_attempts smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body af13573619b23237ef0cbe2e4b8a742d

function jobferry.guard_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 7093f56d3af6f85ee8637c4a9df9bb84

function jobferry.heartbeat(processor text)
  returns boolean
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body eaf58b7262249b65718e3296cf19f8dd

function jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security invoker set search_path=""
  owner whoever migrates, body 77291ad0480146236dc194776ab933b8

function jobferry.lease_key(processor text)
  returns bigint
  sql immutable security invoker
  owner whoever migrates, body c5b08e4dbf61b8aa3faac25cf4421189

function jobferry.named_heads(tasks text[], forbidden_flags text[])
  returns uuid[]
  plpgsql volatile security invoker set search_path=""
  owner whoever migrates, body 74fd441f88706858592f585734a80934

function jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[])
  returns void
  sql volatile security definer set search_path=""
  owner jobferry_engine, body 827e2138672c3591619452df5fc25572

function jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[])
  returns integer
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body efa5a58b4f944a83c5d1e369d2da7d7f

function jobferry.reap(lease interval)
  returns integer
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body 9cc315121e587e11e56f38828b71ffe3

function jobferry.refuse_rewriting_history()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body d276b629725c31bf7a391e16351ca2c7

function jobferry.register_processor(processor text, tasks text[], version text)
  returns void
  sql volatile security definer set search_path=""
  owner jobferry_engine, body cbd0764de46b5a6d19429851d37b61c4

function jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[])
  returns integer
  plpgsql volatile security definer set search_path="" set random_page_cost=1
  owner jobferry_engine, body 7a50556cf7139f43b852b54564fa55b4

function jobferry.release_unknown(processor text, known uuid[])
  returns void
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 627670f5a7652a31f14d741122d5820f

function jobferry.requeue_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body d29f378f18f8a82049e78d0466b2900a

function jobferry.ring_queue()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body 93c3452b99a5d56131ad28697e70e9fd

function jobferry.settle_functions()
  returns None
  plpgsql volatile security invoker
  owner whoever migrates, body 1928bc95a0e8ac673f6d9b12ffad036c

function jobferry.stamp_job()
  returns trigger
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 1def8a09e19a94d2f6beba383b2427c2

function jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone)
  returns text
  sql stable security invoker
  owner whoever migrates, body 2f1978546f164e0ad6fc2a9380e489e8

function jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[])
  returns TABLE(number integer, code text)
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body 186b28002d5222574185472ad8fc69e6

function jobferry.unregister_processor(processor text)
  returns void
  plpgsql volatile security definer set search_path=""
  owner jobferry_engine, body a26f7439bfa06e8721c607bb7c8498d6

function jobferry.unserved_tasks()
  returns TABLE(task text, jobs bigint)
  sql stable security definer set search_path=""
  owner jobferry_engine, body c1166f707486d1188b75ec7269377f18

function public.process_job()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body f6e6d600b09f64d24ea530bf9ff570a9

grant insert on column public.background_jobs("timestamp") to jobferry_gateway
grant insert, update on column public.background_jobs(cancelled) to jobferry_gateway
grant update on column public.background_jobs(cancelled) to jobferry_processor
grant insert on column public.background_jobs(client_id) to jobferry_gateway
grant update on column public.background_jobs(completed) to jobferry_processor
grant insert on column public.background_jobs(database_id) to jobferry_gateway
grant update on column public.background_jobs(error) to jobferry_processor
grant insert on column public.background_jobs(flags) to jobferry_gateway
grant insert on column public.background_jobs(id) to jobferry_gateway
grant insert on column public.background_jobs(job_key) to jobferry_gateway
grant insert on column public.background_jobs(max_attempts) to jobferry_gateway
grant insert on column public.background_jobs(payload) to jobferry_gateway
grant insert on column public.background_jobs(priority) to jobferry_gateway
grant update on column public.background_jobs(progress) to jobferry_processor
grant insert on column public.background_jobs(queue_name) to jobferry_gateway
grant update on column public.background_jobs(result) to jobferry_processor
grant insert on column public.background_jobs(run_at) to jobferry_gateway
grant update on column public.background_jobs(status) to jobferry_processor
grant insert on column public.background_jobs(submitted_by) to jobferry_gateway
grant insert on column public.background_jobs(task) to jobferry_gateway
grant execute on function jobferry.announce to jobferry_engine
grant execute on function jobferry.backoff to jobferry_engine
grant execute on function jobferry.cancel_batch to jobferry_gateway
grant execute on function jobferry.cancel_postponed to jobferry_gateway
grant execute on function jobferry.changes_page to jobferry_gateway
grant execute on function jobferry.claim to jobferry_processor
grant execute on function jobferry.clear_away to jobferry_engine
grant execute on function jobferry.epoch to jobferry_gateway
grant execute on function jobferry.event_detail to jobferry_engine
grant execute on function jobferry.flush to jobferry_processor
grant execute on function jobferry.heartbeat to jobferry_processor
grant execute on function jobferry.held_up to jobferry_engine
grant execute on function jobferry.lease_key to jobferry_engine
grant execute on function jobferry.named_heads to jobferry_engine
grant execute on function jobferry.note_devices to jobferry_gateway
grant execute on function jobferry.reap to jobferry_processor
grant execute on function jobferry.register_processor to jobferry_processor
grant execute on function jobferry.release_unknown to jobferry_processor
grant execute on function jobferry.status_of to jobferry_engine
grant execute on function jobferry.submit_batch to jobferry_gateway
grant execute on function jobferry.unregister_processor to jobferry_processor
grant execute on function jobferry.unserved_tasks to jobferry_processor
grant execute on function public.process_job to public
grant create, usage on schema jobferry to jobferry_engine
grant usage on schema jobferry to jobferry_auditor
grant usage on schema jobferry to jobferry_gateway
grant usage on schema jobferry to jobferry_processor
grant usage on sequence public.background_job_events_id_seq to jobferry_engine
grant delete, insert, select, update on table jobferry.devices to jobferry_engine
grant select on table jobferry.devices to jobferry_auditor
grant select on table jobferry.devices to jobferry_gateway
grant select on table jobferry.identity to jobferry_engine
grant select on table jobferry.migrations to jobferry_auditor
grant select on table jobferry.migrations to jobferry_gateway
grant select on table jobferry.migrations to jobferry_processor
grant delete, insert, select, update on table jobferry.postponed_cancels to jobferry_engine
grant select on table jobferry.postponed_cancels to jobferry_auditor
grant delete, insert, select, update on table jobferry.processors to jobferry_engine
grant select on table jobferry.processors to jobferry_auditor
grant select on table jobferry.processors to jobferry_processor
grant delete, insert, select, update on table jobferry.queue to jobferry_engine
grant select on table jobferry.queue to jobferry_auditor
grant select on table jobferry.queue to jobferry_processor
grant select on table jobferry.transitions to jobferry_auditor
grant select on table jobferry.transitions to jobferry_engine
grant insert, select on table public.background_job_events to jobferry_engine
grant select on table public.background_job_events to jobferry_auditor
grant delete, insert, select, update on table public.background_jobs to jobferry_engine
grant select on table public.background_jobs to jobferry_auditor
grant select on table public.background_jobs to jobferry_gateway
grant select on table public.background_jobs to jobferry_processor
