table jobferry.delegated
  job_id uuid not null
  engine text not null
  schema_name text not null
  queue text
  foreign_id text not null
  handed_over_at timestamp with time zone not null default now()
  constraint delegated_pkey PRIMARY KEY (job_id)

table jobferry.delegates
  task text not null
  engine text not null
  schema_name text not null
  queue text
  foreign_task text not null
  registered_at timestamp with time zone not null default now()
  constraint delegates_engine_check CHECK ((engine = ANY (ARRAY['procrastinate'::text, 'pgqueuer'::text, 'graphile-worker'::text, 'pg-boss'::text, 'oban'::text])))
  constraint delegates_pkey PRIMARY KEY (task)

table jobferry.devices with (fillfactor=70)
  client_id uuid not null
  owner text not null
  client_version text
  pending integer not null default 0
  oldest_pending_at timestamp with time zone
  first_seen timestamp with time zone not null default now()
  last_seen timestamp with time zone not null default now()
  connection uuid
  connected_until timestamp with time zone
  rejected_at timestamp with time zone
  rejected_job text
  rejected_code text
  rejected_message text
  constraint devices_pkey PRIMARY KEY (client_id, owner)

table jobferry.identity
  id uuid not null default gen_random_uuid()
  only_one boolean not null default true
  cluster bigint
  constraint identity_only_one_check CHECK (only_one)
  constraint identity_pkey PRIMARY KEY (only_one)

table jobferry.job_queues
  name text
  waiting bigint
  locked_by text
  job_id uuid

table jobferry.left_behind
  job_id uuid not null
  task text not null
  code text not null
  message text not null
  tried_at timestamp with time zone not null default now()
  constraint left_behind_pkey PRIMARY KEY (job_id)

table jobferry.limited_jobs
  task text not null
  job_id uuid not null
  constraint limited_jobs_pkey PRIMARY KEY (task, job_id)

table jobferry.migrations
  version integer not null
  name text not null
  checksum text not null
  applied_at timestamp with time zone not null default now()
  constraint migrations_pkey PRIMARY KEY (version)

table jobferry.owner_jobs with (fillfactor=50)
  owner text not null
  at_most bigint not null default 0
  let_in bigint not null default 0
  constraint owner_jobs_pkey PRIMARY KEY (owner)

table jobferry.paused_queues
  queue_name text not null
  paused_at timestamp with time zone not null default now()
  constraint paused_queues_pkey PRIMARY KEY (queue_name)

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
  constraint processors_id CHECK ((NOT starts_with(id, 'worker '::text)))
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
  checkpoint jsonb
  rest jsonb
  limited boolean
  constraint queue_pkey PRIMARY KEY (job_id)
  CREATE INDEX queue_named ON jobferry.queue USING btree (queue_name, priority, run_at, job_id) WHERE (queue_name IS NOT NULL)
  CREATE INDEX queue_order ON jobferry.queue USING btree (priority, run_at, job_id)
  CREATE INDEX queue_worker_locks ON jobferry.queue USING btree (locked_until) WHERE (locked_until IS NOT NULL)
  CREATE TRIGGER limited_job_freed_trigger AFTER UPDATE ON jobferry.queue FOR EACH ROW WHEN ((old.limited AND (old.locked_by IS NOT NULL) AND (new.locked_by IS NULL))) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always
  CREATE TRIGGER limited_job_gone_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN (old.limited) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always
  CREATE TRIGGER named_job_freed_trigger AFTER UPDATE ON jobferry.queue FOR EACH ROW WHEN (((old.queue_name IS NOT NULL) AND (old.locked_by IS NOT NULL) AND (new.locked_by IS NULL))) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always
  CREATE TRIGGER named_job_gone_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN ((old.queue_name IS NOT NULL)) EXECUTE FUNCTION jobferry.ring_queue() -- fires: always
  CREATE TRIGGER stop_delegated_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN ((old.locked_by ~~ 'delegate %'::text)) EXECUTE FUNCTION jobferry.stop_delegated() -- fires: always

table jobferry.retention
  forgotten xid8 not null default '0'::xid8
  only_one boolean not null default true
  constraint retention_only_one_check CHECK (only_one)
  constraint retention_pkey PRIMARY KEY (only_one)

table jobferry.revocations
  token_id text
  owner text
  issued_before timestamp with time zone
  expires_at timestamp with time zone
  reason text
  revoked_at timestamp with time zone not null default now()
  revoked_by text not null default SESSION_USER
  constraint revocations_kind CHECK (((num_nonnulls(token_id, owner) = 1) AND ((owner IS NULL) = (issued_before IS NULL))))
  constraint revocations_owner_key UNIQUE (owner)
  constraint revocations_token_id_key UNIQUE (token_id)
  CREATE TRIGGER ring_no_revocations_trigger AFTER TRUNCATE ON jobferry.revocations FOR EACH STATEMENT EXECUTE FUNCTION jobferry.ring_revocations() -- fires: always
  CREATE TRIGGER ring_revocations_trigger AFTER INSERT OR DELETE OR UPDATE ON jobferry.revocations FOR EACH ROW EXECUTE FUNCTION jobferry.ring_revocations() -- fires: always

table jobferry.scheduled_jobs
  id bigint not null generated as identity
  database_id uuid
  task_identifier text not null
  payload json default '{}'::json
  schedule_info json not null
  job_key text
  queue_name text
  max_attempts integer not null default 25
  priority integer not null default 0
  last_scheduled timestamp with time zone
  last_scheduled_id uuid
  owner text
  name text
  crontab text
  created_at timestamp with time zone not null default now()
  planned_at timestamp with time zone
  next_run_at timestamp with time zone
  last_missed timestamp with time zone
  error text
  paused_at timestamp with time zone
  constraint scheduled_jobs_job_key_check CHECK ((job_key <> ''::text))
  constraint scheduled_jobs_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 32767)))
  constraint scheduled_jobs_name_check CHECK ((name <> ''::text))
  constraint scheduled_jobs_name_key UNIQUE (name)
  constraint scheduled_jobs_payload_check CHECK ((json_typeof(payload) = 'object'::text))
  constraint scheduled_jobs_pkey PRIMARY KEY (id)
  constraint scheduled_jobs_priority_check CHECK (((priority >= '-32768'::integer) AND (priority <= 32767)))
  constraint scheduled_jobs_schedule_info_check CHECK ((json_typeof(schedule_info) = ANY (ARRAY['string'::text, 'object'::text])))
  constraint scheduled_jobs_task_identifier_check CHECK ((task_identifier <> ''::text))
  CREATE INDEX scheduled_jobs_next ON jobferry.scheduled_jobs USING btree (next_run_at)
  CREATE INDEX scheduled_jobs_planned ON jobferry.scheduled_jobs USING btree (planned_at)
  CREATE TRIGGER plan_anew_trigger BEFORE UPDATE ON jobferry.scheduled_jobs FOR EACH ROW WHEN (((new.paused_at IS NULL) AND ((new.schedule_info)::text IS DISTINCT FROM (old.schedule_info)::text))) EXECUTE FUNCTION jobferry.plan_anew() -- fires: always
  CREATE TRIGGER ring_scheduler_trigger AFTER INSERT OR UPDATE ON jobferry.scheduled_jobs FOR EACH ROW WHEN ((new.planned_at IS NULL)) EXECUTE FUNCTION jobferry.ring_scheduler() -- fires: always

table jobferry.sights
  role regrole not null
  tenant uuid
  owner_prefix text
  by_setting boolean not null default false
  constraint sights_kind CHECK (((num_nonnulls(tenant, owner_prefix) + (by_setting)::integer) = 1))
  constraint sights_prefix CHECK ((owner_prefix <> ''::text))
  CREATE UNIQUE INDEX sights_once ON jobferry.sights USING btree (role, COALESCE((tenant)::text, ''::text), COALESCE(owner_prefix, ''::text), by_setting)

table jobferry.task_limits
  task text not null
  max_running integer not null
  paused_at timestamp with time zone
  constraint task_limits_max_running_check CHECK ((max_running >= 0))
  constraint task_limits_pkey PRIMARY KEY (task)

table jobferry.tombstones
  job_id uuid not null
  owner text not null
  version xid8 not null default pg_current_xact_id()
  at timestamp with time zone not null default now()
  constraint tombstones_pkey PRIMARY KEY (job_id)
  CREATE INDEX tombstones_cursor ON jobferry.tombstones USING btree (owner, version, job_id)
  CREATE INDEX tombstones_newest ON jobferry.tombstones USING btree (version)

table jobferry.traces
  job_id uuid not null
  traceparent text not null
  constraint traces_job_id_fkey FOREIGN KEY (job_id) REFERENCES background_jobs(id) ON DELETE CASCADE
  constraint traces_pkey PRIMARY KEY (job_id)
  constraint traces_traceparent_check CHECK ((traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'::text))

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
  CREATE INDEX background_job_events_submitted ON public.background_job_events USING btree (id) WHERE (event = 'submitted'::text)
  CREATE TRIGGER refuse_rewriting_history_trigger BEFORE DELETE OR UPDATE ON public.background_job_events FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_archivist'::name)) EXECUTE FUNCTION jobferry.refuse_rewriting_history() -- fires: always
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
  revised xid8
  constraint background_jobs_attempts CHECK (((attempts >= 0) AND (max_attempts >= 1)))
  constraint background_jobs_cancelled CHECK ((cancelled = (status = 'cancelled'::text)))
  constraint background_jobs_completed CHECK ((completed = (status = 'completed'::text)))
  constraint background_jobs_finished CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))))
  constraint background_jobs_flags CHECK ((array_ndims(flags) = 1))
  constraint background_jobs_not_both CHECK ((NOT (completed AND cancelled)))
  constraint background_jobs_pkey PRIMARY KEY (id)
  constraint background_jobs_progress CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision)))
  constraint background_jobs_status CHECK ((status = ANY (ARRAY['scheduled'::text, 'queued'::text, 'running'::text, 'retrying'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
  constraint background_jobs_times CHECK ((("timestamp" >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND ("timestamp" < '9999-12-31 00:00:00+00'::timestamp with time zone) AND (run_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (run_at < '9999-12-31 00:00:00+00'::timestamp with time zone) AND (started_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (started_at < '9999-12-31 00:00:00+00'::timestamp with time zone)))
  CREATE INDEX background_jobs_cursor ON public.background_jobs USING btree (submitted_by, version, id)
  CREATE INDEX background_jobs_ended ON public.background_jobs USING btree (status, finished_at, id) WHERE (status = ANY (ARRAY['failed'::text, 'cancelled'::text]))
  CREATE INDEX background_jobs_failed_key ON public.background_jobs USING btree (COALESCE(submitted_by, ''::text), job_key) WHERE ((job_key IS NOT NULL) AND (status = 'failed'::text))
  CREATE UNIQUE INDEX background_jobs_job_key ON public.background_jobs USING btree (COALESCE(submitted_by, ''::text), job_key) WHERE ((job_key IS NOT NULL) AND (finished_at IS NULL))
  CREATE TRIGGER announce_job_trigger AFTER INSERT OR UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.submitted_by IS NOT NULL))) EXECUTE FUNCTION jobferry.announce_job() -- fires: always
  CREATE TRIGGER audit_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER audit_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.status <> old.status))) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER audit_new_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job() -- fires: always
  CREATE TRIGGER bury_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (old.submitted_by IS NOT NULL))) EXECUTE FUNCTION jobferry.bury_job() -- fires: always
  CREATE TRIGGER dequeue_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.dequeue_job() -- fires: always
  CREATE TRIGGER dequeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION jobferry.dequeue_job() -- fires: always
  CREATE TRIGGER enqueue_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL))) EXECUTE FUNCTION jobferry.enqueue_job() -- fires: always
  CREATE TRIGGER guard_job_trigger BEFORE UPDATE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.guard_job() -- fires: always
  CREATE TRIGGER process_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW EXECUTE FUNCTION process_job() -- fires: always
  CREATE TRIGGER requeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL))) EXECUTE FUNCTION jobferry.requeue_job() -- fires: always
  CREATE TRIGGER resend_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL) AND (new.status <> 'running'::text) AND (((((((new.task IS DISTINCT FROM old.task) OR (new.queue_name IS DISTINCT FROM old.queue_name)) OR (new.priority IS DISTINCT FROM old.priority)) OR (new.run_at IS DISTINCT FROM old.run_at)) OR (new.max_attempts IS DISTINCT FROM old.max_attempts)) OR (new.flags IS DISTINCT FROM old.flags)) OR (new.payload IS DISTINCT FROM old.payload)))) EXECUTE FUNCTION jobferry.resend_job() -- fires: always
  CREATE TRIGGER stamp_job_trigger BEFORE INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.stamp_job() -- fires: always

function jobferry.actor(holder text)
  returns text
  sql immutable security invoker
  owner whoever migrates, body 1f8ce89930b4de473e2e4de1a4296304

function jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body b464b8a58e33a76035c3560e0dfe49b9

function jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body f8068f8930042ee88fc6f7a2151b6ca1

function jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9c2fb6dd008f9f2550ce248e67cf3535

function jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9c2fb6dd008f9f2550ce248e67cf3535

function jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body ba15c8804ceba3846295c7b984049c20

function jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body da72552958ff4e32e5b802866f7510d5

function jobferry.add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text)
  returns jobferry.scheduled_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 44dbab76d364b16a00c1e54845d56583

function jobferry.add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text)
  returns jobferry.scheduled_jobs
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 37ad225eafbbad20fc610dc7d711facb

function jobferry.add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text)
  returns jobferry.scheduled_jobs
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 89f94b064332cd350e3e890780896f7e

function jobferry.add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean)
  returns background_jobs
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body caf2364e697fc1a711d20815376a0b1a

function jobferry.advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text)
  returns uuid[]
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 7c1e0c72ed9e7330ae2ca7e95e08f175

function jobferry.announce(owners text[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body ec5701092ef98780cfc20cf9c146dc1d

function jobferry.announce_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body e8f5f5569c0100b317f0e97303b70323

function jobferry.asker()
  returns text
  sql stable security invoker
  owner whoever migrates, body 88b3e9f7f1ac66b4ed1a4f908acd8e9d

function jobferry.audit_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 633eb534ad958001edbc1a758f97fc4f

function jobferry.backoff(attempts integer)
  returns interval
  sql immutable security invoker
  owner whoever migrates, body ad643e4249d53e5719706876650ce22a

function jobferry.begin_epoch(was text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 2b5aa39eb33784a5ec99ed69a4686039

function jobferry.begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text)
  returns record
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body a30f342a4c1294e3584c69deaae21675

function jobferry.blank_history(jobs uuid[])
  returns void
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_archivist, body 6a5a6707f61747dd3714864e3ce27375

function jobferry.bury_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body ad68d068e4fc54e3d69dd4f64561bcf4

function jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[])
  returns TABLE(number integer, code text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 69a5c77f51e6f835bd2cd67d2b2d6d31

function jobferry.cancel_jobs(job_ids uuid[])
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 65c88325e580c604df8d2d0b519eb92e

function jobferry.cancel_postponed()
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 6813ac9a194a6b617cf1be9daa7be848

function jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean)
  returns TABLE(room integer, job background_jobs)
  plpgsql stable security invoker set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_bitmapscan=off set enable_sort=off
  owner whoever migrates, body d99b631efa46515e312deb10fbad36d0

function jobferry.check_engine(engine text, schema_name text)
  returns void
  plpgsql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 9d0584e2bcc07075c3725767920efb85

function jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 428129bf6e8f49c7024c8c5428edca13

function jobferry.check_specs(specs jobferry.job_spec[], mode text)
  returns void
  plpgsql immutable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 91deea225f0b4d4a691c4f0175f2157d

function jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone)
  returns TABLE(id uuid, task text, payload text, attempt smallint, owner text, progress real, error text, checkpoint text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body 44bafbe9e0f42ce749d8af2115f93e80

function jobferry.clear_away(ids uuid[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body bfe5802d86f1f3da9b91b808178403bb

function jobferry.compact_queue(most_octets bigint)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=20ms
  owner jobferry_engine, body 85fb5a3d4eb39fd128c7af89c31a81b3

function jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body 7609bd7dcd77f10e838d6e304ac121e2

function jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text)
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 8993ea3e1e07493c0105d5059cc72101

function jobferry.complete_job(worker_id text, job_id uuid, result jsonb)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 2ea89d8d9684ccbe84cb895676be5bce

function jobferry.complete_jobs(job_ids uuid[])
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 6baa3c329d6cb26a37353847b435a331

function jobferry.count_owner_jobs()
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 07cfc9f98ee0b30ef75d1dd7aeb839b9

function jobferry.delegate(task text, engine text, schema_name text, queue text, foreign_task text)
  returns jobferry.delegates
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 4d38dcc04aec5f35bb38768b3ecfff06

function jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 369336fda5e1fa7adbe9f6a7ebe86f3f

function jobferry.delegated_failed(job_id uuid, attempt integer, message text, final boolean, retry_in interval, code text, detail text)
  returns interval
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body cfbd58367cb8b9d763ce6a71f0b82cdd

function jobferry.delegated_progress(job_id uuid, attempt integer, progress real)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 64c4cbe4ae9bcc9c588a3f97dcf8ebbf

function jobferry.delegated_started(job_id uuid)
  returns TABLE(attempt integer, max_attempts integer, task text, payload jsonb, owner text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9fe2a17148b772e698a5fb5a9c326bd8

function jobferry.delegates_check()
  returns TABLE(job_id uuid, task text, engine text, foreign_id text, finding text, detail text)
  plpgsql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body ba87953189766f686b9a7c72bf20cd68

function jobferry.dequeue_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 2df8b0f56549bbee37576a0e03ca373a

function jobferry.disable_tenant_rls()
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp set client_min_messages=warning
  owner whoever migrates, body d1eed89f207a64ba023eb5c636040c06

function jobferry.drop_taken_keys(ids uuid[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 7b0e69aa55f12910fc6b7be18b168eb8

function jobferry.due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer)
  returns TABLE(job_id uuid, task text, priority smallint, run_at timestamp with time zone)
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_bitmapscan=off set enable_sort=off
  owner whoever migrates, body 70fa286e3147e29df15f8b66f92e8e01

function jobferry.due_schedules(at timestamp with time zone, most integer)
  returns TABLE(id bigint, info text, planned_at timestamp with time zone, next_run_at timestamp with time zone, last_scheduled timestamp with time zone, anew boolean, looked_at timestamp with time zone)
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body c92a5e89041ab97cbaa1c84f09b466b1

function jobferry.enable_tenant_rls()
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body f9ba0d68bb9d1e8f4b3278c7dbcdf399

function jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 3997d8ea05a9f37531c456756d73aa63

function jobferry.engine_tables(engine text)
  returns TABLE(name text, inserted boolean, columns text[])
  sql immutable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body e36557f6b6a136423abfca5250770977

function jobferry.enqueue_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9c07b8da2f7daa414bfaa634f95af358

function jobferry.epoch()
  returns text
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body d0ec52cf749d0ca0a4629704f1096a16

function jobferry.erase_batch(owner text, received_by timestamp with time zone, most integer)
  returns TABLE(erased integer, cancelled integer, left_over boolean)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 5ed65a22096757a8f973e039ac810696

function jobferry.erasure()
  returns jsonb
  sql immutable security invoker
  owner whoever migrates, body 9e2bc3898dea3d6fc1f143d7ed13e679

function jobferry.event_detail(status text, error jsonb)
  returns jsonb
  sql immutable security invoker
  owner whoever migrates, body f4d658aed384a5f3fc87b5c3404e56da

function jobferry.fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[], places text[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body 48c598daf3e80231492490bb0c9e6ede

function jobferry.fail_job(worker_id text, job_id uuid, error_message text)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 99a9ef21baaac99f055de9d3736e85a2

function jobferry.few_living(octets bigint)
  returns jobferry.queue[]
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 653be020ed268003d64f33e61d47d463

function jobferry.figures(sample integer)
  returns jsonb
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 8620271e466ea3c0f9bb3e1ebc3434bc

function jobferry.first_event(at timestamp with time zone)
  returns bigint
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 7db26e6a4b92149b8eed6fda0b36bdd5

function jobferry.first_events(times timestamp with time zone[])
  returns TABLE(at timestamp with time zone, id bigint)
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 5393a5cdf71bc8fc7886fda4beb51f04

function jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body f808b25d82659f875680cbce1ffcb58a

function jobferry.force_unlock_workers(worker_ids text[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 1acf6488840fc2f192cd7ea3838e3384

function jobferry.forget_devices(heard_before timestamp with time zone, most integer)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body a56a207343044f0bc0b4ae33d8fe5b0b

function jobferry.forget_history(jobs uuid[], why jsonb)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_archivist, body 2f2052da7c0f7a9c192c199402eb4cba

function jobferry.forget_tombstones(older_than timestamp with time zone, most integer)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 4b1fa6b33d565be09e0dd8ecda0013ec

function jobferry.free_expired()
  returns integer
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body e47f9e6f9d6371193b26ec53ee9225f6

function jobferry.full_tasks(tasks text[])
  returns text[]
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body e2fd225c45e05dad17658d5a1abcf9de

function jobferry.get_job(worker_id text, task_identifiers text[], job_expiry interval, forbidden_flags text[])
  returns SETOF background_jobs
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body b58bbd3fbb9beacb906c38ac98a3e987

function jobferry.get_jobs(worker_id text, task_identifiers text[], job_expiry interval, n integer, forbidden_flags text[])
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 298c14fc1163678175ab34ec0838ab4a

function jobferry.give_places(ids uuid[])
  returns uuid[]
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body a4dad14f2fdf1505c1dccc311e685e23

function jobferry.gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer)
  returns TABLE(version xid8, job_id uuid)
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 00fca736988a37ec99896704adede350

function jobferry.grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean)
  returns void
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body e4d701530cd19c58df8e0a2b1c11aec5

function jobferry.guard_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 34bf966af119a05c068e75cc303a25d8

function jobferry.hand_over(ids uuid[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 4bf910f0a6026f5041d205d8563f9758

function jobferry.hand_over_added()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body ca3a58027841b2633f479cf07745b57d

function jobferry.hand_over_left(most integer)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 1aa90dd536d57bc446e79cfb7c7ffeb9

function jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[])
  returns integer
  plpgsql volatile security invoker
  owner whoever migrates, body 4f6f53af70b2f44c81c7a14a54ba8c6d

function jobferry.heartbeat(processor text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body eaf58b7262249b65718e3296cf19f8dd

function jobferry.held_attempt(worker_id text, job_id uuid)
  returns smallint
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 0f19f32245013cc96af82ad8550c954c

function jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[])
  returns TABLE(id uuid, attempt smallint, verdict text)
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 77291ad0480146236dc194776ab933b8

function jobferry.hold_delegated(job uuid, attempt integer)
  returns jobferry.queue
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body ea67c55d3a37a41c6cb8a52234a4d004

function jobferry.hold_jobs(ids uuid[])
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 6c0b546732569adca63854ae0c70fad1

function jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 12580063e320a09a874208a50145e161

function jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 5aa922ecba7af1f7fe9e4f5ac9019636

function jobferry.is_erased(job background_jobs)
  returns boolean
  sql immutable security invoker
  owner whoever migrates, body e5fe524f59e4f97f547f9413e7bb6f90

function jobferry.items_at(list jsonb, places integer[])
  returns jsonb
  sql immutable security invoker
  owner whoever migrates, body 6fcbba3671e698adc25c3bcb02e98a64

function jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid)
  returns background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 1d3f535e68680c0a59cc95051dd35e36

function jobferry.job_with_key(owner text, job_key text)
  returns SETOF background_jobs
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body d4639b2de0917210676915e49833bafb

function jobferry.key_lock(owner text, job_key text)
  returns bigint
  sql immutable security invoker
  owner whoever migrates, body 95b645e6d815160694cf83e45f3c5c76

function jobferry.keyed_jobs(owners text[], job_keys text[])
  returns TABLE(id uuid, owner text, job_key text, running boolean)
  sql stable security invoker
  owner whoever migrates, body 753ef58d7d08e3c64eaa86c7ec528850

function jobferry.lease_key(processor text)
  returns bigint
  sql immutable security invoker
  owner whoever migrates, body c5b08e4dbf61b8aa3faac25cf4421189

function jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text)
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body 9677d4e6d361b75f6c6517c455b85152

function jobferry.let_go(job uuid)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body f5adcf2dc9d60d9dae7745e28de96745

function jobferry.limit_key(task text)
  returns bigint
  sql immutable security invoker
  owner whoever migrates, body f3a87133fc9aa139e606d7e6969d16c2

function jobferry.limit_task(task text, max_running integer)
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 40076de60cab6e84a60beeadf58fd596

function jobferry.load_crontab(crontab text, entries json)
  returns TABLE(name text, change text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 7774c5bb1fade3d721f38c67c2eb65d4

function jobferry.lock_failed_keys(ids uuid[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 48c215885fbe3013e8c07d76562a0e05

function jobferry.make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[])
  returns record
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off
  owner whoever migrates, body 2739d7102407ce06bba0633215515c70

function jobferry.moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer)
  returns SETOF background_jobs
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body da2398c52f39eb96010462e6409164ca

function jobferry.named_heads(tasks text[], forbidden_flags text[], most integer)
  returns uuid[]
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 18d22e930bd0d48f73bd4b5d552a826b

function jobferry.new_id(microseconds bigint)
  returns uuid
  sql volatile security invoker
  owner whoever migrates, body aa1c963342f031b3792267778d7d4b04

function jobferry.no_limit()
  returns integer
  sql immutable security invoker
  owner whoever migrates, body 951304c33c073593945aacfff305e22b

function jobferry.note_administration(event text, detail jsonb)
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body c7abe40587fad3cd04ac3eeb7589939d

function jobferry.note_delegated(job background_jobs, event text, actor text, detail jsonb)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 3737eed6fcf8873c292b059e6d8389ba

function jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[], gone boolean[], silence_seconds double precision, rejected_jobs text[], rejected_codes text[], rejected_messages text[])
  returns void
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 4043065ef3813ed32b2b30d392aa6dd4

function jobferry.note_heirs(ids uuid[], owner text, job_keys text[])
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 0e5815807ee88e565720cb106b0beb1f

function jobferry.note_overtaken(ids uuid[], heirs uuid[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 0c512ed1a6ea00a42dc6bd0a279a1ee5

function jobferry.note_traces(job_ids uuid[], traceparents text[])
  returns void
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 95127e34e27faa734e6f4e506c48fe8b

function jobferry.obey(said jobferry.trigger_order, payload jsonb)
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body fa7d39957846a1585331b1027e8e8dab

function jobferry.oldest_snapshot(OUT seconds double precision, OUT transactions bigint)
  returns record
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body f1880196a0645700bf3447ab496ced48

function jobferry.oldest_waiting()
  returns double precision
  sql stable security definer set search_path=pg_catalog, pg_temp set enable_seqscan=off set enable_sort=off
  owner jobferry_engine, body 9f82a5b7514aab0e8674aab84f983f9f

function jobferry.open_engine(engine text, schema_name text)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 0edc5588ef4101edbf388a748d54e597

function jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint)
  returns TABLE(number integer, code text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body a4c6c88ee8aeb15bc181b0ec17c95c14

function jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body f0b1b15d96efc4b7b4db4f16a731be92

function jobferry.pause_queue(queue_name text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 39ac147ef14b4b675f9b2c8f328be418

function jobferry.pause_scheduled_job(id bigint)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 5fb14977e8381c36133dee6156fb4f7f

function jobferry.pause_task(task text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body e1108f156d9d3d0c1b0e4773f63bf13d

function jobferry.permanently_fail_jobs(job_ids uuid[], error_message text)
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 78f3f766551ca921a78aa6cfef88f280

function jobferry.places(task text)
  returns bigint
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 1f7fec1b74c4093d90e6e4648879edcc

function jobferry.plan_anew()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body d265a546ee73cba8428467e3862060ae

function jobferry.prefixes_in_sight(who name)
  returns text[]
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 5cd862cb8adef5e48c091f2e752fcfa7

function jobferry.process_job_discreetly()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body 8740583a1c3a547fdbd555355a7cc6d9

function jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body 6f1951be3cfcb8c88c0ebe986f95ef01

function jobferry.progress_job(worker_id text, job_id uuid, progress real)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 5891504750ee31f23d94811c492028a7

function jobferry.prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer)
  returns uuid[]
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body cad5a170d35acce46bf15ef4deef29eb

function jobferry.prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer)
  returns uuid[]
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 5f081142908f70e6463953046e2832d0

function jobferry.prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text)
  returns TABLE(jobs integer, events integer)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 7764463a70fdccdb576ca2cdfc9df832

function jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 86574e80401fd7436dd08883e168c877

function jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off
  owner whoever migrates, body 9738c740b41dda246897346972dd8f24

function jobferry.queue_depth(sample integer)
  returns TABLE(task text, jobs bigint)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9db3d7ff8ef8cb2e86c58d3064e6bf0e

function jobferry.read_order(arguments text[], line jsonb, usual text[])
  returns jobferry.trigger_order
  plpgsql immutable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 77669a2951e8f239a827cd9823d680c6

function jobferry.reap(lease interval)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body ab33200beba6d047c8a97d66670b749a

function jobferry.refuse_left_out()
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 04555ac9cbece4935ab5d73a4bb0cbaf

function jobferry.refuse_rewriting_history()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body d276b629725c31bf7a391e16351ca2c7

function jobferry.register_processor(processor text, tasks text[], version text)
  returns void
  sql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body cbd0764de46b5a6d19429851d37b61c4

function jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set random_page_cost=1
  owner jobferry_engine, body 931b2e0420fb1a76e166633aa8383ee6

function jobferry.release_failed_keys(owners text[], job_keys text[])
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 5e66698a8955e6415371a3b2cbf77b53

function jobferry.release_jobs(worker_id text)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body ab141801dd3f16fc76c68025b2a7aa76

function jobferry.release_keys(ids uuid[])
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body d12489f1036d5af78941e5a8395fe739

function jobferry.release_unknown(processor text, known uuid[])
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 627670f5a7652a31f14d741122d5820f

function jobferry.remove_job(job_key text, owner text)
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body d905166ae6aafa70e5e891215ae1626a

function jobferry.remove_scheduled_job(id bigint)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 0b6b05fbea5da5abf8011a1e0cc66bcf

function jobferry.replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 02b73bb7c2c6994ef60600a9286752ab

function jobferry.requeue_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body c6016aadc3cf91cdc65b730624e8cc4a

function jobferry.reschedule_jobs(job_ids uuid[], run_at timestamp with time zone, priority integer, attempts integer, max_attempts integer)
  returns SETOF background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 1bd1d0c572e8ea3594fc2d863f2ca1e1

function jobferry.resend_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9822d586350510e7a2afd32a8264d968

function jobferry.resume_queue(queue_name text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body b27c35e0ce5ba9b956fab4c71dbbf82f

function jobferry.resume_scheduled_job(id bigint)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 504f009745abfd1dd1e25d1e9f5df321

function jobferry.resume_task(task text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 7ee9e6d4e96e2871d64bcac8175f7119

function jobferry.revoke_owner(owner text, issued_before timestamp with time zone, reason text)
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 88e4d4be31b49a75150b189b9070b847

function jobferry.revoke_sight(role regrole)
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body c2e66c6223b6b3f2d280beb586ba74e9

function jobferry.revoke_token(token_id text, expires_at timestamp with time zone, reason text)
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 76fd7483d71e7e02a38a10e847f6104d

function jobferry.ring_for(owner text)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 28cc71baf2fcc7ea7cecae9139b2f956

function jobferry.ring_queue()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body 93c3452b99a5d56131ad28697e70e9fd

function jobferry.ring_revocations()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body 04796cce89339ee98b2a334633f305a6

function jobferry.ring_scheduler()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body bc96b608b4c0eea204849d66b8e979e2

function jobferry.run_scheduled_job(id bigint, job_expiry interval)
  returns background_jobs
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 6392f2ac9ced48dac17643d41147595b

function jobferry.seen_in_engine(engine text, schema_name text, foreign_id text, queue text)
  returns TABLE(state text, ended boolean)
  plpgsql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body d7b04042a5ea3d8657ad29df18bb288f

function jobferry.send_to_engine(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=1s
  owner jobferry_engine, body 21739cfcb0e82fd6831253953e6b5465

function jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body d94cc09a52496fbe8ca6897798376ea4

function jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body ceda3dde39741d41c51ff2a2f0044c36

function jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body e30cb70a264fcfaf59a2377f516f11c3

function jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body fc41b98a846a6107c7f2e16756d08c74

function jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[])
  returns void
  plpgsql volatile security invoker
  owner whoever migrates, body 3db7d4911eacad9c40944fe429f9985e

function jobferry.settle_functions()
  returns None
  plpgsql volatile security invoker
  owner whoever migrates, body 2741e5d1b67871ce812e0b1ab589381b

function jobferry.settle_restored()
  returns bigint
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 0f4b46d56057bd9f31909ed7e15cbaf9

function jobferry.sights_of(who name)
  returns SETOF jobferry.sights
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 9c90344f9e3033ea8580e97690fd0bee

function jobferry.stamp_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 5920191e901ef8947499ccfa26f6fb36

function jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone)
  returns text
  sql stable security invoker
  owner whoever migrates, body 2f1978546f164e0ad6fc2a9380e489e8

function jobferry.stop_delegated()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 4deb8aaebd0f8e6beb90ea7020d9f943

function jobferry.stop_in_engine(it jobferry.delegated, interrupt boolean)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=1s
  owner jobferry_engine, body 532e1a86b055bd25f14641e6afb35dcb

function jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[])
  returns TABLE(number integer, code text)
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 96a32e8c2614bab03af0fef79de076c3

function jobferry.take_back(ids uuid[])
  returns integer
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body e4cd3d6594d2150527b7b9fef6dff31e

function jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[])
  returns void
  sql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 0bfd5e20fa2fa7021c79d7a0464e9d69

function jobferry.tell_by(teller regprocedure)
  returns void
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body fa0dcfc46fbae4be9c1e6bd7738d6965

function jobferry.tenants_in_sight(who name)
  returns uuid[]
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 12e7c1016b14f45d978b4f01b0565436

function jobferry.tg_add_job_with_fields()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_trigger, body bb1fe4f8627d05d1371a69a56b7c4825

function jobferry.tg_add_job_with_row()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_trigger, body da9db13b2941ec7900e5f20637632956

function jobferry.tg_add_job_with_row_id()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_trigger, body f126d73fc1d72ca9bb65277327e9d21f

function jobferry.trigger_job()
  returns trigger
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_trigger, body a31ed3d2daaac2eb3a44eddcc34a1ecf

function jobferry.try_hold_jobs(ids uuid[])
  returns uuid[]
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body bb98b60589370f2a6b59f502e49cae47

function jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid)
  returns SETOF background_jobs
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body c5e86676d79e9935f8a991bf4b277071

function jobferry.undelegate(task text)
  returns boolean
  plpgsql volatile security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body 7f8042ad35c692e082db24d8bd0346ac

function jobferry.unregister_processor(processor text)
  returns void
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body a26f7439bfa06e8721c607bb7c8498d6

function jobferry.unrevoke_owner(owner text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body d8474c1d7eaf35a0c1525bfa88ee1a8a

function jobferry.unrevoke_token(token_id text)
  returns boolean
  plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body 4a3a6c6102510089bfd7a9203e7bcb42

function jobferry.unserved_tasks()
  returns TABLE(task text, jobs bigint)
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body c1166f707486d1188b75ec7269377f18

function jobferry.until_next_slot(at timestamp with time zone)
  returns double precision
  sql stable security definer set search_path=pg_catalog, pg_temp
  owner jobferry_engine, body b6d6de6335ccce5f48b86ead46463c70

function jobferry.waiting_of(ids uuid[])
  returns uuid[]
  sql stable security invoker set search_path=pg_catalog, pg_temp
  owner whoever migrates, body fd315e72b4d692ce4eb0a09f94cfb0ca

function public.process_job()
  returns trigger
  plpgsql volatile security invoker
  owner whoever migrates, body aa106347e07adec34b9a0c91cb79206a

grant insert, update on column jobferry.scheduled_jobs(database_id) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(job_key) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(max_attempts) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(name) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(owner) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(payload) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(priority) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(queue_name) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(schedule_info) to jobferry_producer
grant insert, update on column jobferry.scheduled_jobs(task_identifier) to jobferry_producer
grant update on column public.background_job_events(detail) to jobferry_archivist
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
grant execute on function jobferry.actor to jobferry_engine
grant execute on function jobferry.add_job to jobferry_admin
grant execute on function jobferry.add_job to jobferry_processor
grant execute on function jobferry.add_job to jobferry_producer
grant execute on function jobferry.add_job to jobferry_trigger
grant execute on function jobferry.add_jobs to jobferry_admin
grant execute on function jobferry.add_jobs to jobferry_processor
grant execute on function jobferry.add_jobs to jobferry_producer
grant execute on function jobferry.add_one to jobferry_engine
grant execute on function jobferry.add_scheduled_job to jobferry_processor
grant execute on function jobferry.add_scheduled_job to jobferry_producer
grant execute on function jobferry.add_slot to jobferry_engine
grant execute on function jobferry.advance_schedule to jobferry_processor
grant execute on function jobferry.announce to jobferry_engine
grant execute on function jobferry.asker to jobferry_archivist
grant execute on function jobferry.asker to jobferry_engine
grant execute on function jobferry.backoff to jobferry_engine
grant execute on function jobferry.begin_epoch to jobferry_admin
grant execute on function jobferry.begin_epoch to jobferry_gateway
grant execute on function jobferry.begin_job to jobferry_engine
grant execute on function jobferry.blank_history to jobferry_engine
grant execute on function jobferry.cancel_batch to jobferry_gateway
grant execute on function jobferry.cancel_jobs to jobferry_admin
grant execute on function jobferry.cancel_postponed to jobferry_gateway
grant execute on function jobferry.changes_page to jobferry_gateway
grant execute on function jobferry.check_specs to jobferry_engine
grant execute on function jobferry.claim to jobferry_processor
grant execute on function jobferry.clear_away to jobferry_engine
grant execute on function jobferry.compact_queue to jobferry_processor
grant execute on function jobferry.complete_held to jobferry_processor
grant execute on function jobferry.complete_job to jobferry_processor
grant execute on function jobferry.complete_jobs to jobferry_admin
grant execute on function jobferry.count_owner_jobs to jobferry_gateway
grant execute on function jobferry.delegated_completed to jobferry_processor
grant execute on function jobferry.delegated_failed to jobferry_processor
grant execute on function jobferry.delegated_progress to jobferry_processor
grant execute on function jobferry.delegated_started to jobferry_processor
grant execute on function jobferry.delegates_check to jobferry_auditor
grant execute on function jobferry.delegates_check to jobferry_processor
grant execute on function jobferry.drop_taken_keys to jobferry_engine
grant execute on function jobferry.due_jobs to jobferry_engine
grant execute on function jobferry.due_schedules to jobferry_processor
grant execute on function jobferry.end_jobs to jobferry_engine
grant execute on function jobferry.epoch to jobferry_admin
grant execute on function jobferry.epoch to jobferry_gateway
grant execute on function jobferry.erase_batch to jobferry_admin
grant execute on function jobferry.erasure to jobferry_archivist
grant execute on function jobferry.erasure to jobferry_engine
grant execute on function jobferry.event_detail to jobferry_engine
grant execute on function jobferry.fail_job to jobferry_processor
grant execute on function jobferry.few_living to jobferry_engine
grant execute on function jobferry.figures to jobferry_admin
grant execute on function jobferry.figures to jobferry_auditor
grant execute on function jobferry.figures to jobferry_gateway
grant execute on function jobferry.figures to jobferry_processor
grant execute on function jobferry.first_event to jobferry_admin
grant execute on function jobferry.first_event to jobferry_auditor
grant execute on function jobferry.first_events to jobferry_admin
grant execute on function jobferry.first_events to jobferry_auditor
grant execute on function jobferry.flush to jobferry_processor
grant execute on function jobferry.force_unlock_workers to jobferry_admin
grant execute on function jobferry.forget_devices to jobferry_admin
grant execute on function jobferry.forget_history to jobferry_engine
grant execute on function jobferry.forget_tombstones to jobferry_admin
grant execute on function jobferry.free_expired to jobferry_engine
grant execute on function jobferry.full_tasks to jobferry_engine
grant execute on function jobferry.get_job to jobferry_processor
grant execute on function jobferry.get_jobs to jobferry_processor
grant execute on function jobferry.give_places to jobferry_engine
grant execute on function jobferry.gone_page to jobferry_gateway
grant execute on function jobferry.grant_sight to jobferry_admin
grant execute on function jobferry.hand_over_left to jobferry_processor
grant execute on function jobferry.hand_over_some to jobferry_engine
grant execute on function jobferry.heartbeat to jobferry_processor
grant execute on function jobferry.held_attempt to jobferry_engine
grant execute on function jobferry.held_up to jobferry_engine
grant execute on function jobferry.hold_delegated to jobferry_engine
grant execute on function jobferry.hold_jobs to jobferry_engine
grant execute on function jobferry.insert_job to jobferry_engine
grant execute on function jobferry.insert_jobs to jobferry_engine
grant execute on function jobferry.is_erased to jobferry_engine
grant execute on function jobferry.items_at to jobferry_engine
grant execute on function jobferry.job_or_insert to jobferry_engine
grant execute on function jobferry.job_with_key to jobferry_engine
grant execute on function jobferry.key_lock to jobferry_engine
grant execute on function jobferry.keyed_jobs to jobferry_engine
grant execute on function jobferry.lease_key to jobferry_engine
grant execute on function jobferry.leave_behind to jobferry_engine
grant execute on function jobferry.let_go to jobferry_engine
grant execute on function jobferry.limit_key to jobferry_engine
grant execute on function jobferry.limit_task to jobferry_admin
grant execute on function jobferry.limit_task to jobferry_processor
grant execute on function jobferry.load_crontab to jobferry_processor
grant execute on function jobferry.lock_failed_keys to jobferry_engine
grant execute on function jobferry.make_way to jobferry_engine
grant execute on function jobferry.moved_page to jobferry_gateway
grant execute on function jobferry.named_heads to jobferry_engine
grant execute on function jobferry.new_id to jobferry_engine
grant execute on function jobferry.no_limit to jobferry_admin
grant execute on function jobferry.no_limit to jobferry_auditor
grant execute on function jobferry.no_limit to jobferry_engine
grant execute on function jobferry.note_administration to jobferry_engine
grant execute on function jobferry.note_delegated to jobferry_engine
grant execute on function jobferry.note_devices to jobferry_gateway
grant execute on function jobferry.note_heirs to jobferry_engine
grant execute on function jobferry.note_overtaken to jobferry_engine
grant execute on function jobferry.note_traces to jobferry_gateway
grant execute on function jobferry.note_traces to jobferry_processor
grant execute on function jobferry.note_traces to jobferry_producer
grant execute on function jobferry.obey to jobferry_trigger
grant execute on function jobferry.over_limit to jobferry_gateway
grant execute on function jobferry.pass_key_on to jobferry_engine
grant execute on function jobferry.pause_queue to jobferry_admin
grant execute on function jobferry.pause_scheduled_job to jobferry_admin
grant execute on function jobferry.pause_task to jobferry_admin
grant execute on function jobferry.permanently_fail_jobs to jobferry_admin
grant execute on function jobferry.places to jobferry_engine
grant execute on function jobferry.prefixes_in_sight to jobferry_viewer
grant execute on function jobferry.progress_job to jobferry_processor
grant execute on function jobferry.prunable_history to jobferry_admin
grant execute on function jobferry.prunable_jobs to jobferry_admin
grant execute on function jobferry.prune_jobs to jobferry_admin
grant execute on function jobferry.put_jobs to jobferry_engine
grant execute on function jobferry.put_keyed to jobferry_engine
grant execute on function jobferry.read_order to jobferry_trigger
grant execute on function jobferry.reap to jobferry_processor
grant execute on function jobferry.refuse_left_out to jobferry_engine
grant execute on function jobferry.register_processor to jobferry_processor
grant execute on function jobferry.release_failed_keys to jobferry_engine
grant execute on function jobferry.release_jobs to jobferry_processor
grant execute on function jobferry.release_keys to jobferry_engine
grant execute on function jobferry.release_unknown to jobferry_processor
grant execute on function jobferry.remove_job to jobferry_admin
grant execute on function jobferry.remove_scheduled_job to jobferry_processor
grant execute on function jobferry.remove_scheduled_job to jobferry_producer
grant execute on function jobferry.replace_jobs to jobferry_engine
grant execute on function jobferry.reschedule_jobs to jobferry_admin
grant execute on function jobferry.resume_queue to jobferry_admin
grant execute on function jobferry.resume_scheduled_job to jobferry_admin
grant execute on function jobferry.resume_task to jobferry_admin
grant execute on function jobferry.revoke_owner to jobferry_admin
grant execute on function jobferry.revoke_sight to jobferry_admin
grant execute on function jobferry.revoke_token to jobferry_admin
grant execute on function jobferry.ring_for to jobferry_engine
grant execute on function jobferry.run_scheduled_job to jobferry_admin
grant execute on function jobferry.run_scheduled_job to jobferry_processor
grant execute on function jobferry.run_scheduled_job to jobferry_producer
grant execute on function jobferry.send_to_graphile_worker to jobferry_engine
grant execute on function jobferry.send_to_oban to jobferry_engine
grant execute on function jobferry.send_to_pg_boss to jobferry_engine
grant execute on function jobferry.send_to_pgqueuer to jobferry_engine
grant execute on function jobferry.send_to_procrastinate to jobferry_engine
grant execute on function jobferry.settle_restored to jobferry_gateway
grant execute on function jobferry.sights_of to jobferry_viewer
grant execute on function jobferry.status_of to jobferry_engine
grant execute on function jobferry.submit_batch to jobferry_gateway
grant execute on function jobferry.tell_again to jobferry_engine
grant execute on function jobferry.tenants_in_sight to jobferry_viewer
grant execute on function jobferry.tg_add_job_with_fields to jobferry_producer
grant execute on function jobferry.tg_add_job_with_row to jobferry_producer
grant execute on function jobferry.tg_add_job_with_row_id to jobferry_producer
grant execute on function jobferry.trigger_job to jobferry_producer
grant execute on function jobferry.try_hold_jobs to jobferry_engine
grant execute on function jobferry.try_keyed to jobferry_engine
grant execute on function jobferry.unregister_processor to jobferry_processor
grant execute on function jobferry.unrevoke_owner to jobferry_admin
grant execute on function jobferry.unrevoke_token to jobferry_admin
grant execute on function jobferry.unserved_tasks to jobferry_processor
grant execute on function jobferry.until_next_slot to jobferry_processor
grant execute on function jobferry.waiting_of to jobferry_engine
grant execute on function public.process_job to public
grant create, usage on schema jobferry to jobferry_archivist
grant create, usage on schema jobferry to jobferry_engine
grant usage on schema jobferry to jobferry_admin
grant usage on schema jobferry to jobferry_auditor
grant usage on schema jobferry to jobferry_gateway
grant usage on schema jobferry to jobferry_processor
grant usage on schema jobferry to jobferry_producer
grant usage on schema jobferry to jobferry_trigger
grant usage on schema jobferry to jobferry_viewer
grant usage on sequence public.background_job_events_id_seq to jobferry_engine
grant delete, insert, select, update on table jobferry.delegated to jobferry_engine
grant select on table jobferry.delegated to jobferry_auditor
grant select on table jobferry.delegates to jobferry_admin
grant select on table jobferry.delegates to jobferry_auditor
grant select on table jobferry.delegates to jobferry_engine
grant delete, insert, select, update on table jobferry.devices to jobferry_engine
grant select on table jobferry.devices to jobferry_admin
grant select on table jobferry.devices to jobferry_auditor
grant select on table jobferry.devices to jobferry_gateway
grant select on table jobferry.identity to jobferry_auditor
grant select on table jobferry.identity to jobferry_gateway
grant select on table jobferry.identity to jobferry_processor
grant select, update on table jobferry.identity to jobferry_engine
grant select on table jobferry.job_queues to jobferry_admin
grant select on table jobferry.job_queues to jobferry_auditor
grant select on table jobferry.job_queues to jobferry_processor
grant delete, insert, select, update on table jobferry.left_behind to jobferry_engine
grant select on table jobferry.left_behind to jobferry_auditor
grant delete, insert, select, update on table jobferry.limited_jobs to jobferry_engine
grant select on table jobferry.limited_jobs to jobferry_admin
grant select on table jobferry.limited_jobs to jobferry_auditor
grant select on table jobferry.limited_jobs to jobferry_processor
grant select on table jobferry.migrations to jobferry_admin
grant select on table jobferry.migrations to jobferry_auditor
grant select on table jobferry.migrations to jobferry_gateway
grant select on table jobferry.migrations to jobferry_processor
grant insert, select, update on table jobferry.owner_jobs to jobferry_engine
grant select on table jobferry.owner_jobs to jobferry_auditor
grant delete, insert, select, update on table jobferry.paused_queues to jobferry_engine
grant select on table jobferry.paused_queues to jobferry_admin
grant select on table jobferry.paused_queues to jobferry_auditor
grant delete, insert, select, update on table jobferry.postponed_cancels to jobferry_engine
grant select on table jobferry.postponed_cancels to jobferry_auditor
grant delete, insert, select, update on table jobferry.processors to jobferry_engine
grant select on table jobferry.processors to jobferry_admin
grant select on table jobferry.processors to jobferry_auditor
grant select on table jobferry.processors to jobferry_processor
grant delete, insert, select, truncate, update on table jobferry.queue to jobferry_engine
grant select on table jobferry.queue to jobferry_admin
grant select on table jobferry.queue to jobferry_auditor
grant select on table jobferry.queue to jobferry_processor
grant select on table jobferry.retention to jobferry_auditor
grant select on table jobferry.retention to jobferry_gateway
grant select, update on table jobferry.retention to jobferry_engine
grant delete, insert, select, update on table jobferry.revocations to jobferry_engine
grant select on table jobferry.revocations to jobferry_admin
grant select on table jobferry.revocations to jobferry_auditor
grant select on table jobferry.revocations to jobferry_gateway
grant delete, insert, select, update on table jobferry.scheduled_jobs to jobferry_engine
grant delete, select on table jobferry.scheduled_jobs to jobferry_producer
grant select on table jobferry.scheduled_jobs to jobferry_admin
grant select on table jobferry.scheduled_jobs to jobferry_auditor
grant select on table jobferry.scheduled_jobs to jobferry_processor
grant delete, insert, select on table jobferry.sights to jobferry_engine
grant select on table jobferry.sights to jobferry_admin
grant select on table jobferry.sights to jobferry_auditor
grant delete, insert, select, update on table jobferry.task_limits to jobferry_engine
grant select on table jobferry.task_limits to jobferry_admin
grant select on table jobferry.task_limits to jobferry_auditor
grant select on table jobferry.task_limits to jobferry_processor
grant delete, insert, select, update on table jobferry.tombstones to jobferry_engine
grant select on table jobferry.tombstones to jobferry_auditor
grant select on table jobferry.tombstones to jobferry_gateway
grant insert, select on table jobferry.traces to jobferry_engine
grant select on table jobferry.traces to jobferry_auditor
grant select on table jobferry.traces to jobferry_processor
grant select on table jobferry.transitions to jobferry_admin
grant select on table jobferry.transitions to jobferry_auditor
grant select on table jobferry.transitions to jobferry_engine
grant delete, insert, select on table public.background_job_events to jobferry_archivist
grant insert, select on table public.background_job_events to jobferry_engine
grant select on table public.background_job_events to jobferry_admin
grant select on table public.background_job_events to jobferry_auditor
grant select on table public.background_job_events to jobferry_viewer
grant delete, insert, select, update on table public.background_jobs to jobferry_engine
grant select on table public.background_jobs to jobferry_admin
grant select on table public.background_jobs to jobferry_archivist
grant select on table public.background_jobs to jobferry_auditor
grant select on table public.background_jobs to jobferry_gateway
grant select on table public.background_jobs to jobferry_processor
grant select on table public.background_jobs to jobferry_viewer
