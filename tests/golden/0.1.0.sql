--
-- PostgreSQL database dump
--


-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: jobferry; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA jobferry;


ALTER SCHEMA jobferry OWNER TO CURRENT_USER;

--
-- Name: job_spec; Type: TYPE; Schema: jobferry; Owner: postgres
--

CREATE TYPE jobferry.job_spec AS (
	identifier text,
	payload json,
	queue_name text,
	run_at timestamp with time zone,
	max_attempts integer,
	job_key text,
	priority integer,
	flags text[]
);


ALTER TYPE jobferry.job_spec OWNER TO CURRENT_USER;

--
-- Name: trigger_order; Type: TYPE; Schema: jobferry; Owner: postgres
--

CREATE TYPE jobferry.trigger_order AS (
	task text,
	columns text[],
	owner text,
	database_id uuid
);


ALTER TYPE jobferry.trigger_order OWNER TO CURRENT_USER;

--
-- Name: actor(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.actor(holder text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ select case when starts_with(holder, 'worker ') then holder else 'processor ' || holder end $$;


ALTER FUNCTION jobferry.actor(holder text) OWNER TO CURRENT_USER;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: background_jobs; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.background_jobs (
    id uuid NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    payload jsonb NOT NULL,
    completed boolean DEFAULT false NOT NULL,
    cancelled boolean DEFAULT false NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    result jsonb,
    submitted_by text,
    client_id uuid,
    task text DEFAULT 'default'::text NOT NULL,
    queue_name text,
    priority smallint DEFAULT 0 NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    job_key text,
    flags text[],
    database_id uuid,
    status text DEFAULT 'queued'::text NOT NULL,
    error jsonb,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    created xid8 DEFAULT pg_current_xact_id() NOT NULL,
    version xid8 DEFAULT pg_current_xact_id() NOT NULL,
    revised xid8,
    CONSTRAINT background_jobs_attempts CHECK (((attempts >= 0) AND (max_attempts >= 1))),
    CONSTRAINT background_jobs_cancelled CHECK ((cancelled = (status = 'cancelled'::text))),
    CONSTRAINT background_jobs_completed CHECK ((completed = (status = 'completed'::text))),
    CONSTRAINT background_jobs_finished CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT background_jobs_flags CHECK ((array_ndims(flags) = 1)),
    CONSTRAINT background_jobs_not_both CHECK ((NOT (completed AND cancelled))),
    CONSTRAINT background_jobs_progress CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision))),
    CONSTRAINT background_jobs_status CHECK ((status = ANY (ARRAY['scheduled'::text, 'queued'::text, 'running'::text, 'retrying'::text, 'completed'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT background_jobs_times CHECK ((("timestamp" >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND ("timestamp" < '9999-12-31 00:00:00+00'::timestamp with time zone) AND (run_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (run_at < '9999-12-31 00:00:00+00'::timestamp with time zone) AND (started_at >= '0001-01-02 00:00:00+00'::timestamp with time zone) AND (started_at < '9999-12-31 00:00:00+00'::timestamp with time zone)))
);


ALTER TABLE public.background_jobs OWNER TO CURRENT_USER;

--
-- Name: TABLE background_jobs; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.background_jobs IS 'The ledger: one row for every job there ever was.';


--
-- Name: COLUMN background_jobs.id; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.id IS 'Made by whoever submits, so that a submit can be repeated. A version 7 UUID sorts by time and is cheapest.';


--
-- Name: COLUMN background_jobs."timestamp"; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs."timestamp" IS 'When it was submitted, by the submitter''s clock, which may be wrong.';


--
-- Name: COLUMN background_jobs.payload; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.payload IS 'What the handler is given.';


--
-- Name: COLUMN background_jobs.completed; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.completed IS 'Whether it ended well. A processor of the recipe sets it.';


--
-- Name: COLUMN background_jobs.cancelled; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.cancelled IS 'Whether it was cancelled. Set it to cancel.';


--
-- Name: COLUMN background_jobs.progress; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.progress IS 'How far it is, from 0 to 1.';


--
-- Name: COLUMN background_jobs.result; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.result IS 'What the handler returned.';


--
-- Name: COLUMN background_jobs.submitted_by; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.submitted_by IS 'The owner: the subject of the token it was sent with. Null for the server''s own.';


--
-- Name: COLUMN background_jobs.client_id; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.client_id IS 'The device it was submitted on.';


--
-- Name: COLUMN background_jobs.task; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.task IS 'The name of the handler that is to run it.';


--
-- Name: COLUMN background_jobs.queue_name; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.queue_name IS 'Jobs of one name run one at a time.';


--
-- Name: COLUMN background_jobs.priority; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.priority IS 'Lower runs first; then by run_at, then by id.';


--
-- Name: COLUMN background_jobs.run_at; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.run_at IS 'Not before this. On the device null means at once, by the server''s clock.';


--
-- Name: COLUMN background_jobs.max_attempts; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.max_attempts IS 'How often it is tried before it has failed.';


--
-- Name: COLUMN background_jobs.attempts; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.attempts IS 'How often it was begun.';


--
-- Name: COLUMN background_jobs.job_key; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.job_key IS 'At most one unfinished job of an owner has a given key.';


--
-- Name: COLUMN background_jobs.flags; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.flags IS 'Words by which a processor may leave it alone.';


--
-- Name: COLUMN background_jobs.database_id; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.database_id IS 'The tenant: passed through, or the token''s.';


--
-- Name: COLUMN background_jobs.status; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.status IS 'Where it is in its life: docs/job-states.md.';


--
-- Name: COLUMN background_jobs.error; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.error IS 'Why it failed or will be tried again: a code and a message, both for the owner to read.';


--
-- Name: COLUMN background_jobs.received_at; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.received_at IS 'When it reached the ledger, by the server''s clock.';


--
-- Name: COLUMN background_jobs.started_at; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.started_at IS 'When the current or last attempt began.';


--
-- Name: COLUMN background_jobs.finished_at; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.finished_at IS 'When it ended; null while it has not.';


--
-- Name: COLUMN background_jobs.created; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.created IS 'The transaction that inserted it.';


--
-- Name: COLUMN background_jobs.version; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.version IS 'The transaction that wrote it last: what cursors compare.';


--
-- Name: COLUMN background_jobs.revised; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_jobs.revised IS 'The transaction that last changed what the submitter had said.';


--
-- Name: add_job(uuid, text, json, text, text, timestamp with time zone, integer, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json DEFAULT NULL::json, job_key text DEFAULT NULL::text, queue_name text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, priority integer DEFAULT NULL::integer) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jobferry.add_one(
    row(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, null)::jobferry.job_spec,
    'replace', null, db_id);
end $$;


ALTER FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer) OWNER TO jobferry_engine;

--
-- Name: add_job(text, json, text, timestamp with time zone, integer, text, integer, text[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_job(identifier text, payload json DEFAULT NULL::json, queue_name text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, job_key text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, flags text[] DEFAULT NULL::text[], job_key_mode text DEFAULT 'replace'::text, owner text DEFAULT NULL::text, database_id uuid DEFAULT NULL::uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jobferry.add_one(
    row(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;


ALTER FUNCTION jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) OWNER TO jobferry_engine;

--
-- Name: add_job(text, jsonb, text, timestamp with time zone, integer, text, integer, text[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, job_key text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, flags text[] DEFAULT NULL::text[], job_key_mode text DEFAULT 'replace'::text, owner text DEFAULT NULL::text, database_id uuid DEFAULT NULL::uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jobferry.add_one(
    row(identifier, payload::json, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;


ALTER FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) OWNER TO jobferry_engine;

--
-- Name: add_job(text, text, text, timestamp with time zone, integer, text, integer, text[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_job(identifier text, payload text, queue_name text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, job_key text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, flags text[] DEFAULT NULL::text[], job_key_mode text DEFAULT 'replace'::text, owner text DEFAULT NULL::text, database_id uuid DEFAULT NULL::uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jobferry.add_one(
    row(identifier, payload::json, queue_name, run_at, max_attempts, job_key, priority, flags)::jobferry.job_spec,
    coalesce(job_key_mode, 'replace'), owner, database_id);
end $$;


ALTER FUNCTION jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) OWNER TO jobferry_engine;

--
-- Name: add_jobs(jobferry.job_spec[], boolean, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean DEFAULT false, owner text DEFAULT NULL::text, database_id uuid DEFAULT NULL::uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  mode text := case when job_key_preserve_run_at then 'preserve_run_at' else 'replace' end;
begin
  if cardinality(specs) > 0 then
    perform jobferry.check_specs(specs, mode);
    return query select * from jobferry.put_jobs(specs, mode, owner, database_id);
  end if;
end $$;


ALTER FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid) OWNER TO jobferry_engine;

--
-- Name: add_one(jobferry.job_spec, text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  job public.background_jobs;
begin
  perform jobferry.check_specs(array[spec], mode);
  if spec.job_key is null then
    job := jobferry.insert_job(spec, owner, database_id);
    perform jobferry.ring_for(owner);
  elsif mode = 'unsafe_dedupe' then
    job := jobferry.job_or_insert(spec, owner, database_id);
  else
    select * into strict job from jobferry.put_jobs(array[spec], mode, owner, database_id);
  end if;
  return job;
end $$;


ALTER FUNCTION jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: scheduled_jobs; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.scheduled_jobs (
    id bigint NOT NULL,
    database_id uuid,
    task_identifier text NOT NULL,
    payload json DEFAULT '{}'::json,
    schedule_info json NOT NULL,
    job_key text,
    queue_name text,
    max_attempts integer DEFAULT 25 NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    last_scheduled timestamp with time zone,
    last_scheduled_id uuid,
    owner text,
    name text,
    crontab text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    planned_at timestamp with time zone,
    next_run_at timestamp with time zone,
    last_missed timestamp with time zone,
    error text,
    paused_at timestamp with time zone,
    CONSTRAINT scheduled_jobs_job_key_check CHECK ((job_key <> ''::text)),
    CONSTRAINT scheduled_jobs_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 32767))),
    CONSTRAINT scheduled_jobs_name_check CHECK ((name <> ''::text)),
    CONSTRAINT scheduled_jobs_payload_check CHECK ((json_typeof(payload) = 'object'::text)),
    CONSTRAINT scheduled_jobs_priority_check CHECK (((priority >= '-32768'::integer) AND (priority <= 32767))),
    CONSTRAINT scheduled_jobs_schedule_info_check CHECK ((json_typeof(schedule_info) = ANY (ARRAY['string'::text, 'object'::text]))),
    CONSTRAINT scheduled_jobs_task_identifier_check CHECK ((task_identifier <> ''::text))
);


ALTER TABLE jobferry.scheduled_jobs OWNER TO CURRENT_USER;

--
-- Name: TABLE scheduled_jobs; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON TABLE jobferry.scheduled_jobs IS 'Schedules: what recurs, and when.';


--
-- Name: COLUMN scheduled_jobs.id; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.id IS 'What run_scheduled_job and remove_scheduled_job take.';


--
-- Name: COLUMN scheduled_jobs.database_id; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.database_id IS 'The jobs'' tenant.';


--
-- Name: COLUMN scheduled_jobs.task_identifier; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.task_identifier IS 'The jobs'' task.';


--
-- Name: COLUMN scheduled_jobs.payload; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.payload IS 'The jobs'' payload, to which "_cron" is added.';


--
-- Name: COLUMN scheduled_jobs.schedule_info; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.schedule_info IS 'When: docs/schedules.md.';


--
-- Name: COLUMN scheduled_jobs.job_key; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.job_key IS 'The jobs'' key.';


--
-- Name: COLUMN scheduled_jobs.queue_name; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.queue_name IS 'The jobs'' named queue.';


--
-- Name: COLUMN scheduled_jobs.max_attempts; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.max_attempts IS 'How often each of the jobs is tried.';


--
-- Name: COLUMN scheduled_jobs.priority; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.priority IS 'The jobs'' priority.';


--
-- Name: COLUMN scheduled_jobs.last_scheduled; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.last_scheduled IS 'The last slot that became a job.';


--
-- Name: COLUMN scheduled_jobs.last_scheduled_id; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.last_scheduled_id IS 'That job.';


--
-- Name: COLUMN scheduled_jobs.owner; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.owner IS 'Whose the jobs are. Null: the server''s own.';


--
-- Name: COLUMN scheduled_jobs.name; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.name IS 'By what a person knows it.';


--
-- Name: COLUMN scheduled_jobs.crontab; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.crontab IS 'The crontab it was loaded from.';


--
-- Name: COLUMN scheduled_jobs.created_at; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.created_at IS 'When it was made.';


--
-- Name: COLUMN scheduled_jobs.planned_at; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.planned_at IS 'When a processor last worked out what follows.';


--
-- Name: COLUMN scheduled_jobs.next_run_at; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.next_run_at IS 'The next slot; null where there is none, or none was worked out yet.';


--
-- Name: COLUMN scheduled_jobs.last_missed; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.last_missed IS 'The slot from which on some were last missed.';


--
-- Name: COLUMN scheduled_jobs.error; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.error IS 'What is wrong with it; such a schedule does not run.';


--
-- Name: COLUMN scheduled_jobs.paused_at; Type: COMMENT; Schema: jobferry; Owner: postgres
--

COMMENT ON COLUMN jobferry.scheduled_jobs.paused_at IS 'Since when it makes no jobs; null while it does.';


--
-- Name: add_scheduled_job(text, json, json, text, text, integer, integer, text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_scheduled_job(identifier text, payload json DEFAULT NULL::json, schedule_info json DEFAULT NULL::json, job_key text DEFAULT NULL::text, queue_name text DEFAULT NULL::text, max_attempts integer DEFAULT NULL::integer, priority integer DEFAULT NULL::integer, owner text DEFAULT NULL::text, name text DEFAULT NULL::text) RETURNS jobferry.scheduled_jobs
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobferry.add_scheduled_job(null::uuid, identifier, payload, schedule_info, job_key, queue_name, max_attempts, priority, owner, name)
$$;


ALTER FUNCTION jobferry.add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) OWNER TO jobferry_engine;

--
-- Name: add_scheduled_job(text, text, text, text, text, integer, integer, text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_scheduled_job(identifier text, payload text DEFAULT NULL::text, schedule_info text DEFAULT NULL::text, job_key text DEFAULT NULL::text, queue_name text DEFAULT NULL::text, max_attempts integer DEFAULT NULL::integer, priority integer DEFAULT NULL::integer, owner text DEFAULT NULL::text, name text DEFAULT NULL::text) RETURNS jobferry.scheduled_jobs
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobferry.add_scheduled_job(null::uuid, identifier, payload::json,
    case when schedule_info ~ '^\s*[{"]' then schedule_info::json else to_json(schedule_info) end,
    job_key, queue_name, max_attempts, priority, owner, name)
$$;


ALTER FUNCTION jobferry.add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) OWNER TO jobferry_engine;

--
-- Name: add_scheduled_job(uuid, text, json, json, text, text, integer, integer, text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.add_scheduled_job(db_id uuid, identifier text, payload json DEFAULT NULL::json, schedule_info json DEFAULT NULL::json, job_key text DEFAULT NULL::text, queue_name text DEFAULT NULL::text, max_attempts integer DEFAULT NULL::integer, priority integer DEFAULT NULL::integer, owner text DEFAULT NULL::text, name text DEFAULT NULL::text) RETURNS jobferry.scheduled_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  added jobferry.scheduled_jobs;
begin
  if schedule_info is null then
    raise exception 'the schedule of % does not say when', coalesce(identifier, 'nothing')
      using errcode = 'JF050', hint = 'Give a schedule_info, such as ''{"hour": [2]}''.';
  end if;
  insert into jobferry.scheduled_jobs (database_id, task_identifier, payload, schedule_info, job_key, queue_name,
    max_attempts, priority, owner, name)
  values (db_id, identifier, coalesce(payload, '{}'), schedule_info, job_key, queue_name,
    coalesce(max_attempts, 25), coalesce(priority, 0), owner, name)
  returning * into added;
  return added;
end $$;


ALTER FUNCTION jobferry.add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) OWNER TO jobferry_engine;

--
-- Name: add_slot(jobferry.scheduled_jobs, timestamp with time zone, boolean); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean) RETURNS public.background_jobs
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobferry.add_job(
    identifier := schedule.task_identifier,
    payload := (coalesce(schedule.payload::jsonb, '{}') || jsonb_build_object('_cron', jsonb_build_object(
      'ts', to_char(slot at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'backfilled', backfilled)))::json,
    queue_name := schedule.queue_name, run_at := slot, max_attempts := schedule.max_attempts,
    job_key := schedule.job_key, priority := schedule.priority, owner := schedule.owner,
    database_id := schedule.database_id)
$$;


ALTER FUNCTION jobferry.add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean) OWNER TO CURRENT_USER;

--
-- Name: advance_schedule(bigint, text, timestamp with time zone, timestamp with time zone, timestamp with time zone, timestamp with time zone[], boolean[], timestamp with time zone, timestamp with time zone, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text) RETURNS uuid[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  one jobferry.scheduled_jobs;
  jobs uuid[] := '{}';
begin
  select * into one from jobferry.scheduled_jobs s
  where s.id = schedule and s.schedule_info::text = info
    and s.planned_at is not distinct from planned and s.next_run_at is not distinct from due
  for update skip locked;
  if not found then
    return null;
  end if;
  for number in 1 .. cardinality(slots) loop
    jobs := jobs || (jobferry.add_slot(one, slots[number], backfilled[number])).id;
  end loop;
  update jobferry.scheduled_jobs s
  set planned_at = at, next_run_at = following, error = problem, last_missed = coalesce(missed, s.last_missed),
    last_scheduled = coalesce(slots[cardinality(slots)], s.last_scheduled),
    last_scheduled_id = coalesce(jobs[cardinality(slots)], s.last_scheduled_id)
  where s.id = schedule;
  return jobs;
end $$;


ALTER FUNCTION jobferry.advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text) OWNER TO jobferry_engine;

--
-- Name: announce(text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.announce(owners text[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_notify('jobferry_changes', owner) from unnest(owners) owner where octet_length(owner) < 7900
$$;


ALTER FUNCTION jobferry.announce(owners text[]) OWNER TO CURRENT_USER;

--
-- Name: announce_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.announce_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if octet_length(NEW.submitted_by) < 7900 then
    perform pg_notify('jobferry_changes', NEW.submitted_by);
  end if;
  return null;
end $$;


ALTER FUNCTION jobferry.announce_job() OWNER TO jobferry_engine;

--
-- Name: asker(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.asker() RETURNS text
    LANGUAGE sql STABLE
    AS $$ select session_user || coalesce(' for ' || left(nullif(current_setting('jobferry.actor', true), ''), 255), '') $$;


ALTER FUNCTION jobferry.asker() OWNER TO CURRENT_USER;

--
-- Name: audit_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.audit_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  old_status text;
begin
  if tg_op = 'DELETE' then
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    values (OLD.id, OLD.submitted_by, 'deleted', OLD.attempts, jobferry.asker());
    return null;
  end if;
  old_status := case when tg_op = 'UPDATE' then OLD.status end;
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select NEW.id, NEW.submitted_by, t.event, NEW.attempts, jobferry.asker(), jobferry.event_detail(NEW.status, NEW.error)
  from jobferry.transitions t where t.source is not distinct from old_status and t.target = NEW.status;
  return null;
end $$;


ALTER FUNCTION jobferry.audit_job() OWNER TO jobferry_engine;

--
-- Name: backoff(integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.backoff(attempts integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    AS $$ select make_interval(secs => exp(least(attempts, 10))) $$;


ALTER FUNCTION jobferry.backoff(attempts integer) OWNER TO CURRENT_USER;

--
-- Name: begin_epoch(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.begin_epoch(was text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from jobferry.identity for update;
  update jobferry.identity set id = gen_random_uuid() where jobferry.epoch() = was;
  return found;
end $$;


ALTER FUNCTION jobferry.begin_epoch(was text) OWNER TO jobferry_engine;

--
-- Name: begin_job(text, uuid, timestamp with time zone); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  begun public.background_jobs;
  entry jobferry.queue;
begin
  perform from public.background_jobs b where b.id = job and b.finished_at is null for no key update skip locked;
  if not found then
    return;
  end if;
  update jobferry.queue q
  set locked_by = processor, locked_until = until, attempts = least(q.attempts, 32766) + 1
  where q.job_id = job returning q.* into entry;
  update public.background_jobs b
  set status = 'running', attempts = entry.attempts, started_at = coalesce(b.started_at, now()), version = pg_current_xact_id()
  where b.id = job returning b.* into begun;
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  values (job, begun.submitted_by, 'started', begun.attempts, jobferry.actor(processor));
  if octet_length(begun.submitted_by) < 7900 then
    perform pg_notify('jobferry_changes', begun.submitted_by);
  end if;
  id := begun.id; task := entry.task; payload := coalesce(entry.rest, begun.payload)::text; attempt := begun.attempts;
  owner := begun.submitted_by; progress := begun.progress; error := begun.error::text; checkpoint := entry.checkpoint::text;
end $$;


ALTER FUNCTION jobferry.begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text) OWNER TO CURRENT_USER;

--
-- Name: blank_history(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_archivist
--

CREATE FUNCTION jobferry.blank_history(jobs uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update public.background_job_events e set detail = '{"code": "erased"}'
  where e.job_id = any (jobs) and e.detail is not null
    and exists (select from public.background_jobs b where b.id = e.job_id and b.error = jobferry.erasure());
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  select b.id, b.submitted_by, 'erased', b.attempts, jobferry.asker()
  from public.background_jobs b where b.id = any (jobs) and b.error = jobferry.erasure();
$$;


ALTER FUNCTION jobferry.blank_history(jobs uuid[]) OWNER TO jobferry_archivist;

--
-- Name: bury_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.bury_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into jobferry.tombstones (job_id, owner) values (OLD.id, OLD.submitted_by)
  on conflict (job_id) do update set owner = excluded.owner, version = excluded.version, at = excluded.at;
  perform jobferry.announce(array[OLD.submitted_by]);
  return null;
end $$;


ALTER FUNCTION jobferry.bury_job() OWNER TO jobferry_engine;

--
-- Name: cancel_batch(uuid[], text[], uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[]) RETURNS TABLE(number integer, code text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  done uuid[];
  owners_hit text[];
begin
  with wanted as materialized (
    select b.id, i.client_id
    from unnest(ids, owners, client_ids) i(id, owner, client_id)
    join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
    where b.finished_at is null
    for update of b skip locked
  ),
  hit as (
    update public.background_jobs b
    set cancelled = true, status = 'cancelled', finished_at = now(), version = pg_current_xact_id()
    from (select distinct on (id) id, client_id from wanted) w where b.id = w.id
    returning b.id, b.submitted_by, b.attempts, w.client_id
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'cancelled', attempts, 'device ' || client_id from hit
  )
  select array_agg(id), array_agg(distinct submitted_by) into done, owners_hit from hit;
  perform jobferry.announce(owners_hit);

  delete from jobferry.queue
  where job_id in (select q.job_id from jobferry.queue q where q.job_id = any (done) for update skip locked);

  insert into jobferry.postponed_cancels (job_id, owner, client_id)
  select distinct on (b.id) b.id, i.owner, i.client_id
  from unnest(ids, owners, client_ids) i(id, owner, client_id)
  join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
  where b.finished_at is null
  on conflict do nothing;

  return query
    select i.number::integer, case when b.id is null then 'not_found' else 'postponed' end
    from unnest(ids, owners) with ordinality i(id, owner, number)
    left join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner
    where b.finished_at is null;
end $$;


ALTER FUNCTION jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: cancel_jobs(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.cancel_jobs(job_ids uuid[]) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(job_ids, 'cancelled', null, jobferry.asker(), null);
end $$;


ALTER FUNCTION jobferry.cancel_jobs(job_ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: cancel_postponed(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.cancel_postponed() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  remaining integer;
begin
  perform jobferry.cancel_batch(array_agg(job_id), array_agg(owner), array_agg(client_id))
  from jobferry.postponed_cancels having count(*) > 0;
  delete from jobferry.postponed_cancels p
  where not exists (select from public.background_jobs b where b.id = p.job_id and b.finished_at is null);
  select count(*) into remaining from jobferry.postponed_cancels;
  return remaining;
end $$;


ALTER FUNCTION jobferry.cancel_postponed() OWNER TO jobferry_engine;

--
-- Name: changes_page(text, uuid, pg_snapshot, pg_snapshot, xid8, uuid, boolean, integer, integer, boolean); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean DEFAULT NULL::boolean) RETURNS TABLE(room integer, job public.background_jobs)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
declare
  number integer := 0;
  -- The transactions from whose rows on there may be something to read, and up to which.
  lows xid8[];
  highs xid8[] := '{}';
begin
  room := max_bytes;
  if gone is distinct from true then
    if pg_snapshot_xmax(since)::text::bigint - pg_snapshot_xmin(since)::text::bigint > 1000 then
      highs := array(select pg_snapshot_xip(since) order by 1);
    end if;
    -- A device may send back a cursor that was never ours, with thousands of them.
    if cardinality(highs) between 1 and 20 then
      lows := highs || pg_snapshot_xmax(since);
    else
      highs := '{}';
      lows := array[coalesce(pg_snapshot_xmin(since), '0')];
    end if;
    highs := highs || '9223372036854775807'::xid8;
    for span in 1 .. cardinality(lows) loop
      for job in
        select * from public.background_jobs b
        where b.submitted_by = owner
          and b.version between lows[span] and highs[span]
          and (b.version, b.id) > (coalesce(after_version, '0'::xid8), coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
          and (since is null or not pg_visible_in_snapshot(b.version, since))
          and pg_visible_in_snapshot(b.version, target)
          and (active is null or active = (b.finished_at is null))
          -- A device knows what it has just sent; its acknowledgement said so. (The server's own jobs have none.)
          and (since is null or b.client_id is distinct from device or b.version <> b.created or b.finished_at is not null)
          and (after_version is null or pg_visible_in_snapshot(after_version, target))
        order by b.version, b.id
        limit max_rows - number
      loop
        if since is not null and (job.client_id = device or pg_visible_in_snapshot(job.created, since))
           and (job.revised is null or pg_visible_in_snapshot(job.revised, since)) then
          job.payload := null;
        end if;
        number := number + 1;
        room := room - coalesce(octet_length(job.payload::text), 0) - coalesce(octet_length(job.result::text), 0);
        return next;
        if number >= max_rows or room <= 0 then
          return;
        end if;
      end loop;
    end loop;

    -- On its first page a walk sees all that its target sees.
    if target::text <> pg_current_snapshot()::text then
      for job in
        select * from jobferry.moved_page(owner, device, since, target, after_version, after_id, active, max_rows)
      loop
        number := number + 1;
        room := room - octet_length(job.payload::text) - coalesce(octet_length(job.result::text), 0);
        return next;
        if number >= max_rows or room <= 0 then
          return;
        end if;
      end loop;
    end if;
  end if;

  if gone is not null and since is not null then
    job := null;
    for job.version, job.id in
      select * from jobferry.gone_page(owner, since, target,
        case when gone then after_version end, case when gone then after_id end, max_rows - number)
    loop
      return next;
    end loop;
  end if;
end $$;


ALTER FUNCTION jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean) OWNER TO CURRENT_USER;

--
-- Name: check_engine(text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.check_engine(engine text, schema_name text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  wrong text;
begin
  if not exists (select from jobferry.engine_tables(engine)) then
    raise exception 'there is no engine %', engine
      using errcode = 'JF060', hint = 'It is one of procrastinate, pgqueuer, graphile-worker, pg-boss, oban.';
  end if;
  select string_agg(t.name || coalesce('.' || wanted.name, ''), ', ') into wrong
  from jobferry.engine_tables(engine) t
  left join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
  left join lateral unnest(t.columns) wanted(name) on c.oid is not null
  where c.oid is null or not exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attname = wanted.name and not a.attisdropped);
  if wrong is not null then
    raise exception '% is not in schema % as this Jobferry knows it: % is missing', engine, schema_name, wrong
      using errcode = 'JF061', hint = 'Run the engine''s own migrations first, or name its schema.';
  end if;
  select string_agg(t.name || '.' || a.attname, ', ') into wrong
  from jobferry.engine_tables(engine) t
  join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where t.inserted and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attname <> all (t.columns);
  if wrong is not null then
    raise exception '% in schema % has a version that this Jobferry does not know: % wants a value', engine, schema_name, wrong
      using errcode = 'JF061', hint = 'Look for a newer Jobferry, or keep the older version of the engine.';
  end if;
end $$;


ALTER FUNCTION jobferry.check_engine(engine text, schema_name text) OWNER TO CURRENT_USER;

--
-- Name: check_running(text, uuid[], smallint[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[]) RETURNS TABLE(id uuid, attempt smallint, verdict text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  perform jobferry.clear_away(ids);
  return query
    select i.id, i.attempt, case when b.cancelled then 'cancelled' else 'lost' end
    from unnest(ids, attempt_numbers) i(id, attempt)
    left join public.background_jobs b on b.id = i.id
    where not exists (
      select from jobferry.queue q where q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt);
end $$;


ALTER FUNCTION jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[]) OWNER TO jobferry_engine;

--
-- Name: check_specs(jobferry.job_spec[], text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.check_specs(specs jobferry.job_spec[], mode text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  said record;
begin
  if mode not in ('replace', 'preserve_run_at', 'unsafe_dedupe') then
    raise exception 'there is no job_key_mode %', quote_literal(mode)
      using errcode = 'JF020', hint = 'It is replace, preserve_run_at or unsafe_dedupe.';
  end if;
  select bool_or(coalesce(identifier, '') = '') as nameless, bool_or(max_attempts < 1) as never,
    bool_or(job_key = '') as keyless, count(job_key) > count(distinct job_key) as twice
  into said from unnest(specs);
  if said.nameless then
    raise exception 'a job needs an identifier' using errcode = 'JF021', hint = 'The name of the task that is to run it.';
  elsif said.never then
    raise exception 'max_attempts is less than 1' using errcode = 'JF022', hint = 'Leave it out for the default, 25.';
  elsif said.keyless then
    raise exception 'a job_key is empty' using errcode = 'JF023', hint = 'Pass null for a job without a key.';
  elsif said.twice then
    raise exception 'two of these jobs have the same job_key' using errcode = 'JF024', hint = 'Each key once in one call.';
  end if;
end $$;


ALTER FUNCTION jobferry.check_specs(specs jobferry.job_spec[], mode text) OWNER TO CURRENT_USER;

--
-- Name: claim(text, text[], text[], integer, timestamp with time zone); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(id uuid, task text, payload text, attempt smallint, owner text, progress real, error text, checkpoint text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
#variable_conflict use_column
declare
  heads uuid[];
  limits text[];
  full_now text[];
  said record;
  found record;
  -- The search goes on behind this place.
  after_priority smallint := -32768;
  after_run_at timestamptz := '-infinity';
  after_id uuid := '00000000-0000-0000-0000-000000000000';
  reach integer := most;
  number integer := 0;
  first uuid[];
  passed_over uuid[];
begin
  if until is null then
    perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  end if;
  -- In one look: on an idle queue each statement counts.
  select exists (select from jobferry.processors p where p.id = processor) as registered,
    exists (select from jobferry.queue q where q.queue_name is not null) as named,
    (select array_agg(l.task) from jobferry.task_limits l where tasks is null or l.task = any (tasks)) as limits
  into said;
  limits := said.limits;
  if until is null and not said.registered then
    raise exception 'processor % is not registered', processor
      using errcode = 'JF010', hint = 'Its lease ran out and its jobs were given away; register again.';
  end if;
  if said.named then
    heads := jobferry.named_heads(tasks, forbidden_flags, most);
  end if;

  if limits is null then
    first := array(select d.job_id from jobferry.due_jobs(
      tasks, forbidden_flags, heads, null, after_priority, after_run_at, after_id, least(most, 2)) d);
    if cardinality(first) = 0 then
      return;
    elsif cardinality(first) = 1 then
      found := jobferry.begin_job(processor, first[1], until);
      if found.id is not null then
        id := found.id; task := found.task; payload := found.payload; attempt := found.attempt; owner := found.owner;
        progress := found.progress; error := found.error; checkpoint := found.checkpoint;
        return next;
        return;
      end if;
    end if;
  end if;
  loop
    if limits is not null then
      full_now := jobferry.full_tasks(limits);
      exit when tasks <@ full_now;
    end if;
    for found in
      with due as materialized (
        select * from jobferry.due_jobs(
          tasks, forbidden_flags, heads, full_now, after_priority, after_run_at, after_id, reach)
      ),
      free as materialized (
        select due.* from due join public.background_jobs b on b.id = due.job_id
        where limits is null or due.task <> all (limits) or due.job_id = any (array(
          select unnest(jobferry.give_places(array(
            select d.job_id from due d where d.task = any (limits) order by d.priority, d.run_at, d.job_id)))))
        order by due.priority, due.run_at, due.job_id
        limit most - number
        for no key update of b skip locked
      ),
      taken as (
        -- One attempt more than a smallint has would stop the claim, and with it all others.
        update jobferry.queue q
        set locked_by = processor, locked_until = until, attempts = least(q.attempts, 32766) + 1,
          limited = case when q.task = any (limits) then true end
        from free f where q.job_id = f.job_id
        returning f.*, q.attempts, q.checkpoint, q.rest
      ),
      started as (
        update public.background_jobs b
        set status = 'running', attempts = t.attempts, started_at = coalesce(b.started_at, now()),
          version = pg_current_xact_id()
        from taken t where b.id = t.job_id and b.finished_at is null
        returning b.id, t.task, coalesce(t.rest, b.payload) as payload, b.attempts, b.submitted_by, b.progress, b.error,
          t.checkpoint, t.priority, t.run_at
      ),
      audited as (
        insert into public.background_job_events (job_id, owner, event, attempt, actor)
        select s.id, s.submitted_by, 'started', s.attempts, jobferry.actor(processor) from started s
      ),
      announced as materialized (
        select pg_notify('jobferry_changes', o.submitted_by)
        from (select distinct submitted_by from started where octet_length(submitted_by) < 7900) o
      )
      select s.id, s.task, s.payload::text, s.attempts, s.submitted_by, s.progress, s.error::text, s.checkpoint::text,
        (select array_agg(due.job_id) from due where due.job_id not in (select id from started)) as passed_over
      from (select count(*) from announced) a left join started s on true
      order by s.priority, s.run_at, s.id
    loop
      if found.id is not null then
        number := number + 1;
        id := found.id; task := found.task; payload := found.payload; attempt := found.attempts; owner := found.submitted_by;
        progress := found.progress; error := found.error; checkpoint := found.checkpoint;
        return next;
      end if;
    end loop;
    passed_over := passed_over || found.passed_over;
    exit when found.passed_over is null or number >= most or reach > 8192;
    reach := reach * 2;
    select q.priority, q.run_at, q.job_id into after_priority, after_run_at, after_id from jobferry.queue q
    where q.job_id = any (found.passed_over) order by q.priority desc, q.run_at desc, q.job_id desc limit 1;
  end loop;

  if passed_over is not null then
    perform jobferry.clear_away(passed_over);
  end if;
end $$;


ALTER FUNCTION jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone) OWNER TO jobferry_engine;

--
-- Name: clear_away(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.clear_away(ids uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from jobferry.queue q
  where q.job_id = any (ids)
    and not exists (select from public.background_jobs b where b.id = q.job_id and b.finished_at is null)
$$;


ALTER FUNCTION jobferry.clear_away(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: compact_queue(bigint); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.compact_queue(most_octets bigint DEFAULT 4000000) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '20ms'
    AS $$
declare
  octets bigint := pg_relation_size('jobferry.queue'::regclass);
  living jobferry.queue[];
begin
  -- What others have added since an older snapshot it would not see, and throw away.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the queue is compacted in READ COMMITTED transactions, not %', upper(current_setting('transaction_isolation'))
      using errcode = 'JF031', hint = 'Compact it in a transaction of its own.';
  end if;
  if octets < most_octets or jobferry.few_living(octets) is null then
    return false;
  end if;
  begin
    lock table jobferry.queue in access exclusive mode;
  exception when lock_not_available then
    return false;
  end;
  living := jobferry.few_living(octets);
  if living is null then
    return false;
  end if;
  truncate jobferry.queue;
  insert into jobferry.queue select l.* from unnest(living) l;
  return true;
end $$;


ALTER FUNCTION jobferry.compact_queue(most_octets bigint) OWNER TO jobferry_engine;

--
-- Name: complete_batch(text, uuid[], smallint[], text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.* from unnest(ids, attempt_numbers, results) i(id, attempt, result)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as (
    delete from jobferry.queue q using free f
    where q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    returning q.job_id, f.result
  ),
  done as (
    update public.background_jobs b
    set completed = true, status = 'completed', progress = 1, result = h.result::jsonb, error = null,
      finished_at = now(), version = pg_current_xact_id()
    from held h where b.id = h.job_id and b.finished_at is null
    returning b.id, b.submitted_by, b.attempts
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'completed', attempts, jobferry.actor(processor) from done
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from done;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;


ALTER FUNCTION jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]) OWNER TO jobferry_engine;

--
-- Name: complete_held(text, uuid, smallint, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform set_config('idle_in_transaction_session_timeout', '5s', true);
  perform from public.background_jobs b where b.id = job for no key update;
  perform jobferry.complete_batch(processor, array[job], array[attempt_number], array[result]);
  if not exists (select from public.background_jobs b
      where b.id = job and b.status = 'completed' and b.version = pg_current_xact_id()) then
    raise exception 'job % is not held by processor % any more', job, processor
      using errcode = 'JF012', hint = 'It was cancelled or given to somebody else; what its handler did is rolled back.';
  end if;
end $$;


ALTER FUNCTION jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text) OWNER TO jobferry_engine;

--
-- Name: complete_job(text, uuid, jsonb); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.complete_job(worker_id text, job_id uuid, result jsonb DEFAULT NULL::jsonb) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  job public.background_jobs;
begin
  perform jobferry.complete_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)], array[result::text]);
  select b.* into job from public.background_jobs b where b.id = complete_job.job_id;
  return job;
end $$;


ALTER FUNCTION jobferry.complete_job(worker_id text, job_id uuid, result jsonb) OWNER TO jobferry_engine;

--
-- Name: complete_jobs(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.complete_jobs(job_ids uuid[]) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(jobferry.waiting_of(job_ids), 'completed', null, jobferry.asker(), null);
end $$;


ALTER FUNCTION jobferry.complete_jobs(job_ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: count_owner_jobs(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.count_owner_jobs() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  seen record;
begin
  -- One snapshot for both: what it sees let in it also sees in the queue.
  select array_agg(owner) as owners, array_agg(coalesce(c.number, 0) - coalesce(o.let_in, 0)) as rests into seen
  from jobferry.owner_jobs o
  full join (
    select b.submitted_by as owner, count(*) as number
    from jobferry.queue q join public.background_jobs b on b.id = q.job_id
    where b.submitted_by is not null
    group by b.submitted_by
  ) c using (owner);

  insert into jobferry.owner_jobs as o (owner, at_most)
  select * from unnest(seen.owners, seen.rests) s(owner, rest) order by s.owner
  on conflict (owner) do update set at_most = excluded.at_most + o.let_in;
end $$;


ALTER FUNCTION jobferry.count_owner_jobs() OWNER TO jobferry_engine;

--
-- Name: delegates; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.delegates (
    task text NOT NULL,
    engine text NOT NULL,
    schema_name text NOT NULL,
    queue text,
    foreign_task text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT delegates_engine_check CHECK ((engine = ANY (ARRAY['procrastinate'::text, 'pgqueuer'::text, 'graphile-worker'::text, 'pg-boss'::text, 'oban'::text])))
);


ALTER TABLE jobferry.delegates OWNER TO CURRENT_USER;

--
-- Name: delegate(text, text, text, text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.delegate(task text, engine text, schema_name text DEFAULT NULL::text, queue text DEFAULT NULL::text, foreign_task text DEFAULT NULL::text) RETURNS jobferry.delegates
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  made jobferry.delegates;
begin
  schema_name := coalesce(schema_name,
    case engine when 'graphile-worker' then 'graphile_worker' when 'pg-boss' then 'pgboss' else 'public' end);
  queue := coalesce(queue, case engine when 'pg-boss' then coalesce(foreign_task, task) when 'procrastinate' then 'default'
    when 'oban' then 'default' end);
  perform jobferry.check_engine(engine, schema_name);
  perform jobferry.open_engine(engine, schema_name);

  -- Whoever is adding jobs this moment does not know of us yet: wait for them, and let no others begin.
  lock table jobferry.queue in share row exclusive mode;
  insert into jobferry.delegates as d (task, engine, schema_name, queue, foreign_task)
  values (delegate.task, delegate.engine, delegate.schema_name, delegate.queue, coalesce(delegate.foreign_task, delegate.task))
  on conflict on constraint delegates_pkey do update set engine = excluded.engine, schema_name = excluded.schema_name,
    queue = excluded.queue, foreign_task = excluded.foreign_task, registered_at = now()
  returning * into made;
  if not exists (select from pg_trigger t where t.tgrelid = 'jobferry.queue'::regclass and t.tgname = 'hand_over_trigger') then
    create trigger hand_over_trigger after insert on jobferry.queue
      referencing new table as added for each statement execute function jobferry.hand_over_added();
    alter table jobferry.queue enable always trigger hand_over_trigger;
  end if;
  perform jobferry.hand_over(array(
    select q.job_id from jobferry.queue q where q.task = delegate.task and q.locked_by is null));
  return made;
end $$;


ALTER FUNCTION jobferry.delegate(task text, engine text, schema_name text, queue text, foreign_task text) OWNER TO CURRENT_USER;

--
-- Name: delegated_completed(uuid, integer, jsonb); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb DEFAULT NULL::jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_completed.job_id, attempt);
  job public.background_jobs;
begin
  update public.background_jobs b
  set completed = true, status = 'completed', progress = 1, result = delegated_completed.result, error = null,
    finished_at = now(), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  if job.id is null then
    return false;
  end if;
  perform jobferry.let_go(job.id);
  perform jobferry.note_delegated(job, 'completed', held.locked_by, null);
  return true;
end $$;


ALTER FUNCTION jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb) OWNER TO jobferry_engine;

--
-- Name: delegated_failed(uuid, integer, text, boolean, interval, text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.delegated_failed(job_id uuid, attempt integer, message text, final boolean DEFAULT NULL::boolean, retry_in interval DEFAULT NULL::interval, code text DEFAULT 'handler_error'::text, detail text DEFAULT NULL::text) RETURNS interval
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_failed.job_id, attempt);
  over boolean := coalesce(final, held.attempts >= held.max_attempts);
  delay interval := coalesce(retry_in, jobferry.backoff(held.attempts));
  job public.background_jobs;
begin
  update public.background_jobs b
  set status = case when over then 'failed' else 'retrying' end, finished_at = case when over then now() end,
    run_at = case when over then b.run_at else now() + delay end,
    error = jsonb_build_object('code', delegated_failed.code, 'message', delegated_failed.message), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  if job.id is null then
    return null;
  end if;
  if over then
    perform jobferry.let_go(job.id);
  else
    update jobferry.queue q set run_at = job.run_at where q.job_id = job.id;
  end if;
  perform jobferry.note_delegated(job, job.status, held.locked_by,
    job.error || case when detail is null then '{}' else jsonb_build_object('raised', detail) end);
  return case when not over then delay end;
end $$;


ALTER FUNCTION jobferry.delegated_failed(job_id uuid, attempt integer, message text, final boolean, retry_in interval, code text, detail text) OWNER TO jobferry_engine;

--
-- Name: delegated_progress(uuid, integer, real); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.delegated_progress(job_id uuid, attempt integer, progress real DEFAULT NULL::real) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  held jobferry.queue;
  job public.background_jobs;
begin
  if progress is null then
    return exists (
      select from jobferry.queue q join public.background_jobs b on b.id = q.job_id
      where q.job_id = delegated_progress.job_id and q.locked_by like 'delegate %' and q.attempts = attempt and b.status = 'running');
  end if;
  held := jobferry.hold_delegated(delegated_progress.job_id, attempt);
  update public.background_jobs b
  set progress = least(greatest(delegated_progress.progress, 0), 1), version = pg_current_xact_id()
  where b.id = held.job_id and b.status = 'running'
  returning * into job;
  perform jobferry.announce(array[job.submitted_by]);
  return job.id is not null;
end $$;


ALTER FUNCTION jobferry.delegated_progress(job_id uuid, attempt integer, progress real) OWNER TO jobferry_engine;

--
-- Name: delegated_started(uuid); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.delegated_started(job_id uuid) RETURNS TABLE(attempt integer, max_attempts integer, task text, payload jsonb, owner text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  held jobferry.queue := jobferry.hold_delegated(delegated_started.job_id, null);
  before public.background_jobs;
  job public.background_jobs;
begin
  if held.job_id is null then
    return;
  end if;
  select * into before from public.background_jobs b where b.id = held.job_id;
  -- The engine gives it out again though the last attempt has not ended: its worker is gone.
  if before.status = 'running' then
    perform jobferry.note_delegated(before, 'retrying', held.locked_by,
      jsonb_build_object('code', 'processor_lost', 'message', 'the worker that ran this job died'));
  end if;
  update jobferry.queue q set attempts = least(q.attempts, 32766) + 1 where q.job_id = held.job_id;
  update public.background_jobs b
  set status = 'running', attempts = least(held.attempts, 32766) + 1, started_at = coalesce(b.started_at, now()), version = pg_current_xact_id()
  where b.id = held.job_id returning * into job;
  perform jobferry.note_delegated(job, 'started', held.locked_by, null);
  return query select job.attempts::integer, held.max_attempts::integer, job.task, job.payload, job.submitted_by;
end $$;


ALTER FUNCTION jobferry.delegated_started(job_id uuid) OWNER TO jobferry_engine;

--
-- Name: delegates_check(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.delegates_check() RETURNS TABLE(job_id uuid, task text, engine text, foreign_id text, finding text, detail text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select l.job_id, l.task, d.engine, null, 'left', l.message
    from jobferry.left_behind l join jobferry.delegates d on d.task = l.task
    join jobferry.queue q on q.job_id = l.job_id and q.locked_by is null
    order by l.tried_at;
  return query
    select d.job_id, q.task, d.engine, d.foreign_id, case when s.state is null then 'vanished' else 'ended' end, s.state
    from jobferry.delegated d join jobferry.queue q on q.job_id = d.job_id
    left join lateral jobferry.seen_in_engine(d.engine, d.schema_name, d.foreign_id, d.queue) s on true
    where s.state is null or s.ended
    order by d.handed_over_at, d.job_id;
end $$;


ALTER FUNCTION jobferry.delegates_check() OWNER TO jobferry_engine;

--
-- Name: dequeue_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.dequeue_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from jobferry.queue
  where job_id = (select job_id from jobferry.queue where job_id = OLD.id for update skip locked);
  return null;
end $$;


ALTER FUNCTION jobferry.dequeue_job() OWNER TO jobferry_engine;

--
-- Name: disable_tenant_rls(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.disable_tenant_rls() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET client_min_messages TO 'warning'
    AS $$
begin
  drop policy if exists jobferry_sight on public.background_jobs;
  drop policy if exists jobferry_sight on public.background_job_events;
  alter table public.background_jobs disable row level security;
  alter table public.background_job_events disable row level security;
  perform jobferry.tell_by('public.process_job()');
end $$;


ALTER FUNCTION jobferry.disable_tenant_rls() OWNER TO CURRENT_USER;

--
-- Name: drop_taken_keys(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.drop_taken_keys(ids uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update public.background_jobs b set job_key = null
  where b.id = any (ids) and b.job_key is not null and b.status = 'failed'
    and exists (
      select from public.background_jobs o
      where coalesce(o.submitted_by, '') = coalesce(b.submitted_by, '') and o.job_key = b.job_key and o.id <> b.id
        and (o.finished_at is null or (o.status = 'failed' and o.id = any (ids) and o.id > b.id)))
$$;


ALTER FUNCTION jobferry.drop_taken_keys(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: due_jobs(text[], text[], uuid[], text[], smallint, timestamp with time zone, uuid, integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer) RETURNS TABLE(job_id uuid, task text, priority smallint, run_at timestamp with time zone)
    LANGUAGE plpgsql ROWS 100
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
#variable_conflict use_column
begin
  return query
    select q.job_id, q.task, q.priority, q.run_at from jobferry.queue q
    where (q.priority, q.run_at, q.job_id) > (after_priority, after_run_at, after_id)
      and q.locked_by is null and q.run_at <= now() and (tasks is null or q.task = any (tasks))
      and (q.flags is null or not q.flags && forbidden_flags)
      and (q.queue_name is null or q.job_id = any (heads))
      and (full_now is null or q.task <> all (full_now))
    order by q.priority, q.run_at, q.job_id
    limit most
    for update skip locked;
end $$;


ALTER FUNCTION jobferry.due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer) OWNER TO CURRENT_USER;

--
-- Name: due_schedules(timestamp with time zone, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.due_schedules(at timestamp with time zone, most integer) RETURNS TABLE(id bigint, info text, planned_at timestamp with time zone, next_run_at timestamp with time zone, last_scheduled timestamp with time zone, anew boolean, looked_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.id, s.schedule_info::text, s.planned_at, s.next_run_at, s.last_scheduled,
    s.planned_at is null or s.planned_at > t.now + interval '1 day' or s.next_run_at is null, t.now
  from jobferry.scheduled_jobs s, (select coalesce(at, now()) as now) t
  where s.next_run_at <= t.now or s.planned_at is null or s.planned_at > t.now + interval '1 day'
    or (s.planned_at < t.now - interval '1 hour' and s.next_run_at is null and s.error is not null)
  order by s.next_run_at nulls first, s.id
  limit most
$$;


ALTER FUNCTION jobferry.due_schedules(at timestamp with time zone, most integer) OWNER TO jobferry_engine;

--
-- Name: enable_tenant_rls(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.enable_tenant_rls() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.disable_tenant_rls();

  create policy jobferry_sight on public.background_jobs to jobferry_viewer
    using (database_id = any ((select jobferry.tenants_in_sight(current_user))::uuid[])
      or submitted_by ^@ any ((select jobferry.prefixes_in_sight(current_user))::text[]));
  -- By way of the job, which is subject to its own policy; of one that was pruned there is but the owner.
  create policy jobferry_sight on public.background_job_events for select to jobferry_viewer
    using (owner ^@ any ((select jobferry.prefixes_in_sight(current_user))::text[])
      or exists (select from public.background_jobs b where b.id = job_id));

  alter table public.background_jobs enable row level security;
  alter table public.background_job_events enable row level security;
  perform jobferry.tell_by('jobferry.process_job_discreetly()');
end $$;


ALTER FUNCTION jobferry.enable_tenant_rls() OWNER TO CURRENT_USER;

--
-- Name: end_jobs(uuid[], text, jsonb, text, jsonb); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  owners text[];
begin
  return query
  with ended as (
    update public.background_jobs b
    set status = end_jobs.status, completed = end_jobs.status = 'completed', cancelled = end_jobs.status = 'cancelled',
      progress = case when end_jobs.status = 'completed' then 1 else b.progress end,
      error = case when end_jobs.status = 'cancelled' then b.error else end_jobs.error end,
      finished_at = now(), version = pg_current_xact_id()
    where b.id = any (ids) and b.finished_at is null
    returning b.*
  ),
  dequeued as (delete from jobferry.queue q using ended e where q.job_id = e.id),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select e.id, e.submitted_by, e.status, e.attempts, end_jobs.actor,
      coalesce(end_jobs.detail, jobferry.event_detail(e.status, e.error))
    from ended e
  )
  select * from ended;
  select array_agg(distinct b.submitted_by) into owners from public.background_jobs b where b.id = any (ids);
  perform jobferry.announce(owners);
end $$;


ALTER FUNCTION jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb) OWNER TO CURRENT_USER;

--
-- Name: engine_tables(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.engine_tables(engine text) RETURNS TABLE(name text, inserted boolean, columns text[])
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.name, t.inserted, t.columns from (values
    ('procrastinate', 'procrastinate_jobs', true, array['id', 'queue_name', 'task_name', 'priority', 'lock', 'queueing_lock',
      'args', 'status', 'scheduled_at', 'abort_requested']),
    ('procrastinate', 'procrastinate_events', false, array['id', 'job_id', 'type']),
    ('pgqueuer', 'pgqueuer', true, array['id', 'priority', 'execute_after', 'status', 'entrypoint', 'dedupe_key', 'payload']),
    ('pgqueuer', 'pgqueuer_log', true, array['id', 'job_id', 'status', 'priority', 'entrypoint']),
    ('graphile-worker', 'job_spec', false, array['identifier', 'payload', 'queue_name', 'run_at', 'max_attempts', 'job_key',
      'priority', 'flags']),
    ('graphile-worker', '_private_jobs', false, array['id', 'key', 'locked_at', 'attempts', 'max_attempts']),
    ('graphile-worker', '_private_tasks', false, array['id', 'identifier']),
    ('graphile-worker', '_private_job_queues', false, array['id', 'queue_name']),
    ('pg-boss', 'job', true, array['id', 'name', 'priority', 'data', 'state', 'retry_limit', 'retry_delay', 'retry_backoff',
      'retry_delay_max', 'expire_seconds', 'deletion_seconds', 'heartbeat_seconds', 'singleton_key', 'start_after',
      'keep_until', 'completed_on', 'dead_letter', 'policy']),
    ('pg-boss', 'queue', false, array['name', 'policy', 'retry_delay_max', 'expire_seconds', 'retention_seconds',
      'deletion_seconds', 'heartbeat_seconds', 'dead_letter', 'notify']),
    ('oban', 'oban_jobs', true, array['id', 'state', 'queue', 'worker', 'args', 'max_attempts', 'priority', 'scheduled_at',
      'cancelled_at'])
  ) t(engine, name, inserted, columns) where t.engine = engine_tables.engine
$$;


ALTER FUNCTION jobferry.engine_tables(engine text) OWNER TO CURRENT_USER;

--
-- Name: enqueue_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.enqueue_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
  values (NEW.id, NEW.task, NEW.queue_name, NEW.priority, NEW.run_at, NEW.attempts, NEW.max_attempts, NEW.flags);
  perform pg_notify('jobferry_queue', '');
  return null;
end $$;


ALTER FUNCTION jobferry.enqueue_job() OWNER TO jobferry_engine;

--
-- Name: epoch(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.epoch() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select md5(concat_ws(' ',
    (select system_identifier from pg_control_system()),
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
    (select oid from pg_database where datname = current_database()),
    (select id from jobferry.identity), (select xmin from jobferry.identity)))
$$;


ALTER FUNCTION jobferry.epoch() OWNER TO jobferry_engine;

--
-- Name: FUNCTION epoch(); Type: COMMENT; Schema: jobferry; Owner: jobferry_engine
--

COMMENT ON FUNCTION jobferry.epoch() IS 'Which database this is: another one after a restore, a failover or a copy.';


--
-- Name: erase_batch(text, timestamp with time zone, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.erase_batch(owner text, received_by timestamp with time zone, most integer) RETURNS TABLE(erased integer, cancelled integer, left_over boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  ids uuid[];
begin
  with wanted as materialized (
    select b.id, b.finished_at is null as unfinished from public.background_jobs b
    where b.submitted_by = owner and b.received_at <= received_by and not jobferry.is_erased(b)
    order by b.version limit most
    for update of b skip locked
  ),
  blanked as (
    update public.background_jobs b
    set payload = '{}', result = null, job_key = null, error = jobferry.erasure(),
      cancelled = b.cancelled or w.unfinished, status = case when w.unfinished then 'cancelled' else b.status end,
      finished_at = coalesce(b.finished_at, now()),
      version = pg_current_xact_id(), revised = pg_current_xact_id()
    from wanted w where b.id = w.id
    returning b.id, b.submitted_by, b.attempts, w.unfinished
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'cancelled', attempts, jobferry.asker() from blanked where unfinished
  )
  select count(*), count(*) filter (where unfinished), array_agg(id) into erased, cancelled, ids from blanked;

  if erased > 0 then
    perform jobferry.blank_history(ids);
    delete from jobferry.queue
    where job_id in (select q.job_id from jobferry.queue q where q.job_id = any (ids) for update skip locked);
    perform jobferry.announce(array[owner]);
  end if;
  -- The reason for a rejection may quote the job.
  update jobferry.devices d set rejected_message = 'erased'
  where d.owner = erase_batch.owner and d.rejected_message <> 'erased';
  left_over := exists (
    select from public.background_jobs b
    where b.submitted_by = owner and b.received_at <= received_by and not jobferry.is_erased(b));
  return next;
end $$;


ALTER FUNCTION jobferry.erase_batch(owner text, received_by timestamp with time zone, most integer) OWNER TO jobferry_engine;

--
-- Name: erasure(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.erasure() RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$ select '{"code": "erased", "message": "payload and result were erased"}'::jsonb $$;


ALTER FUNCTION jobferry.erasure() OWNER TO CURRENT_USER;

--
-- Name: event_detail(text, jsonb); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.event_detail(status text, error jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$ select case when status in ('failed', 'retrying') then error end $$;


ALTER FUNCTION jobferry.event_detail(status text, error jsonb) OWNER TO CURRENT_USER;

--
-- Name: fail_batch(text, uuid[], smallint[], text[], boolean[], interval[], text[], text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[], places text[] DEFAULT NULL::text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.payload, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, errors, final, delays, details, places) i(id, attempt, error, final, delay, detail, places)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.error::jsonb as error, f.detail::jsonb as detail,
      case when f.places is not null then jobferry.items_at(coalesce(q.rest, f.payload), f.places::integer[]) end as rest,
      f.final or q.attempts >= q.max_attempts as final,
      greatest(now(), q.run_at) + coalesce(f.delay, jobferry.backoff(q.attempts)) as next_run
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and (h.final or h.over)),
  waiting as (
    update jobferry.queue q
    set locked_by = null, locked_until = null, run_at = h.next_run, rest = coalesce(h.rest, q.rest)
    from held h where q.job_id = h.job_id and not (h.final or h.over)
  ),
  failed as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      run_at = case when h.final then b.run_at else h.next_run end,
      error = h.error, version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.detail
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, jobferry.actor(processor), error || coalesce(detail, '{}') from failed
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from failed;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;


ALTER FUNCTION jobferry.fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[], places text[]) OWNER TO jobferry_engine;

--
-- Name: fail_job(text, uuid, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.fail_job(worker_id text, job_id uuid, error_message text DEFAULT NULL::text) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  job public.background_jobs;
begin
  perform jobferry.fail_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)],
    array[jsonb_build_object('code', 'handler_error', 'message', coalesce(error_message, 'the worker gave no reason'))::text],
    array[false], array[null::interval], array[null::text]);
  select b.* into job from public.background_jobs b where b.id = fail_job.job_id;
  return job;
end $$;


ALTER FUNCTION jobferry.fail_job(worker_id text, job_id uuid, error_message text) OWNER TO jobferry_engine;

--
-- Name: queue; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.queue (
    job_id uuid NOT NULL,
    task text NOT NULL,
    queue_name text,
    priority smallint NOT NULL,
    run_at timestamp with time zone NOT NULL,
    attempts smallint NOT NULL,
    max_attempts smallint NOT NULL,
    flags text[],
    locked_by text,
    locked_until timestamp with time zone,
    checkpoint jsonb,
    rest jsonb,
    limited boolean
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.05');


ALTER TABLE jobferry.queue OWNER TO CURRENT_USER;

--
-- Name: few_living(bigint); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.few_living(octets bigint) RETURNS jobferry.queue[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  most bigint := octets / 1500;
  living jobferry.queue[] := array(select q from jobferry.queue q limit most + 1);
begin
  return case when cardinality(living) <= most then living end;
end $$;


ALTER FUNCTION jobferry.few_living(octets bigint) OWNER TO CURRENT_USER;

--
-- Name: figures(integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.figures(sample integer DEFAULT 20000) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'queue', (select coalesce(jsonb_object_agg(d.task, d.jobs), '{}') from jobferry.queue_depth(sample) d),
    'offered', (select coalesce(jsonb_agg(distinct t), '[]') from jobferry.processors p, unnest(p.tasks) t),
    'delegated', (select coalesce(jsonb_agg(d.task), '[]') from jobferry.delegates d),
    'processors', (select count(*) from jobferry.processors p where p.last_seen > now() - interval '1 minute'),
    'oldest_waiting', jobferry.oldest_waiting(),
    'dead', pg_stat_get_dead_tuples('jobferry.queue'::regclass),
    'ledger', (select greatest(c.reltuples, 0) from pg_class c where c.oid = 'public.background_jobs'::regclass),
    'snapshot', (select to_jsonb(s) from jobferry.oldest_snapshot() s),
    'devices', (
      select jsonb_build_object(
        'known', count(*), 'pending', count(*) filter (where d.pending > 0), 'unsent', coalesce(sum(d.pending), 0),
        'oldest_pending', max(extract(epoch from greatest(least(now() - d.oldest_pending_at, now() - d.first_seen), '0')))
          filter (where d.pending > 0),
        'last_heard', extract(epoch from now() - max(d.last_seen)))
      from jobferry.devices d))
$$;


ALTER FUNCTION jobferry.figures(sample integer) OWNER TO jobferry_engine;

--
-- Name: first_event(timestamp with time zone); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.first_event(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select f.id from jobferry.first_events(array[first_event.at]) f $$;


ALTER FUNCTION jobferry.first_event(at timestamp with time zone) OWNER TO CURRENT_USER;

--
-- Name: first_events(timestamp with time zone[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.first_events(times timestamp with time zone[]) RETURNS TABLE(at timestamp with time zone, id bigint)
    LANGUAGE sql STABLE ROWS 30
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with recursive search (at, low, high) as (
    select wanted.at, coalesce(ends.low, 0), coalesce(ends.high + 1, 0)
    from unnest(times) wanted(at), (select min(e.id) as low, max(e.id) as high from public.background_job_events e) ends
    union all
    select s.at, case when found.at < s.at then found.id + 1 else s.low end, case when found.at < s.at then s.high else middle end
    from search s cross join lateral (select (s.low + s.high) / 2) half(middle) cross join lateral (
      select e.id, e.at from public.background_job_events e where e.id >= middle order by e.id limit 1) found
    where s.low < s.high
  )
  select s.at, least(s.low, s.high) from search s where s.low >= s.high
$$;


ALTER FUNCTION jobferry.first_events(times timestamp with time zone[]) OWNER TO CURRENT_USER;

--
-- Name: flush(text, uuid[], smallint[], text[], uuid[], smallint[], text[], boolean[], interval[], text[], text[], uuid[], smallint[], real[], text[], uuid[], smallint[], interval[], uuid[], smallint[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[]) RETURNS TABLE(id uuid, attempt smallint, verdict text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  missed integer := 0;
begin
  perform pg_advisory_xact_lock_shared(jobferry.lease_key(processor));
  -- First what leaves the fence standing.
  if cardinality(moved) > 0 then
    missed := missed + jobferry.progress_batch(processor, moved, moved_attempts, progresses, checkpoints);
  end if;
  if cardinality(done) > 0 then
    missed := missed + jobferry.complete_batch(processor, done, done_attempts, results);
  end if;
  if cardinality(failed) > 0 then
    missed := missed + jobferry.fail_batch(processor, failed, failed_attempts, errors, final, delays, details, places);
  end if;
  if cardinality(released) > 0 then
    missed := missed + jobferry.release_batch(processor, released, released_attempts, pauses);
  end if;
  if cardinality(running) > 0 then
    return query select * from jobferry.check_running(processor, running, running_attempts);
  end if;
  if missed > 0 then
    return query select * from jobferry.held_up(
      processor, done || failed || moved || released,
      done_attempts || failed_attempts || moved_attempts || released_attempts);
  end if;
end $$;


ALTER FUNCTION jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[]) OWNER TO jobferry_engine;

--
-- Name: force_unlock_workers(text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.force_unlock_workers(worker_ids text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(w.lock)
  from (select distinct jobferry.lease_key(id) as lock from unnest(worker_ids) id order by 1) w;
  update jobferry.queue q set locked_until = '-infinity'
  where q.locked_until is not null and substr(q.locked_by, length('worker ') + 1) = any (worker_ids);
  insert into jobferry.processors (id, tasks, version, last_seen)
  select distinct q.locked_by, '{}'::text[], '', '-infinity'::timestamptz
  from jobferry.queue q where q.locked_by = any (worker_ids) and q.locked_until is null
  on conflict (id) do nothing;
  update jobferry.processors set last_seen = '-infinity' where id = any (worker_ids);
  return jobferry.reap('1000 years');
end $$;


ALTER FUNCTION jobferry.force_unlock_workers(worker_ids text[]) OWNER TO jobferry_engine;

--
-- Name: forget_devices(timestamp with time zone, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.forget_devices(heard_before timestamp with time zone, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  forgotten integer;
begin
  with silent as materialized (
    select d.client_id, d.owner from jobferry.devices d where d.last_seen < heard_before and d.connected_until > now() is not true
    limit most for update skip locked
  )
  delete from jobferry.devices d using silent s where d.client_id = s.client_id and d.owner = s.owner;
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;


ALTER FUNCTION jobferry.forget_devices(heard_before timestamp with time zone, most integer) OWNER TO jobferry_engine;

--
-- Name: forget_history(uuid[], jsonb); Type: FUNCTION; Schema: jobferry; Owner: jobferry_archivist
--

CREATE FUNCTION jobferry.forget_history(jobs uuid[], why jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  forgotten integer;
begin
  delete from public.background_job_events e
  where e.job_id = any (jobs) and e.job_id <> '00000000-0000-0000-0000-000000000000'
    and not exists (select from public.background_jobs b where b.id = e.job_id);
  get diagnostics forgotten = row_count;
  if forgotten > 0 or why ->> 'jobs' <> '0' then
    insert into public.background_job_events (job_id, event, attempt, actor, detail)
    values ('00000000-0000-0000-0000-000000000000', 'pruned', 0, jobferry.asker(),
      why || jsonb_build_object('events', forgotten));
  end if;
  return forgotten;
end $$;


ALTER FUNCTION jobferry.forget_history(jobs uuid[], why jsonb) OWNER TO jobferry_archivist;

--
-- Name: forget_tombstones(timestamp with time zone, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.forget_tombstones(older_than timestamp with time zone, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  forgotten integer;
  newest xid8;
begin
  with oldest as materialized (
    select t.job_id, t.at from jobferry.tombstones t
    where t.version < pg_snapshot_xmin(pg_current_snapshot())
    order by t.version limit most
    for update skip locked
  ),
  gone as (
    delete from jobferry.tombstones t using oldest o where t.job_id = o.job_id and o.at < older_than
    returning t.version
  )
  select count(*), (select g.version from gone g order by g.version desc limit 1) into forgotten, newest from gone;
  update jobferry.retention r set forgotten = newest where r.forgotten < newest;
  return forgotten;
end $$;


ALTER FUNCTION jobferry.forget_tombstones(older_than timestamp with time zone, most integer) OWNER TO jobferry_engine;

--
-- Name: free_expired(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.free_expired() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  held record;
  freed integer := 0;
begin
  for held in
    select expired.locked_by, array_agg(expired.job_id) as ids, array_agg(expired.attempts) as attempts, count(*)::integer as number
    from (select q.job_id, q.locked_by, q.attempts from jobferry.queue q where q.locked_until <= now() for update skip locked) expired
    group by expired.locked_by
  loop
    freed := freed + held.number - jobferry.fail_batch(
      held.locked_by, held.ids, held.attempts,
      array_fill('{"code": "processor_lost", "message": "the worker that ran this job was not heard of in time"}'::text, array[held.number]),
      array_fill(false, array[held.number]), array_fill(interval '0', array[held.number]), array_fill(null::text, array[held.number]));
  end loop;
  if freed > 0 then
    perform pg_notify('jobferry_queue', '');
  end if;
  return freed;
end $$;


ALTER FUNCTION jobferry.free_expired() OWNER TO CURRENT_USER;

--
-- Name: full_tasks(text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.full_tasks(tasks text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  ours text[];
begin
  select coalesce(array_agg(task), '{}') into ours
  from unnest(tasks) task where pg_try_advisory_xact_lock(jobferry.limit_key(task));

  -- Only now can nobody else give a place away.
  delete from jobferry.limited_jobs g
  where g.task = any (ours)
    and not exists (select from jobferry.queue q where q.job_id = g.job_id and q.locked_by is not null);

  return array(
    select task from unnest(tasks) task
    where task <> all (ours) or jobferry.places(task) <= 0);
end $$;


ALTER FUNCTION jobferry.full_tasks(tasks text[]) OWNER TO CURRENT_USER;

--
-- Name: get_job(text, text[], interval, text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.get_job(worker_id text, task_identifiers text[] DEFAULT NULL::text[], job_expiry interval DEFAULT '04:00:00'::interval, forbidden_flags text[] DEFAULT NULL::text[]) RETURNS SETOF public.background_jobs
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from jobferry.get_jobs(worker_id, task_identifiers, job_expiry, 1, forbidden_flags)
$$;


ALTER FUNCTION jobferry.get_job(worker_id text, task_identifiers text[], job_expiry interval, forbidden_flags text[]) OWNER TO jobferry_engine;

--
-- Name: get_jobs(text, text[], interval, integer, text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.get_jobs(worker_id text, task_identifiers text[] DEFAULT NULL::text[], job_expiry interval DEFAULT '04:00:00'::interval, n integer DEFAULT 1, forbidden_flags text[] DEFAULT NULL::text[]) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  taken uuid[];
begin
  if coalesce(worker_id, '') = '' then
    raise exception 'a worker needs a name' using errcode = 'JF030', hint = 'Pass a worker_id that no other worker has.';
  end if;
  -- With an older snapshot it would not see what others have just taken.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'jobs are taken in READ COMMITTED transactions, not %', upper(current_setting('transaction_isolation'))
      using errcode = 'JF031', hint = 'Take the job in a transaction of its own.';
  end if;
  perform jobferry.free_expired();
  select array_agg(c.id) into taken
  from jobferry.claim('worker ' || worker_id, task_identifiers, coalesce(forbidden_flags, '{}'), n, now() + job_expiry) c;
  return query select b.* from public.background_jobs b where b.id = any (taken) order by b.priority, b.run_at, b.id;
end $$;


ALTER FUNCTION jobferry.get_jobs(worker_id text, task_identifiers text[], job_expiry interval, n integer, forbidden_flags text[]) OWNER TO jobferry_engine;

--
-- Name: give_places(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.give_places(ids uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with free as materialized (
    select b.id, q.task, asked.number
    from unnest(ids) with ordinality asked(id, number)
    join jobferry.queue q on q.job_id = asked.id join public.background_jobs b on b.id = asked.id
    where b.finished_at is null
      and not exists (select from jobferry.limited_jobs g where g.task = q.task and g.job_id = q.job_id)
    for no key update of b skip locked
  ),
  placed as (
    select f.id, f.task, row_number() over (partition by f.task order by f.number) as place from free f
  )
  insert into jobferry.limited_jobs (task, job_id)
  select p.task, p.id from placed p where p.place <= jobferry.places(p.task);

  return array(
    select g.job_id from jobferry.queue q join jobferry.limited_jobs g on g.task = q.task and g.job_id = q.job_id
    where q.job_id = any (ids));
end $$;


ALTER FUNCTION jobferry.give_places(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: gone_page(text, pg_snapshot, pg_snapshot, xid8, uuid, integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer) RETURNS TABLE(version xid8, job_id uuid)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.version, t.job_id from jobferry.tombstones t
  where t.owner = gone_page.owner
    and t.version >= pg_snapshot_xmin(since)
    and (t.version, t.job_id) > (coalesce(after_version, '0'::xid8), coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
    and not pg_visible_in_snapshot(t.version, since)
    and pg_visible_in_snapshot(t.version, target)
    and not exists (select from public.background_jobs b where b.id = t.job_id)
  order by t.version, t.job_id
  limit max_rows
$$;


ALTER FUNCTION jobferry.gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer) OWNER TO CURRENT_USER;

--
-- Name: grant_sight(regrole, uuid, text, boolean); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.grant_sight(role regrole, tenant uuid DEFAULT NULL::uuid, owner_prefix text DEFAULT NULL::text, by_setting boolean DEFAULT false) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobferry.sights (role, tenant, owner_prefix, by_setting)
  values (role, tenant, owner_prefix, by_setting) on conflict do nothing
$$;


ALTER FUNCTION jobferry.grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean) OWNER TO jobferry_engine;

--
-- Name: FUNCTION grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean); Type: COMMENT; Schema: jobferry; Owner: jobferry_engine
--

COMMENT ON FUNCTION jobferry.grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean) IS 'From now on the role sees jobs of this tenant, of owners with this prefix, or of what jobferry.tenant is set to.';


--
-- Name: guard_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.guard_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if OLD.finished_at is not null then
    return null;
  end if;
  if NEW.id <> OLD.id then
    raise exception 'the id of job % can not change', OLD.id using errcode = 'JF003', hint = 'Insert a new job instead.';
  end if;
  NEW.created := OLD.created;
  NEW.received_at := OLD.received_at;
  NEW.version := pg_current_xact_id();
  NEW.revised := case
    when (NEW.task, NEW.queue_name, NEW.priority, NEW.max_attempts, NEW.job_key, NEW.flags, NEW.database_id, NEW.payload)
      is distinct from (OLD.task, OLD.queue_name, OLD.priority, OLD.max_attempts, OLD.job_key, OLD.flags, OLD.database_id, OLD.payload)
    then NEW.version else OLD.revised end;
  NEW.status := case
    when NEW.completed or NEW.cancelled then jobferry.status_of(NEW.completed, NEW.cancelled, NEW.run_at)
    when NEW.status <> OLD.status then NEW.status
    when OLD.status in ('scheduled', 'queued') and NEW.progress > OLD.progress then 'running'
    when OLD.status in ('scheduled', 'queued') and NEW.run_at <> OLD.run_at then jobferry.status_of(false, false, NEW.run_at)
    else OLD.status end;
  if NEW.status <> OLD.status
     and not exists (select from jobferry.transitions t where t.source = OLD.status and t.target = NEW.status) then
    raise exception 'job % can not go from % to %', OLD.id, OLD.status, NEW.status
      using errcode = 'JF004', hint = 'docs/job-states.md draws the legal moves.';
  end if;
  if NEW.status = 'running' then
    NEW.started_at := coalesce(NEW.started_at, now());
  elsif NEW.status in ('completed', 'failed', 'cancelled') then
    NEW.finished_at := now();
  end if;
  return NEW;
end $$;


ALTER FUNCTION jobferry.guard_job() OWNER TO jobferry_engine;

--
-- Name: hand_over(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.hand_over(ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  it record;
  went integer := 0;
begin
  for it in
    with free as materialized (
      select q.job_id, q.task, q.priority, q.run_at from jobferry.queue q
      where q.job_id = any (ids) and q.locked_by is null and q.task in (select task from jobferry.delegates)
      order by q.job_id for update skip locked
    )
    select d as delegate, array_agg(f.job_id order by f.priority, f.run_at, f.job_id) as jobs
    from free f join jobferry.delegates d on d.task = f.task group by d, d.engine order by d.engine
  loop
    if current_setting('jobferry.locked_engine', true) is distinct from (it.delegate).engine then
      went := went + jobferry.hand_over_some(it.delegate, it.jobs);
    else
      perform jobferry.leave_behind(it.delegate, it.jobs, '55P03', 'the engine''s tables are locked');
    end if;
  end loop;
  return went;
end $$;


ALTER FUNCTION jobferry.hand_over(ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: hand_over_added(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.hand_over_added() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  ids uuid[];
begin
  select array_agg(a.job_id) into ids from added a join jobferry.delegates d on d.task = a.task where a.locked_by is null;
  if ids is not null then
    perform jobferry.hand_over(ids);
  end if;
  return null;
end $$;


ALTER FUNCTION jobferry.hand_over_added() OWNER TO jobferry_engine;

--
-- Name: hand_over_left(integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.hand_over_left(most integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  left_ids uuid[];
  went integer;
begin
  select array_agg(l.job_id) into left_ids
  from (select job_id from jobferry.left_behind order by tried_at limit most for update skip locked) l;
  if left_ids is null then
    return 0;
  end if;
  went := jobferry.hand_over(left_ids);
  delete from jobferry.left_behind l
  where l.job_id = any (left_ids) and not exists (select from jobferry.queue q where q.job_id = l.job_id and q.locked_by is null);
  return went;
end $$;


ALTER FUNCTION jobferry.hand_over_left(most integer) OWNER TO jobferry_engine;

--
-- Name: hand_over_some(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
  code text;
  message text;
  half integer := cardinality(ids) / 2;
begin
  begin
    perform jobferry.send_to_engine(delegate, ids);
  exception when others then
    get stacked diagnostics code = returned_sqlstate, message = message_text;
  end;
  if code is null then
    update jobferry.queue q set locked_by = 'delegate ' || delegate.engine where q.job_id = any (ids);
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select b.id, b.submitted_by, 'handed_over', b.attempts, 'delegate ' || d.engine, jsonb_build_object('foreign_id', d.foreign_id)
    from jobferry.delegated d join public.background_jobs b on b.id = d.job_id where d.job_id = any (ids);
    return cardinality(ids);
  elsif left(code, 2) in ('22', '23', '54') and half > 0 then
    return jobferry.hand_over_some(delegate, ids[:half]) + jobferry.hand_over_some(delegate, ids[half + 1:]);
  elsif code = '55P03' then
    perform set_config('jobferry.locked_engine', delegate.engine, true);
  end if;
  perform jobferry.leave_behind(delegate, ids, code, message);
  return 0;
end $$;


ALTER FUNCTION jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: heartbeat(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.heartbeat(processor text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobferry.processors set last_seen = now() where id = processor;
  return found;
end $$;


ALTER FUNCTION jobferry.heartbeat(processor text) OWNER TO jobferry_engine;

--
-- Name: held_attempt(text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.held_attempt(worker_id text, job_id uuid) RETURNS smallint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  status text;
  holder text;
  attempt smallint;
begin
  select b.status into status from public.background_jobs b where b.id = held_attempt.job_id for no key update;
  select q.locked_by, q.attempts into holder, attempt from jobferry.queue q where q.job_id = held_attempt.job_id for update;
  if holder = 'worker ' || worker_id and status not in ('completed', 'failed', 'cancelled') then
    return attempt;
  end if;
  raise exception 'worker % does not hold job %: %', worker_id, held_attempt.job_id,
      case when status is null then 'there is no such job'
        when holder is null or status in ('completed', 'failed', 'cancelled') then 'it is ' || status
        else jobferry.actor(holder) || ' does' end
    using errcode = 'JF032', hint = 'Its time was up, somebody else made an end of the job, or it never took it. Drop the work.';
end $$;


ALTER FUNCTION jobferry.held_attempt(worker_id text, job_id uuid) OWNER TO CURRENT_USER;

--
-- Name: held_up(text, uuid[], smallint[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[]) RETURNS TABLE(id uuid, attempt smallint, verdict text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.clear_away(ids);
  return query
    select q.job_id, q.attempts, 'held_up'
    from unnest(ids, attempt_numbers) i(id, attempt)
    join jobferry.queue q on q.job_id = i.id and q.locked_by = processor and q.attempts = i.attempt;
end $$;


ALTER FUNCTION jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[]) OWNER TO CURRENT_USER;

--
-- Name: hold_delegated(uuid, integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.hold_delegated(job uuid, attempt integer) RETURNS jobferry.queue
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  unfinished boolean;
  held jobferry.queue;
begin
  select b.finished_at is null into unfinished from public.background_jobs b where b.id = job for no key update;
  select q.* into held from jobferry.queue q where q.job_id = job and q.locked_by like 'delegate %' for update;
  if held.job_id is not null and unfinished is not true then
    perform jobferry.let_go(job);
    return null;
  end if;
  return case when attempt is null or held.attempts = attempt then held end;
end $$;


ALTER FUNCTION jobferry.hold_delegated(job uuid, attempt integer) OWNER TO CURRENT_USER;

--
-- Name: hold_jobs(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.hold_jobs(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  unfinished bigint;
  held bigint;
begin
  perform from public.background_jobs b where b.id = any (ids) order by b.id for update;
  perform from jobferry.queue q where q.job_id = any (ids) order by q.job_id for update;
  get diagnostics held = row_count;
  if current_setting('transaction_isolation') <> 'read committed' then
    select count(*) into unfinished from public.background_jobs b where b.id = any (ids) and b.finished_at is null;
    if held < unfinished then
      raise exception 'could not serialize access: the queue was compacted meanwhile'
        using errcode = 'serialization_failure', hint = 'Repeat the transaction.';
    end if;
  end if;
end $$;


ALTER FUNCTION jobferry.hold_jobs(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: insert_job(jobferry.job_spec, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  began bigint := extract(epoch from clock_timestamp()) * 1000000;
  due timestamptz := coalesce(spec.run_at, now());
  job public.background_jobs;
begin
  insert into public.background_jobs (id, payload, submitted_by, task, queue_name, priority, run_at, max_attempts,
    flags, database_id, status)
  values (jobferry.new_id(began), coalesce(spec.payload::jsonb, '{}'), owner, spec.identifier, spec.queue_name,
    coalesce(spec.priority, 0), due, coalesce(spec.max_attempts, 25),
    spec.flags, insert_job.database_id, jobferry.status_of(false, false, due))
  returning * into job;
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  values (job.id, owner, 'submitted', job.attempts, jobferry.asker());
  -- Last: from here it may be handed over.
  insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
  values (job.id, job.task, job.queue_name, job.priority, job.run_at, job.attempts, job.max_attempts, job.flags);
  return job;
end $$;


ALTER FUNCTION jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: insert_jobs(jobferry.job_spec[], text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  began bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
  return query
  with added as (
    insert into public.background_jobs (id, payload, submitted_by, task, queue_name, priority, run_at, max_attempts,
      job_key, flags, database_id, status)
    select jobferry.new_id(began + s.number), coalesce(s.payload::jsonb, '{}'), owner, s.identifier, s.queue_name,
      coalesce(s.priority, 0), coalesce(s.run_at, now()), coalesce(s.max_attempts, 25), s.job_key, s.flags,
      insert_jobs.database_id, jobferry.status_of(false, false, coalesce(s.run_at, now()))
    from unnest(specs) with ordinality
      s(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags, number)
    on conflict (coalesce(submitted_by, ''), job_key) where job_key is not null and finished_at is null do nothing
    returning *
  ),
  queued as (
    insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select a.id, a.task, a.queue_name, a.priority, a.run_at, a.attempts, a.max_attempts, a.flags from added a
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select a.id, a.submitted_by, 'submitted', a.attempts, jobferry.asker() from added a
  )
  select * from added;
end $$;


ALTER FUNCTION jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: is_erased(public.background_jobs); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.is_erased(job public.background_jobs) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  select job.finished_at is not null and job.payload = '{}' and job.result is null and job.job_key is null
    and job.error is not distinct from jobferry.erasure()
$$;


ALTER FUNCTION jobferry.is_erased(job public.background_jobs) OWNER TO CURRENT_USER;

--
-- Name: items_at(jsonb, integer[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.items_at(list jsonb, places integer[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
  select jsonb_agg(item.value order by item.ordinality) from jsonb_array_elements(list) with ordinality item
  where item.ordinality - 1 = any (places)
$$;


ALTER FUNCTION jobferry.items_at(list jsonb, places integer[]) OWNER TO CURRENT_USER;

--
-- Name: job_or_insert(jobferry.job_spec, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid) RETURNS public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  job public.background_jobs;
begin
  perform pg_advisory_xact_lock(jobferry.key_lock(owner, spec.job_key));
  for go in 1 .. 100 loop
    select * into job from jobferry.job_with_key(owner, spec.job_key);
    if found then
      return job;
    end if;
    select * into job from jobferry.insert_jobs(array[spec], owner, database_id);
    if found then
      perform jobferry.ring_for(owner);
      return job;
    end if;
  end loop;
  perform jobferry.refuse_left_out();
end $$;


ALTER FUNCTION jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: job_with_key(text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.job_with_key(owner text, job_key text) RETURNS SETOF public.background_jobs
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  (select * from public.background_jobs b where coalesce(b.submitted_by, '') = coalesce(owner, '')
    and b.job_key = job_with_key.job_key and b.job_key is not null and b.finished_at is null)
  union all
  (select * from public.background_jobs b where coalesce(b.submitted_by, '') = coalesce(owner, '')
    and b.job_key = job_with_key.job_key and b.job_key is not null and b.status = 'failed'
    order by b.finished_at desc)
  limit 1
$$;


ALTER FUNCTION jobferry.job_with_key(owner text, job_key text) OWNER TO CURRENT_USER;

--
-- Name: key_lock(text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.key_lock(owner text, job_key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ select hashtextextended(job_key, hashtextextended('jobferry.key ' || coalesce(owner, ''), 0)) $$;


ALTER FUNCTION jobferry.key_lock(owner text, job_key text) OWNER TO CURRENT_USER;

--
-- Name: keyed_jobs(text[], text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.keyed_jobs(owners text[], job_keys text[]) RETURNS TABLE(id uuid, owner text, job_key text, running boolean)
    LANGUAGE sql STABLE
    AS $$
  select b.id, b.submitted_by, b.job_key, b.status = 'running' or coalesce(q.locked_by is not null, false)
  from unnest(owners, job_keys) k(owner, job_key)
  cross join lateral (
    select * from public.background_jobs b
    where coalesce(b.submitted_by, '') = coalesce(k.owner, '') and b.job_key = k.job_key
      and b.job_key is not null and b.finished_at is null
    limit 1
  ) b
  left join jobferry.queue q on q.job_id = b.id
$$;


ALTER FUNCTION jobferry.keyed_jobs(owners text[], job_keys text[]) OWNER TO CURRENT_USER;

--
-- Name: lease_key(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.lease_key(processor text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ select hashtextextended('jobferry.processor ' || processor, 0) $$;


ALTER FUNCTION jobferry.lease_key(processor text) OWNER TO CURRENT_USER;

--
-- Name: leave_behind(jobferry.delegates, uuid[], text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'left_behind', b.attempts, 'delegate ' || delegate.engine,
    jsonb_build_object('code', leave_behind.code, 'message', leave_behind.message)
  from public.background_jobs b
  where b.id = any (ids) and not exists (select from jobferry.left_behind l where l.job_id = b.id);
  insert into jobferry.left_behind as l (job_id, task, code, message)
  select id, delegate.task, leave_behind.code, leave_behind.message from unnest(ids) id
  on conflict (job_id) do update set code = excluded.code, message = excluded.message, tried_at = now();
end $$;


ALTER FUNCTION jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text) OWNER TO CURRENT_USER;

--
-- Name: let_go(uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.let_go(job uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from jobferry.delegated where job_id = job;
  delete from jobferry.queue where job_id = job;
end $$;


ALTER FUNCTION jobferry.let_go(job uuid) OWNER TO CURRENT_USER;

--
-- Name: limit_key(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.limit_key(task text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ select hashtextextended('jobferry.task ' || task, 0) $$;


ALTER FUNCTION jobferry.limit_key(task text) OWNER TO CURRENT_USER;

--
-- Name: limit_task(text, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.limit_task(task text, max_running integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if max_running is not distinct from (select l.max_running from jobferry.task_limits l where l.task = limit_task.task) then
    return;
  end if;
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  if max_running is null then
    delete from jobferry.task_limits l where l.task = limit_task.task;
    delete from jobferry.limited_jobs g where g.task = limit_task.task;
  else
    insert into jobferry.task_limits (task, max_running) values (limit_task.task, limit_task.max_running)
    on conflict on constraint task_limits_pkey do update set max_running = excluded.max_running;
    insert into jobferry.limited_jobs (task, job_id)
    select q.task, q.job_id from jobferry.queue q where q.task = limit_task.task and q.locked_by is not null
    on conflict do nothing;
  end if;
  perform pg_notify('jobferry_queue', '');
end $$;


ALTER FUNCTION jobferry.limit_task(task text, max_running integer) OWNER TO jobferry_engine;

--
-- Name: load_crontab(text, json); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.load_crontab(crontab text, entries json) RETURNS TABLE(name text, change text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  taken text;
begin
  perform pg_advisory_xact_lock(hashtextextended('jobferry.crontab', 0));
  select min(s.name) into taken from jobferry.scheduled_jobs s
  join json_to_recordset(entries) as w(name text) on w.name = s.name
  where s.crontab is distinct from load_crontab.crontab;
  if taken is not null then
    raise exception 'a schedule % is there already and not of the crontab %', quote_literal(taken), quote_literal(load_crontab.crontab)
      using errcode = 'JF053', hint = 'Give the line another ?id=, or remove that schedule.';
  end if;
  return query
  with wanted as materialized (
    select w.* from json_to_recordset(entries) as w(name text, task_identifier text, payload json, schedule_info json,
      job_key text, queue_name text, max_attempts integer, priority integer)
  ),
  there as materialized (select s.name from jobferry.scheduled_jobs s),
  removed as (
    delete from jobferry.scheduled_jobs s
    where s.crontab = load_crontab.crontab and s.name not in (select w.name from wanted w)
    returning s.name
  ),
  written as (
    insert into jobferry.scheduled_jobs as s (name, crontab, task_identifier, payload, schedule_info, job_key,
      queue_name, max_attempts, priority)
    select w.name, load_crontab.crontab, w.task_identifier, coalesce(w.payload, '{}'), w.schedule_info, w.job_key,
      w.queue_name, coalesce(w.max_attempts, 25), coalesce(w.priority, 0)
    from wanted w
    on conflict (name) do update set task_identifier = excluded.task_identifier, payload = excluded.payload,
      schedule_info = excluded.schedule_info, job_key = excluded.job_key, queue_name = excluded.queue_name,
      max_attempts = excluded.max_attempts, priority = excluded.priority
    where (s.task_identifier, s.payload::text, s.schedule_info::text, s.job_key, s.queue_name, s.max_attempts, s.priority)
      is distinct from (excluded.task_identifier, excluded.payload::text, excluded.schedule_info::text,
        excluded.job_key, excluded.queue_name, excluded.max_attempts, excluded.priority)
    returning s.name
  )
  select w.name, case when w.name in (select t.name from there t) then 'changed' else 'added' end from written w
  union all
  select r.name, 'removed' from removed r;
end $$;


ALTER FUNCTION jobferry.load_crontab(crontab text, entries json) OWNER TO jobferry_engine;

--
-- Name: lock_failed_keys(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.lock_failed_keys(ids uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_advisory_xact_lock(k.lock) from (
    select distinct jobferry.key_lock(b.submitted_by, b.job_key) as lock from public.background_jobs b
    where b.id = any (ids) and b.job_key is not null and b.status = 'failed' order by 1) k
$$;


ALTER FUNCTION jobferry.lock_failed_keys(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: make_way(uuid[], text[], uuid[], text[], boolean[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[]) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
declare
  last integer[];
  mine uuid[];
  old record;
begin
  with key as materialized (
    select distinct i.owner, i.job_key from unnest(owners, job_keys) i(owner, job_key) where i.job_key is not null
  ),
  tried as materialized (
    select key.*, pg_try_advisory_xact_lock(jobferry.key_lock(key.owner, key.job_key)) as got from key
  )
  select coalesce(array_agg(i.number::integer), '{}') into held
  from unnest(owners, job_keys) with ordinality i(owner, job_key, number)
  join tried t on t.owner = i.owner and t.job_key = i.job_key
  where not t.got;

  -- A statement of its own: it sees what was done before we got the keys.
  with newcomer as (
    select distinct on (i.id) i.*
    from unnest(ids, owners, job_keys, cancels) with ordinality i(id, owner, job_key, cancelled, number)
    where i.job_key is not null and not i.cancelled and i.number <> all (held)
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    order by i.id, i.number
  ),
  ranked as (
    select n.number::integer, max(n.number) over (partition by n.owner, n.job_key)::integer as last from newcomer n
  )
  select array_agg(r.number) filter (where r.number = r.last), array_agg(r.number) filter (where r.number <> r.last),
    array_agg(ids[r.last]) filter (where r.number <> r.last)
  into last, overtaken, heirs from ranked r;

  mine := jobferry.try_hold_jobs(array(
    select k.id from jobferry.keyed_jobs(
      array(select owners[n] from unnest(last) n), array(select job_keys[n] from unnest(last) n)) k));
  for old in
    select k.*, n as heir
    from unnest(last) n, jobferry.keyed_jobs(array[owners[n]], array[job_keys[n]]) k
  loop
    if old.id = any (mine) then
      perform jobferry.pass_key_on(old.id, old.running, ids[old.heir], 'device ' || client_ids[old.heir]);
    else
      held := held || array(
        select i.number::integer from unnest(owners, job_keys) with ordinality i(owner, job_key, number)
        where i.owner = old.owner and i.job_key = old.job_key);
    end if;
  end loop;
  perform jobferry.release_failed_keys(
    array(select owners[n] from unnest(last) n), array(select job_keys[n] from unnest(last) n));
end $$;


ALTER FUNCTION jobferry.make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[]) OWNER TO CURRENT_USER;

--
-- Name: moved_page(text, uuid, pg_snapshot, pg_snapshot, xid8, uuid, boolean, integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer) RETURNS SETOF public.background_jobs
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with moved as materialized (
    select b.id from (
      select * from public.background_jobs b where b.submitted_by = owner and b.version >= pg_snapshot_xmax(target)
      union all
      select * from public.background_jobs b
      where b.submitted_by = owner and b.version = any (array(select pg_snapshot_xip(target)))
    ) b
    where pg_visible_in_snapshot(b.created, target)
      and (since is null
        or (b.client_id is distinct from device and not pg_visible_in_snapshot(b.created, since))
        or (not pg_visible_in_snapshot(b.revised, since) and pg_visible_in_snapshot(b.revised, target)))
      and (active is null or active = (b.finished_at is null))
      and (after_version is null or pg_visible_in_snapshot(after_version, target) or b.id > after_id)
  )
  select b.* from (select id from moved order by id limit max_rows) m join public.background_jobs b using (id)
  order by b.id
$$;


ALTER FUNCTION jobferry.moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer) OWNER TO CURRENT_USER;

--
-- Name: named_heads(text[], text[], integer); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.named_heads(tasks text[], forbidden_flags text[], most integer) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  names text[];
begin
  with recursive name as (
    (select queue_name from jobferry.queue where queue_name is not null order by queue_name limit 1)
    union all
    select (select q.queue_name from jobferry.queue q where q.queue_name > name.queue_name order by q.queue_name limit 1)
    from name where name.queue_name is not null
  ),
  first as materialized (
    select name.queue_name from name
    cross join lateral (
      select q.priority, q.run_at, q.job_id from jobferry.queue q
      where q.queue_name = name.queue_name and q.run_at <= now() and (tasks is null or q.task = any (tasks))
        and (q.flags is null or not q.flags && forbidden_flags)
      order by q.priority, q.run_at, q.job_id limit 1
    ) head
    where not exists (select from jobferry.paused_queues p where p.queue_name = name.queue_name)
      and not exists (select from jobferry.queue busy where busy.queue_name = name.queue_name and busy.locked_by is not null)
    order by head.priority, head.run_at, head.job_id
    limit most + 100
  )
  select array_agg(queue_name) into names from first
  where pg_try_advisory_xact_lock(hashtextextended('jobferry.queue ' || queue_name, 0));

  return array(
    select head.job_id from unnest(names) name
    cross join lateral (
      select q.job_id from jobferry.queue q
      where q.queue_name = name and q.run_at <= now() and (tasks is null or q.task = any (tasks))
        and (q.flags is null or not q.flags && forbidden_flags)
      order by q.priority, q.run_at, q.job_id limit 1
    ) head
    where not exists (select from jobferry.queue busy where busy.queue_name = name and busy.locked_by is not null));
end $$;


ALTER FUNCTION jobferry.named_heads(tasks text[], forbidden_flags text[], most integer) OWNER TO CURRENT_USER;

--
-- Name: new_id(bigint); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.new_id(microseconds bigint) RETURNS uuid
    LANGUAGE sql
    AS $$
  select encode(overlay(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(microseconds / 1000) from 3) from 1 for 6)
    placing int2send((28672 + microseconds % 1000 * 4096 / 1000)::smallint) from 7 for 2), 'hex')::uuid
$$;


ALTER FUNCTION jobferry.new_id(microseconds bigint) OWNER TO CURRENT_USER;

--
-- Name: no_limit(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.no_limit() RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ select 2147483647 $$;


ALTER FUNCTION jobferry.no_limit() OWNER TO CURRENT_USER;

--
-- Name: note_administration(text, jsonb); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.note_administration(event text, detail jsonb) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into public.background_job_events (job_id, event, attempt, actor, detail)
  values ('00000000-0000-0000-0000-000000000000', note_administration.event, 0, jobferry.asker(), note_administration.detail)
$$;


ALTER FUNCTION jobferry.note_administration(event text, detail jsonb) OWNER TO CURRENT_USER;

--
-- Name: note_delegated(public.background_jobs, text, text, jsonb); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.note_delegated(job public.background_jobs, event text, actor text, detail jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  values (job.id, job.submitted_by, note_delegated.event, job.attempts, note_delegated.actor, note_delegated.detail);
  perform jobferry.announce(array[job.submitted_by]);
end $$;


ALTER FUNCTION jobferry.note_delegated(job public.background_jobs, event text, actor text, detail jsonb) OWNER TO CURRENT_USER;

--
-- Name: note_devices(uuid[], text[], text[], integer[], timestamp with time zone[], uuid[], boolean[], double precision, text[], text[], text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[] DEFAULT '{}'::uuid[], gone boolean[] DEFAULT '{}'::boolean[], silence_seconds double precision DEFAULT 45, rejected_jobs text[] DEFAULT '{}'::text[], rejected_codes text[] DEFAULT '{}'::text[], rejected_messages text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobferry.devices as d (client_id, owner, client_version, pending, oldest_pending_at, connection,
    connected_until, rejected_at, rejected_job, rejected_code, rejected_message)
  select distinct on (i.client_id, i.owner) i.client_id, i.owner, i.version, i.pending, i.oldest, i.connection,
    case when i.gone then null else now() + make_interval(secs => silence_seconds) end,
    case when i.code is not null then now() end, i.job, i.code, i.message
  from unnest(client_ids, owners, versions, pendings, oldest, connections, gone, rejected_jobs, rejected_codes,
    rejected_messages) i(client_id, owner, version, pending, oldest, connection, gone, job, code, message)
  order by i.client_id, i.owner
  on conflict (client_id, owner) do update set
    client_version = coalesce(excluded.client_version, d.client_version),
    pending = excluded.pending, oldest_pending_at = excluded.oldest_pending_at,
    last_seen = case when excluded.connected_until is null then d.last_seen else now() end,
    connection = excluded.connection, connected_until = excluded.connected_until,
    rejected_at = coalesce(excluded.rejected_at, d.rejected_at),
    rejected_job = coalesce(excluded.rejected_job, d.rejected_job),
    rejected_code = coalesce(excluded.rejected_code, d.rejected_code),
    rejected_message = coalesce(excluded.rejected_message, d.rejected_message)
  -- The end of a connection is no news of a device that has another by now.
  where excluded.connected_until is not null or excluded.connection is not distinct from d.connection
$$;


ALTER FUNCTION jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[], gone boolean[], silence_seconds double precision, rejected_jobs text[], rejected_codes text[], rejected_messages text[]) OWNER TO jobferry_engine;

--
-- Name: note_heirs(uuid[], text, text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.note_heirs(ids uuid[], owner text, job_keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'replaced', b.attempts, jobferry.asker(), jsonb_build_object('replaced_by', heir.id)
  from unnest(ids, job_keys) old(id, job_key)
  join public.background_jobs b on b.id = old.id
  cross join lateral jobferry.keyed_jobs(array[owner], array[old.job_key]) heir;
end $$;


ALTER FUNCTION jobferry.note_heirs(ids uuid[], owner text, job_keys text[]) OWNER TO CURRENT_USER;

--
-- Name: note_overtaken(uuid[], uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.note_overtaken(ids uuid[], heirs uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
  select b.id, b.submitted_by, 'cancelled', 0, 'device ' || b.client_id, jsonb_build_object('replaced_by', i.heir)
  from unnest(ids, heirs) i(id, heir) join public.background_jobs b on b.id = i.id and b.status = 'cancelled'
$$;


ALTER FUNCTION jobferry.note_overtaken(ids uuid[], heirs uuid[]) OWNER TO CURRENT_USER;

--
-- Name: note_traces(uuid[], text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobferry.traces (job_id, traceparent)
  select b.id, i.traceparent
  from unnest(job_ids, traceparents) i(id, traceparent) join public.background_jobs b on b.id = i.id
  where b.created = pg_current_xact_id()
  on conflict (job_id) do nothing
$$;


ALTER FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) OWNER TO jobferry_engine;

--
-- Name: obey(jobferry.trigger_order, jsonb); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.obey(said jobferry.trigger_order, payload jsonb) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobferry.add_job(
    identifier := said.task, payload := payload, owner := said.owner, database_id := said.database_id)
$$;


ALTER FUNCTION jobferry.obey(said jobferry.trigger_order, payload jsonb) OWNER TO CURRENT_USER;

--
-- Name: oldest_snapshot(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.oldest_snapshot(OUT seconds double precision, OUT transactions bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    (select extract(epoch from now() - min(a.xact_start)) from pg_stat_activity a
     where a.pid <> pg_backend_pid() and (a.backend_xmin is not null or a.backend_xid is not null)),
    (select max(age(held.xmin)) from (
      select a.backend_xmin as xmin from pg_stat_activity a where a.pid <> pg_backend_pid()
      union all select p.transaction from pg_prepared_xacts p
      union all select s.xmin from pg_replication_slots s) held)
$$;


ALTER FUNCTION jobferry.oldest_snapshot(OUT seconds double precision, OUT transactions bigint) OWNER TO jobferry_engine;

--
-- Name: oldest_waiting(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.oldest_waiting() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
  with recursive level as (
    (select q.priority, 1 as number from jobferry.queue q order by q.priority limit 1)
    union all
    select (select q.priority from jobferry.queue q where q.priority > level.priority order by q.priority limit 1), number + 1
    from level where level.priority is not null and number < 100
  )
  select extract(epoch from now() - min(head.run_at))::double precision from level cross join lateral (
    select q.run_at from jobferry.queue q
    where q.priority = level.priority and q.run_at <= now() and q.locked_by is null
    order by q.run_at limit 1
  ) head
$$;


ALTER FUNCTION jobferry.oldest_waiting() OWNER TO jobferry_engine;

--
-- Name: open_engine(text, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.open_engine(engine text, schema_name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  it record;
begin
  execute format('grant usage on schema %I to jobferry_engine', schema_name);
  for it in
    select c.oid::regclass as name, c.oid, c.relrowsecurity as secured
    from jobferry.engine_tables(engine) t
    join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name)) and c.relkind <> 'c'
  loop
    execute format('grant select, insert, update, delete on %s to jobferry_engine', it.name);
    if it.secured and not exists (select from pg_policy p where p.polrelid = it.oid and p.polname = 'jobferry_engine') then
      execute format('create policy jobferry_engine on %s to jobferry_engine using (true) with check (true)', it.name);
    end if;
  end loop;
  for it in
    select s.oid::regclass as name
    from jobferry.engine_tables(engine) t
    join pg_class c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident(schema_name))
    join pg_depend d on d.refobjid = c.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass
    join pg_class s on s.oid = d.objid and s.relkind = 'S'
  loop
    execute format('grant usage on sequence %s to jobferry_engine', it.name);
  end loop;
end $$;


ALTER FUNCTION jobferry.open_engine(engine text, schema_name text) OWNER TO CURRENT_USER;

--
-- Name: over_limit(uuid[], text[], boolean[], boolean[], bigint); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint) RETURNS TABLE(number integer, code text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  places bigint[];
begin
  insert into jobferry.owner_jobs (owner) select distinct o from unnest(owners) o order by o on conflict do nothing;
  perform from jobferry.owner_jobs o where o.owner = any (owners) order by o.owner for update;

  with fresh as (
    select min(i.number) as number, i.owner
    from unnest(ids, owners, cancels) with ordinality i(id, owner, cancelled, number)
    where not i.cancelled
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    group by i.id, i.owner
  ),
  ranked as (
    select f.number, f.owner, o.at_most + row_number() over (partition by f.owner order by f.number) > most as over
    from fresh f join jobferry.owner_jobs o on o.owner = f.owner
  ),
  let_in as (
    update jobferry.owner_jobs o set at_most = o.at_most + r.number, let_in = o.let_in + r.number
    from (select owner, count(*) as number from ranked where not over group by owner) r
    where o.owner = r.owner
  )
  select array_agg(r.number) into places from ranked r where r.over;

  return query
    select p::integer, case when counted[p] then 'too_many_jobs' else 'busy' end from unnest(places) p;
end $$;


ALTER FUNCTION jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint) OWNER TO jobferry_engine;

--
-- Name: pass_key_on(uuid, boolean, uuid, text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  detail jsonb := jsonb_build_object('replaced_by', heir);
begin
  if running then
    perform jobferry.release_keys(array[old]);
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select b.id, b.submitted_by, 'replaced', b.attempts, actor, detail
    from public.background_jobs b where b.id = old;
  else
    perform jobferry.end_jobs(array[old], 'cancelled', null, actor, detail);
  end if;
end $$;


ALTER FUNCTION jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text) OWNER TO CURRENT_USER;

--
-- Name: pause_queue(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.pause_queue(queue_name text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into jobferry.paused_queues (queue_name) values (pause_queue.queue_name)
  on conflict on constraint paused_queues_pkey do nothing;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('queue', queue_name));
  return true;
end $$;


ALTER FUNCTION jobferry.pause_queue(queue_name text) OWNER TO jobferry_engine;

--
-- Name: pause_scheduled_job(bigint); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.pause_scheduled_job(id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobferry.scheduled_jobs s set paused_at = now(), planned_at = now(), next_run_at = null, error = null
  where s.id = pause_scheduled_job.id and s.paused_at is null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('schedule', id));
  return true;
end $$;


ALTER FUNCTION jobferry.pause_scheduled_job(id bigint) OWNER TO jobferry_engine;

--
-- Name: pause_task(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.pause_task(task text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  if not exists (select from jobferry.task_limits l where l.task = pause_task.task) then
    perform jobferry.limit_task(task, jobferry.no_limit());
  end if;
  update jobferry.task_limits l set paused_at = now() where l.task = pause_task.task and l.paused_at is null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('paused', jsonb_build_object('task', task));
  return true;
end $$;


ALTER FUNCTION jobferry.pause_task(task text) OWNER TO jobferry_engine;

--
-- Name: permanently_fail_jobs(uuid[], text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.permanently_fail_jobs(job_ids uuid[], error_message text DEFAULT NULL::text) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.hold_jobs(job_ids);
  return query select * from jobferry.end_jobs(
    jobferry.waiting_of(job_ids), 'failed',
    jsonb_build_object('code', 'permanently_failed', 'message', coalesce(error_message, 'failed by hand')),
    jobferry.asker(), null);
end $$;


ALTER FUNCTION jobferry.permanently_fail_jobs(job_ids uuid[], error_message text) OWNER TO jobferry_engine;

--
-- Name: places(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.places(task text) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (select case when l.paused_at is null then l.max_running else 0 end from jobferry.task_limits l where l.task = places.task)
    - (select count(*) from jobferry.limited_jobs g where g.task = places.task)
$$;


ALTER FUNCTION jobferry.places(task text) OWNER TO CURRENT_USER;

--
-- Name: plan_anew(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.plan_anew() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  NEW.planned_at := null;
  NEW.next_run_at := null;
  NEW.error := null;
  return NEW;
end $$;


ALTER FUNCTION jobferry.plan_anew() OWNER TO CURRENT_USER;

--
-- Name: prefixes_in_sight(name); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.prefixes_in_sight(who name) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array_agg(s.owner_prefix) filter (where s.owner_prefix is not null) from jobferry.sights_of(who) s
$$;


ALTER FUNCTION jobferry.prefixes_in_sight(who name) OWNER TO CURRENT_USER;

--
-- Name: process_job_discreetly(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.process_job_discreetly() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if NEW.completed = false and NEW.cancelled = false then
    perform pg_catalog.pg_notify('process_background_job',
      pg_catalog.json_build_object('id', NEW.id, 'payload_omitted', true)::text);
  end if;
  return null;
end $$;


ALTER FUNCTION jobferry.process_job_discreetly() OWNER TO CURRENT_USER;

--
-- Name: progress_batch(text, uuid[], smallint[], real[], text[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[] DEFAULT NULL::text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, progresses, checkpoints) i(id, attempt, progress, checkpoint)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.progress, f.checkpoint::jsonb as checkpoint
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.over),
  kept as (
    update jobferry.queue q set checkpoint = h.checkpoint
    from held h where q.job_id = h.job_id and not h.over and h.checkpoint is not null
  ),
  moved as (
    update public.background_jobs b set progress = h.progress, version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over and h.progress is not null
    returning b.submitted_by
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from moved;
  perform jobferry.announce(owners);
  return cardinality(ids) - had;
end $$;


ALTER FUNCTION jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[]) OWNER TO jobferry_engine;

--
-- Name: progress_job(text, uuid, real); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.progress_job(worker_id text, job_id uuid, progress real) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if exists (select from public.background_jobs b where b.id = progress_job.job_id and b.cancelled) then
    return true;
  end if;
  perform jobferry.progress_batch(
    'worker ' || worker_id, array[job_id], array[jobferry.held_attempt(worker_id, job_id)], array[progress]);
  return false;
end $$;


ALTER FUNCTION jobferry.progress_job(worker_id text, job_id uuid, progress real) OWNER TO jobferry_engine;

--
-- Name: prunable_history(timestamp with time zone, bigint, bigint, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer) RETURNS uuid[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended('jobferry.history', 0));
  return (select coalesce(array_agg(found.job_id), '{}') from (
    select distinct e.job_id from public.background_job_events e
    where e.ctid >= format('(%s,0)', first_block)::tid and e.ctid < format('(%s,0)', last_block)::tid
      and e.at < older_than
      and e.job_id <> '00000000-0000-0000-0000-000000000000'
      and not exists (select from public.background_jobs b where b.id = e.job_id)
      and not exists (select from public.background_job_events f where f.job_id = e.job_id and f.at >= older_than)
    limit most
  ) found);
end $$;


ALTER FUNCTION jobferry.prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer) OWNER TO jobferry_engine;

--
-- Name: prunable_jobs(timestamp with time zone, bigint, bigint, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer) RETURNS uuid[]
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(array_agg(found.id), '{}') from (
    select b.id from public.background_jobs b
    where b.ctid >= format('(%s,0)', first_block)::tid and b.ctid < format('(%s,0)', last_block)::tid
      and b.finished_at < finished_before
      and not exists (select from jobferry.queue q where q.job_id = b.id)
    limit most
    for update of b skip locked
  ) found
$$;


ALTER FUNCTION jobferry.prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer) OWNER TO jobferry_engine;

--
-- Name: prune_jobs(uuid[], timestamp with time zone, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text) RETURNS TABLE(jobs integer, events integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  owners text[];
begin
  with gone as (
    delete from public.background_jobs b where b.id = any (ids) and b.finished_at < finished_before
    returning b.id, b.submitted_by
  ),
  buried as (
    insert into jobferry.tombstones as t (job_id, owner)
    select g.id, g.submitted_by from gone g where g.submitted_by is not null
    on conflict (job_id) do update set owner = excluded.owner, version = excluded.version, at = excluded.at
  )
  select count(*), array_agg(distinct g.submitted_by) into jobs, owners from gone g;
  perform jobferry.announce(owners);
  events := jobferry.forget_history(ids,
    jsonb_build_object('jobs', jobs, 'finished_before', finished_before, 'archive', archive));
  return next;
end $$;


ALTER FUNCTION jobferry.prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text) OWNER TO jobferry_engine;

--
-- Name: put_jobs(jobferry.job_spec[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  keyed jobferry.job_spec[] := array(select s from unnest(specs) s where s.job_key is not null);
begin
  if cardinality(keyed) = 0 then
    return query select * from jobferry.insert_jobs(specs, owner, database_id);
  else
    return query select * from jobferry.insert_jobs(
      array(select s from unnest(specs) s where s.job_key is null), owner, database_id);
    return query select * from jobferry.put_keyed(keyed, mode, owner, database_id);
  end if;
  perform jobferry.ring_for(owner);
end $$;


ALTER FUNCTION jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: put_keyed(jobferry.job_spec[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
declare
  job public.background_jobs;
  placed text[];
begin
  perform pg_advisory_xact_lock(k.lock)
  from (select distinct jobferry.key_lock(owner, s.job_key) as lock from unnest(specs) s order by 1) k;
  -- Nobody takes a key from under us a hundred times.
  for go in 1 .. 100 loop
    placed := '{}';
    for job in select * from jobferry.try_keyed(specs, mode, owner, database_id) loop
      placed := placed || job.job_key;
      return next job;
    end loop;
    specs := array(select s from unnest(specs) s where s.job_key not in (select unnest(placed)));
    if cardinality(specs) = 0 then
      return;
    end if;
  end loop;
  perform jobferry.refuse_left_out();
end $$;


ALTER FUNCTION jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: queue_depth(integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.queue_depth(sample integer) RETURNS TABLE(task text, jobs bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  share double precision := least(100, 100.0 * sample / greatest(pg_stat_get_live_tuples('jobferry.queue'::regclass), 1));
begin
  return query
    select q.task, (count(*) * 100 / share)::bigint from jobferry.queue q tablesample system (share) group by q.task;
end $$;


ALTER FUNCTION jobferry.queue_depth(sample integer) OWNER TO jobferry_engine;

--
-- Name: read_order(text[], jsonb, text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.read_order(arguments text[], line jsonb, usual text[]) RETURNS jobferry.trigger_order
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;


ALTER FUNCTION jobferry.read_order(arguments text[], line jsonb, usual text[]) OWNER TO CURRENT_USER;

--
-- Name: reap(interval); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.reap(lease interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  dead text[];
  expired integer := jobferry.free_expired();
  freed integer;
  owners text[];
begin
  with silent as materialized (
    select p.id from jobferry.processors p where p.last_seen < now() - lease for update skip locked
  )
  select array_agg(id) into dead from silent where pg_try_advisory_xact_lock(jobferry.lease_key(id));
  if dead is null then
    return expired;
  end if;

  with free as materialized (
    select b.id, b.finished_at is not null as over
    from jobferry.queue q join public.background_jobs b on b.id = q.job_id
    where q.locked_by = any (dead) for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, q.locked_by, q.attempts >= q.max_attempts as final
    from jobferry.queue q join free f on f.id = q.job_id
    where q.locked_by = any (dead) order by q.job_id for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and (h.final or h.over)),
  waiting as (update jobferry.queue q set locked_by = null from held h where q.job_id = h.job_id and not (h.final or h.over)),
  lost as (
    update public.background_jobs b
    set status = case when h.final then 'failed' else 'retrying' end,
      finished_at = case when h.final then now() end,
      error = jsonb_build_object('code', 'processor_lost', 'message', 'the processor that ran this job died'),
      version = pg_current_xact_id()
    from held h where b.id = h.job_id and not h.over
    returning b.id, b.submitted_by, b.attempts, b.status, b.error, h.locked_by
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor, detail)
    select id, submitted_by, status, attempts, 'processor ' || locked_by, error from lost
  )
  select count(*), array_agg(distinct submitted_by) into freed, owners from lost;
  perform jobferry.announce(owners);

  -- A job whose ledger row could not be had stays with its dead processor until the next time.
  perform jobferry.clear_away(array_agg(q.job_id)) from jobferry.queue q where q.locked_by = any (dead);
  delete from jobferry.processors p
  where p.id = any (dead) and not exists (select from jobferry.queue q where q.locked_by = p.id);
  perform pg_notify('jobferry_queue', '');
  return expired + freed;
end $$;


ALTER FUNCTION jobferry.reap(lease interval) OWNER TO jobferry_engine;

--
-- Name: refuse_left_out(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.refuse_left_out() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception 'a trigger on public.background_jobs left the job out'
    using errcode = 'integrity_constraint_violation', hint = 'Its BEFORE INSERT triggers decide what is let in.';
end $$;


ALTER FUNCTION jobferry.refuse_left_out() OWNER TO CURRENT_USER;

--
-- Name: refuse_rewriting_history(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.refuse_rewriting_history() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception 'public.background_job_events is append-only: % refused', tg_op
    using errcode = 'JF002', hint = 'The audit log is only ever added to.';
end $$;


ALTER FUNCTION jobferry.refuse_rewriting_history() OWNER TO CURRENT_USER;

--
-- Name: register_processor(text, text[], text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.register_processor(processor text, tasks text[], version text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobferry.processors (id, tasks, version) values (processor, register_processor.tasks, register_processor.version)
  on conflict (id) do update set tasks = excluded.tasks, last_seen = now()
$$;


ALTER FUNCTION jobferry.register_processor(processor text, tasks text[], version text) OWNER TO jobferry_engine;

--
-- Name: release_batch(text, uuid[], smallint[], interval[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[] DEFAULT NULL::interval[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET random_page_cost TO '1'
    AS $$
declare
  owners text[];
  had integer;
begin
  with free as materialized (
    select i.*, b.finished_at is not null as over
    from unnest(ids, attempt_numbers, delays) i(id, attempt, delay)
    join public.background_jobs b on b.id = i.id for no key update of b skip locked
  ),
  held as materialized (
    select q.job_id, f.over, f.delay
    from jobferry.queue q join free f on q.job_id = f.id and q.locked_by = processor and q.attempts = f.attempt
    for update of q
  ),
  dropped as (delete from jobferry.queue q using held h where q.job_id = h.job_id and h.over),
  freed as (
    update jobferry.queue q
    set locked_by = null, locked_until = null, attempts = q.attempts - 1, run_at = coalesce(now() + h.delay, q.run_at)
    from held h where q.job_id = h.job_id and not h.over
    returning q.job_id, q.attempts, q.run_at, h.delay
  ),
  released as (
    update public.background_jobs b
    set status = case when f.delay > interval '0' then 'scheduled' else 'queued' end,
      attempts = f.attempts, run_at = f.run_at, version = pg_current_xact_id()
    from freed f where b.id = f.job_id
    returning b.id, b.submitted_by, b.attempts, b.status
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, case status when 'scheduled' then 'snoozed' else 'released' end, attempts, jobferry.actor(processor)
    from released
  )
  select array_agg(distinct submitted_by), (select count(*) from free) into owners, had from released;
  perform jobferry.announce(owners);
  perform pg_notify('jobferry_queue', '');
  return cardinality(ids) - had;
end $$;


ALTER FUNCTION jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[]) OWNER TO jobferry_engine;

--
-- Name: release_failed_keys(text[], text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.release_failed_keys(owners text[], job_keys text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update public.background_jobs b set job_key = null
  from unnest(owners, job_keys) k(owner, job_key)
  cross join lateral (
    select f.id from public.background_jobs f
    where coalesce(f.submitted_by, '') = coalesce(k.owner, '') and f.job_key = k.job_key
      and f.job_key is not null and f.status = 'failed'
    offset 0
  ) failed
  where b.id = failed.id;
end $$;


ALTER FUNCTION jobferry.release_failed_keys(owners text[], job_keys text[]) OWNER TO CURRENT_USER;

--
-- Name: release_jobs(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.release_jobs(worker_id text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  ids uuid[];
  attempts smallint[];
begin
  perform from public.background_jobs b
  where b.id in (select q.job_id from jobferry.queue q where q.locked_by = 'worker ' || worker_id)
  order by b.id for no key update;
  select array_agg(q.job_id), array_agg(q.attempts) into ids, attempts
  from jobferry.queue q where q.locked_by = 'worker ' || worker_id;
  if ids is null then
    return 0;
  end if;
  return cardinality(ids) - jobferry.release_batch('worker ' || worker_id, ids, attempts);
end $$;


ALTER FUNCTION jobferry.release_jobs(worker_id text) OWNER TO jobferry_engine;

--
-- Name: release_keys(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.release_keys(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobferry.queue q set max_attempts = greatest(q.attempts, 1) where q.job_id = any (ids);
  update public.background_jobs b
  set job_key = null, max_attempts = greatest(b.attempts, 1),
    revised = pg_current_xact_id(), version = pg_current_xact_id()
  where b.id = any (ids);
end $$;


ALTER FUNCTION jobferry.release_keys(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: release_unknown(text, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.release_unknown(processor text, known uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(jobferry.lease_key(processor));
  perform jobferry.release_batch(processor, array_agg(q.job_id), array_agg(q.attempts))
  from jobferry.queue q where q.locked_by = processor and q.job_id <> all (known) having count(*) > 0;
end $$;


ALTER FUNCTION jobferry.release_unknown(processor text, known uuid[]) OWNER TO jobferry_engine;

--
-- Name: remove_job(text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.remove_job(job_key text, owner text DEFAULT NULL::text) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  held uuid[];
  job record;
begin
  perform pg_advisory_xact_lock(jobferry.key_lock(owner, job_key));
  held := array(select k.id from jobferry.keyed_jobs(array[owner], array[job_key]) k);
  perform jobferry.hold_jobs(held);
  for job in select k.* from jobferry.keyed_jobs(array[owner], array[job_key]) k where k.id = any (held) loop
    if job.running then
      perform jobferry.release_keys(array[job.id]);
      insert into public.background_job_events (job_id, owner, event, attempt, actor)
      select b.id, b.submitted_by, 'removed', b.attempts, jobferry.asker() from public.background_jobs b where b.id = job.id;
      perform jobferry.announce(array[owner]) where owner is not null;
    else
      perform jobferry.end_jobs(array[job.id], 'cancelled', null, jobferry.asker(), null);
    end if;
  end loop;
  perform jobferry.release_failed_keys(array[owner], array[job_key]);
  return query select * from public.background_jobs b where b.id = any (held);
end $$;


ALTER FUNCTION jobferry.remove_job(job_key text, owner text) OWNER TO jobferry_engine;

--
-- Name: remove_scheduled_job(bigint); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.remove_scheduled_job(id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from jobferry.scheduled_jobs s where s.id = remove_scheduled_job.id;
  return found;
end $$;


ALTER FUNCTION jobferry.remove_scheduled_job(id bigint) OWNER TO jobferry_engine;

--
-- Name: replace_jobs(uuid[], text[], jobferry.job_spec[], boolean, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
  with fresh as (
    select b.id, s.identifier, s.queue_name, s.flags,
      coalesce(s.priority, 0) as priority, coalesce(s.max_attempts, 25) as max_attempts,
      coalesce(s.payload::jsonb, '{}') as payload,
      case when preserve and b.attempts = 0 then b.run_at else coalesce(s.run_at, now()) end as run_at
    from unnest(ids, job_keys) k(id, job_key) join unnest(specs) s on s.job_key = k.job_key
    join public.background_jobs b on b.id = k.id
  ),
  replaced as (
    update public.background_jobs b
    set payload = case when jsonb_typeof(b.payload) = 'array' and jsonb_typeof(f.payload) = 'array'
        then b.payload || f.payload else f.payload end,
      task = f.identifier, queue_name = f.queue_name, priority = f.priority, run_at = f.run_at,
      max_attempts = f.max_attempts, flags = f.flags, database_id = replace_jobs.database_id,
      attempts = 0, progress = 0, result = null, error = null, started_at = null,
      status = jobferry.status_of(false, false, f.run_at),
      revised = pg_current_xact_id(), version = pg_current_xact_id()
    from fresh f where b.id = f.id
    returning b.*
  ),
  requeued as (
    update jobferry.queue q
    set task = r.task, queue_name = r.queue_name, priority = r.priority, run_at = r.run_at, attempts = 0,
      max_attempts = r.max_attempts, flags = r.flags
    from replaced r where q.job_id = r.id
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select r.id, r.submitted_by, 'replaced', 0, jobferry.asker() from replaced r
  )
  select * from replaced;
end $$;


ALTER FUNCTION jobferry.replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: requeue_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.requeue_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (NEW.task, NEW.queue_name, NEW.priority, NEW.run_at, NEW.max_attempts, NEW.flags)
     is not distinct from (OLD.task, OLD.queue_name, OLD.priority, OLD.run_at, OLD.max_attempts, OLD.flags) then
    return null;
  end if;
  update jobferry.queue set task = NEW.task, queue_name = NEW.queue_name, priority = NEW.priority,
    run_at = NEW.run_at, max_attempts = NEW.max_attempts, flags = NEW.flags
  where job_id = (select job_id from jobferry.queue where job_id = NEW.id for update skip locked);
  perform pg_notify('jobferry_queue', '');
  return null;
end $$;


ALTER FUNCTION jobferry.requeue_job() OWNER TO jobferry_engine;

--
-- Name: reschedule_jobs(uuid[], timestamp with time zone, integer, integer, integer); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.reschedule_jobs(job_ids uuid[], run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, priority integer DEFAULT NULL::integer, attempts integer DEFAULT NULL::integer, max_attempts integer DEFAULT NULL::integer) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  waiting uuid[];
  owners text[];
begin
  perform jobferry.lock_failed_keys(job_ids);
  perform jobferry.hold_jobs(job_ids);
  perform jobferry.drop_taken_keys(job_ids);
  waiting := jobferry.waiting_of(job_ids);
  return query
  with wanted as (
    select b.id, b.status as old_status,
      coalesce(reschedule_jobs.run_at, b.run_at) as run_at, coalesce(reschedule_jobs.priority, b.priority) as priority,
      coalesce(reschedule_jobs.attempts, b.attempts) as attempts,
      coalesce(reschedule_jobs.max_attempts, b.max_attempts) as max_attempts
    from public.background_jobs b
    where b.id = any (waiting)
      -- Of an erased job nothing is left to be run.
      or (b.id = any (job_ids) and b.status = 'failed' and b.error is distinct from jobferry.erasure())
  ),
  moved as (
    update public.background_jobs b
    set run_at = w.run_at, priority = w.priority, attempts = w.attempts, max_attempts = w.max_attempts,
      status = case when w.old_status = 'retrying' and w.attempts > 0 then 'retrying'
        else jobferry.status_of(false, false, w.run_at) end,
      finished_at = null, revised = pg_current_xact_id(), version = pg_current_xact_id()
    from wanted w where b.id = w.id
    returning b.*
  ),
  queued as (
    insert into jobferry.queue as q (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select m.id, m.task, m.queue_name, m.priority, m.run_at, m.attempts, m.max_attempts, m.flags from moved m
    on conflict (job_id) do update set priority = excluded.priority, run_at = excluded.run_at,
      attempts = excluded.attempts, max_attempts = excluded.max_attempts, locked_by = null, locked_until = null
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select m.id, m.submitted_by, case when w.old_status = 'failed' then 'revived' else 'rescheduled' end,
      m.attempts, jobferry.asker()
    from moved m join wanted w on w.id = m.id
  )
  select * from moved;
  select array_agg(distinct b.submitted_by) into owners from public.background_jobs b where b.id = any (job_ids);
  perform jobferry.announce(owners);
  perform pg_notify('jobferry_queue', '');
end $$;


ALTER FUNCTION jobferry.reschedule_jobs(job_ids uuid[], run_at timestamp with time zone, priority integer, attempts integer, max_attempts integer) OWNER TO jobferry_engine;

--
-- Name: resend_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.resend_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if exists (select from jobferry.delegated d where d.job_id = NEW.id) and jobferry.take_back(array[NEW.id]) > 0 then
    update jobferry.queue set task = NEW.task, queue_name = NEW.queue_name, priority = NEW.priority,
      run_at = NEW.run_at, max_attempts = NEW.max_attempts, flags = NEW.flags
    where job_id = NEW.id;
    perform jobferry.hand_over(array[NEW.id]);
  end if;
  return null;
end $$;


ALTER FUNCTION jobferry.resend_job() OWNER TO jobferry_engine;

--
-- Name: resume_queue(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.resume_queue(queue_name text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from jobferry.paused_queues p where p.queue_name = resume_queue.queue_name;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('queue', queue_name));
  perform pg_notify('jobferry_queue', '');
  return true;
end $$;


ALTER FUNCTION jobferry.resume_queue(queue_name text) OWNER TO jobferry_engine;

--
-- Name: resume_scheduled_job(bigint); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.resume_scheduled_job(id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobferry.scheduled_jobs s set paused_at = null, planned_at = null
  where s.id = resume_scheduled_job.id and s.paused_at is not null;
  if not found then
    return false;
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('schedule', id));
  return true;
end $$;


ALTER FUNCTION jobferry.resume_scheduled_job(id bigint) OWNER TO jobferry_engine;

--
-- Name: resume_task(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.resume_task(task text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  most integer;
begin
  perform pg_advisory_xact_lock(jobferry.limit_key(task));
  update jobferry.task_limits l set paused_at = null where l.task = resume_task.task and l.paused_at is not null
  returning l.max_running into most;
  if not found then
    return false;
  end if;
  if most = jobferry.no_limit() then
    perform jobferry.limit_task(task, null);
  end if;
  perform jobferry.note_administration('resumed', jsonb_build_object('task', task));
  perform pg_notify('jobferry_queue', '');
  return true;
end $$;


ALTER FUNCTION jobferry.resume_task(task text) OWNER TO jobferry_engine;

--
-- Name: revoke_owner(text, timestamp with time zone, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.revoke_owner(owner text, issued_before timestamp with time zone DEFAULT now(), reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  if revoke_owner.owner is null or revoke_owner.owner = '' then
    raise exception 'no owner was named' using errcode = 'JF070', hint = 'The owner is the subject of the tokens.';
  end if;
  insert into jobferry.revocations as r (owner, issued_before, reason)
  values (revoke_owner.owner, coalesce(revoke_owner.issued_before, now()), revoke_owner.reason)
  on conflict (owner) do update set issued_before = greatest(r.issued_before, excluded.issued_before),
    reason = excluded.reason, revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by;
end $$;


ALTER FUNCTION jobferry.revoke_owner(owner text, issued_before timestamp with time zone, reason text) OWNER TO jobferry_engine;

--
-- Name: revoke_sight(regrole); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.revoke_sight(role regrole) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  taken integer;
begin
  delete from jobferry.sights s where s.role = revoke_sight.role;
  get diagnostics taken = row_count;
  return taken;
end $$;


ALTER FUNCTION jobferry.revoke_sight(role regrole) OWNER TO jobferry_engine;

--
-- Name: revoke_token(text, timestamp with time zone, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.revoke_token(token_id text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  if revoke_token.token_id is null or revoke_token.token_id = '' then
    raise exception 'a token without an id can not be revoked by its id'
      using errcode = 'JF070', hint = 'Revoke all tokens of its owner: jobferry.revoke_owner.';
  end if;
  delete from jobferry.revocations r where r.expires_at < now() - interval '1 day';
  insert into jobferry.revocations as r (token_id, expires_at, reason)
  values (revoke_token.token_id, revoke_token.expires_at, revoke_token.reason)
  on conflict (token_id) do update set expires_at = excluded.expires_at, reason = excluded.reason,
    revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by;
end $$;


ALTER FUNCTION jobferry.revoke_token(token_id text, expires_at timestamp with time zone, reason text) OWNER TO jobferry_engine;

--
-- Name: ring_for(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.ring_for(owner text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.announce(array[owner]) where owner is not null;
  perform pg_notify('jobferry_queue', '');
end $$;


ALTER FUNCTION jobferry.ring_for(owner text) OWNER TO CURRENT_USER;

--
-- Name: ring_queue(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.ring_queue() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  perform pg_catalog.pg_notify('jobferry_queue', '');
  return null;
end $$;


ALTER FUNCTION jobferry.ring_queue() OWNER TO CURRENT_USER;

--
-- Name: ring_revocations(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.ring_revocations() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  perform pg_catalog.pg_notify('jobferry_revocations', '');
  return null;
end $$;


ALTER FUNCTION jobferry.ring_revocations() OWNER TO CURRENT_USER;

--
-- Name: ring_scheduler(); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.ring_scheduler() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  perform pg_catalog.pg_notify('jobferry_queue', 'schedules');
  return null;
end $$;


ALTER FUNCTION jobferry.ring_scheduler() OWNER TO CURRENT_USER;

--
-- Name: run_scheduled_job(bigint, interval); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval DEFAULT '01:00:00'::interval) RETURNS public.background_jobs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  schedule jobferry.scheduled_jobs;
  job public.background_jobs;
begin
  select * into schedule from jobferry.scheduled_jobs s where s.id = run_scheduled_job.id for update;
  if not found then
    raise exception 'there is no schedule %', id using errcode = 'JF051', hint = '"jobferry schedule ls" lists them.';
  end if;
  select * into job from public.background_jobs b
  where b.id = schedule.last_scheduled_id and b.finished_at is null
    and coalesce(b.started_at, b.received_at) > now() - job_expiry;
  if found then
    raise exception 'the last job of schedule %, %, is not finished: it is %', schedule.id, job.id, job.status
      using errcode = 'JF052', hint = 'Wait for it, cancel it, or pass a shorter job_expiry.';
  end if;
  job := jobferry.add_slot(schedule, now(), false);
  update jobferry.scheduled_jobs s set last_scheduled = now(), last_scheduled_id = job.id where s.id = schedule.id;
  return job;
end $$;


ALTER FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval) OWNER TO jobferry_engine;

--
-- Name: seen_in_engine(text, text, text, text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.seen_in_engine(engine text, schema_name text, foreign_id text, queue text) RETURNS TABLE(state text, ended boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  return query execute format(case engine
    when 'procrastinate' then $sql$
      select status::text, status not in ('todo', 'doing') from %1$I.procrastinate_jobs where id = $1::bigint
    $sql$
    when 'pgqueuer' then $sql$
      select status::text, status not in ('queued', 'picked') from %1$I.pgqueuer where id = $1::bigint
    $sql$
    when 'graphile-worker' then $sql$
      select case when locked_at is not null then 'locked' when attempts >= max_attempts then 'failed' else 'waiting' end,
        locked_at is null and attempts >= max_attempts
      from %1$I._private_jobs where id = $1::bigint
    $sql$
    when 'pg-boss' then $sql$
      select state::text, state > 'active' from %1$I.job where name = $2 and id = $1::uuid
    $sql$
    when 'oban' then $sql$
      select state::text, state in ('completed', 'discarded', 'cancelled') from %1$I.oban_jobs where id = $1::bigint
    $sql$ end, schema_name) using foreign_id, queue;
end $_$;


ALTER FUNCTION jobferry.seen_in_engine(engine text, schema_name text, foreign_id text, queue text) OWNER TO jobferry_engine;

--
-- Name: send_to_engine(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.send_to_engine(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $$
begin
  perform set_config('search_path', format('%I, pg_temp', delegate.schema_name), true);
  case delegate.engine
    when 'procrastinate' then perform jobferry.send_to_procrastinate(delegate, ids);
    when 'pgqueuer' then perform jobferry.send_to_pgqueuer(delegate, ids);
    when 'graphile-worker' then perform jobferry.send_to_graphile_worker(delegate, ids);
    when 'pg-boss' then perform jobferry.send_to_pg_boss(delegate, ids);
    when 'oban' then perform jobferry.send_to_oban(delegate, ids);
  end case;
  if (select count(*) from jobferry.delegated d where d.job_id = any (ids)) < cardinality(ids) then
    raise exception '% did not take the jobs of task %', delegate.engine, delegate.task
      using errcode = 'JF062', hint = 'pg-boss takes jobs for a queue that was created there, and no others.';
  end if;
end $$;


ALTER FUNCTION jobferry.send_to_engine(delegate jobferry.delegates, ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: send_to_graphile_worker(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
  execute format($sql$
    with sent as (
      select id, key from %1$I.add_jobs(array(
        select jsonb_populate_record(null::%1$I.job_spec, jsonb_build_object('identifier', $5,
          'payload', jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), 'queue_name', b.queue_name,
          'run_at', b.run_at, 'max_attempts', greatest(b.max_attempts - b.attempts, 1), 'job_key', b.id, 'priority', b.priority, 'flags', b.flags))
        from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id))
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select key::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $_$;


ALTER FUNCTION jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: send_to_oban(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.oban_jobs (state, queue, worker, args, max_attempts, priority, scheduled_at)
      select (case when b.run_at > now() then 'scheduled' else 'available' end)::%1$I.oban_job_state, $4, $5,
        jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), greatest(b.max_attempts - b.attempts, 1),
        least(greatest(b.priority, 0), 9), b.run_at at time zone 'UTC'
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, args
    ),
    rung as materialized (select pg_notify('oban_insert', json_build_object('queue', $4)::text))
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select (args ->> 'jobferry_job_id')::uuid, $2, $3, $4, id::text from sent, (select count(*) from rung) r
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $_$;


ALTER FUNCTION jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: send_to_pg_boss(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
  execute format($sql$
    with q as (select * from %1$I.queue where name = $4 for key share),
    sent as (
      insert into %1$I.job (name, data, priority, start_after, singleton_key, retry_limit, retry_delay, retry_backoff,
        retry_delay_max, expire_seconds, deletion_seconds, keep_until, policy, dead_letter, heartbeat_seconds)
      select q.name, jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), -b.priority::integer, b.run_at,
        coalesce(b.queue_name, b.id::text), greatest(b.max_attempts - b.attempts, 1) - 1, 3, true, q.retry_delay_max, q.expire_seconds,
        q.deletion_seconds, b.run_at + q.retention_seconds * interval '1 second', q.policy, q.dead_letter, q.heartbeat_seconds
      from public.background_jobs b cross join q where b.id = any ($1) order by b.run_at, b.id
      returning id, data
    ),
    rung as materialized (
      select pg_notify('pgboss_' || left(encode(sha224(convert_to($3, 'UTF8')), 'hex'), 24), q.name) from q where q.notify
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select (data ->> 'jobferry_job_id')::uuid, $2, $3, $4, id::text from sent, (select count(*) from rung) r
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue;
end $_$;


ALTER FUNCTION jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: send_to_pgqueuer(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
      select -b.priority::integer, $5, convert_to(jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload)::text, 'UTF8'),
        b.run_at, b.id::text, 'queued'
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, dedupe_key, priority
    ),
    logged as (
      insert into %1$I.pgqueuer_log (job_id, status, entrypoint, priority) select id, 'queued', $5, priority from sent
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select dedupe_key::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $_$;


ALTER FUNCTION jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: send_to_procrastinate(jobferry.delegates, uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    AS $_$
begin
  execute format($sql$
    with sent as (
      insert into %1$I.procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
      select $4, $5, -b.priority::integer, b.queue_name, b.id::text,
        jsonb_build_object('jobferry_job_id', b.id, 'payload', b.payload), case when b.run_at > now() then b.run_at end
      from public.background_jobs b where b.id = any ($1) order by b.run_at, b.id
      returning id, queueing_lock
    )
    insert into jobferry.delegated (job_id, engine, schema_name, queue, foreign_id)
    select queueing_lock::uuid, $2, $3, $4, id::text from sent
  $sql$, delegate.schema_name) using ids, delegate.engine, delegate.schema_name, delegate.queue, delegate.foreign_task;
end $_$;


ALTER FUNCTION jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: settle_functions(); Type: PROCEDURE; Schema: jobferry; Owner: postgres
--

CREATE PROCEDURE jobferry.settle_functions()
    LANGUAGE plpgsql
    AS $$
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


ALTER PROCEDURE jobferry.settle_functions() OWNER TO CURRENT_USER;

--
-- Name: settle_restored(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.settle_restored() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  here bigint := (select system_identifier from pg_control_system());
  past xid8 := pg_snapshot_xmin(pg_current_snapshot());
  settled bigint;
begin
  if here = (select cluster from jobferry.identity) then
    return 0;
  end if;
  update jobferry.identity set cluster = here where cluster is distinct from here;
  if not found then
    return 0;
  end if;
  update public.background_jobs b set
    version = pg_current_xact_id(),
    created = case when b.created < past then b.created else pg_current_xact_id() end,
    revised = case when b.revised < past then b.revised when b.revised is not null then pg_current_xact_id() end
  where b.version >= past or b.created >= past or b.revised >= past;
  get diagnostics settled = row_count;
  update jobferry.tombstones t set version = pg_current_xact_id() where t.version >= past;
  update jobferry.retention set forgotten = '0';
  return settled;
end $$;


ALTER FUNCTION jobferry.settle_restored() OWNER TO jobferry_engine;

--
-- Name: sights; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.sights (
    role regrole NOT NULL,
    tenant uuid,
    owner_prefix text,
    by_setting boolean DEFAULT false NOT NULL,
    CONSTRAINT sights_kind CHECK (((num_nonnulls(tenant, owner_prefix) + (by_setting)::integer) = 1)),
    CONSTRAINT sights_prefix CHECK ((owner_prefix <> ''::text))
);


ALTER TABLE jobferry.sights OWNER TO CURRENT_USER;

--
-- Name: sights_of(name); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.sights_of(who name) RETURNS SETOF jobferry.sights
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.* from jobferry.sights s
  where pg_has_role(who, s.role, 'usage') and pg_has_role(session_user, who, 'member')
$$;


ALTER FUNCTION jobferry.sights_of(who name) OWNER TO jobferry_engine;

--
-- Name: stamp_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.stamp_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  NEW.created := pg_current_xact_id();
  NEW.version := NEW.created;
  NEW.revised := null;
  NEW.received_at := now();
  NEW.status := jobferry.status_of(NEW.completed, NEW.cancelled, NEW.run_at);
  NEW.finished_at := case when NEW.completed or NEW.cancelled then now() end;
  return NEW;
end $$;


ALTER FUNCTION jobferry.stamp_job() OWNER TO jobferry_engine;

--
-- Name: status_of(boolean, boolean, timestamp with time zone); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$ select case when cancelled then 'cancelled' when completed then 'completed' when run_at > now() then 'scheduled' else 'queued' end $$;


ALTER FUNCTION jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone) OWNER TO CURRENT_USER;

--
-- Name: stop_delegated(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.stop_delegated() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  it jobferry.delegated;
begin
  delete from jobferry.delegated d where d.job_id = OLD.job_id returning * into it;
  if it.job_id is not null and current_setting('jobferry.locked_engine', true) is distinct from it.engine then
    begin
      perform jobferry.stop_in_engine(it, true);
    exception when others then
      if sqlstate = '55P03' then
        perform set_config('jobferry.locked_engine', it.engine, true);
      end if;
      raise warning 'job % could not be stopped in %: %', it.job_id, it.engine, sqlerrm;
    end;
  end if;
  return null;
end $$;


ALTER FUNCTION jobferry.stop_delegated() OWNER TO jobferry_engine;

--
-- Name: delegated; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.delegated (
    job_id uuid NOT NULL,
    engine text NOT NULL,
    schema_name text NOT NULL,
    queue text,
    foreign_id text NOT NULL,
    handed_over_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE jobferry.delegated OWNER TO CURRENT_USER;

--
-- Name: stop_in_engine(jobferry.delegated, boolean); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.stop_in_engine(it jobferry.delegated, interrupt boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $_$
begin
  perform set_config('search_path', format('%I, pg_temp', it.schema_name), true);
  execute format(case it.engine
    when 'procrastinate' then $sql$
      update %1$I.procrastinate_jobs p set abort_requested = p.status = 'doing',
        status = case p.status when 'todo' then 'cancelled' else p.status end
      where p.id = (select id from %1$I.procrastinate_jobs
        where id = $1::bigint and (status = 'todo' or status = 'doing' and $3) for update skip locked)
    $sql$
    when 'pgqueuer' then $sql$
      with stopped as (
        delete from %1$I.pgqueuer p
        where p.id = (select id from %1$I.pgqueuer where id = $1::bigint and status = 'queued' for update skip locked)
        returning id, entrypoint, priority
      )
      insert into %1$I.pgqueuer_log (job_id, status, entrypoint, priority) select id, 'canceled', entrypoint, priority from stopped
    $sql$
    when 'graphile-worker' then $sql$
      delete from %1$I._private_jobs j
      where j.id = (select id from %1$I._private_jobs where id = $1::bigint and locked_at is null for update skip locked)
    $sql$
    when 'pg-boss' then $sql$
      update %1$I.job j set state = 'cancelled', completed_on = now()
      where (j.name, j.id) = (select name, id from %1$I.job
        where name = $2 and id = $1::uuid and state < 'active' for update skip locked)
    $sql$
    when 'oban' then $sql$
      update %1$I.oban_jobs o set state = 'cancelled', cancelled_at = now() at time zone 'UTC'
      where o.id = (select id from %1$I.oban_jobs
        where id = $1::bigint and state in ('available', 'scheduled', 'retryable') for update skip locked)
    $sql$ end, it.schema_name) using it.foreign_id, it.queue, interrupt;
  return not exists (select from jobferry.seen_in_engine(it.engine, it.schema_name, it.foreign_id, it.queue) s where not s.ended);
end $_$;


ALTER FUNCTION jobferry.stop_in_engine(it jobferry.delegated, interrupt boolean) OWNER TO jobferry_engine;

--
-- Name: submit_batch(uuid[], text[], uuid[], timestamp with time zone[], text[], text[], text[], smallint[], timestamp with time zone[], smallint[], text[], text[], uuid[], boolean[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[]) RETURNS TABLE(number integer, code text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  added integer;
  ready integer;
  owners_added text[];
  keyed boolean := cardinality(array_remove(job_keys, null)) > 0;
  way record;
  held integer[] := '{}';
  place integer;
begin
  if keyed then
    select * into way from jobferry.make_way(ids, owners, client_ids, job_keys, cancels);
    held := way.held;
    foreach place in array coalesce(way.overtaken, '{}') loop
      cancels[place] := true;
    end loop;
  end if;

  with input as (
    select * from unnest(ids, owners, client_ids, timestamps, payloads, tasks, queue_names, priorities,
      run_ats, submit_batch.max_attempts, job_keys, submit_batch.flags, database_ids, cancels) with ordinality
      as i(id, owner, client_id, "timestamp", payload, task, queue_name, priority,
        run_at, max_attempts, job_key, flags, database_id, cancelled, number)
  ),
  added as (
    insert into public.background_jobs (id, submitted_by, client_id, "timestamp", payload, task, queue_name,
      priority, run_at, max_attempts, job_key, flags, database_id, cancelled, status, finished_at)
    select i.id, i.owner, i.client_id, i."timestamp", i.payload::jsonb, i.task, i.queue_name,
      i.priority, coalesce(i.run_at, now() - (cardinality(ids) - i.number) * interval '1 microsecond'), i.max_attempts, i.job_key, i.flags::text[], i.database_id, i.cancelled,
      case when i.cancelled then 'cancelled' when i.run_at > now() then 'scheduled' else 'queued' end,
      case when i.cancelled then now() end
    from input i
    where i.number <> all (held)
      and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id)
    order by i.id, i.number
    on conflict do nothing
    returning id, submitted_by, client_id, task, queue_name, priority, run_at, max_attempts, flags, status
  ),
  queued as (
    insert into jobferry.queue (job_id, task, queue_name, priority, run_at, attempts, max_attempts, flags)
    select id, task, queue_name, priority, run_at, 0, max_attempts, flags from added where status <> 'cancelled'
  ),
  audited as (
    insert into public.background_job_events (job_id, owner, event, attempt, actor)
    select id, submitted_by, 'submitted', 0, 'device ' || client_id from added
  )
  select count(*), count(*) filter (where status <> 'cancelled'), array_agg(distinct submitted_by)
  into added, ready, owners_added from added;

  perform jobferry.announce(owners_added);
  if ready > 0 then
    perform pg_notify('jobferry_queue', '');
  end if;
  if keyed then
    perform jobferry.note_overtaken(array(select ids[n] from unnest(way.overtaken) n), way.heirs);
    return query
      select i.number::integer, 'busy' from unnest(ids, job_keys) with ordinality i(id, job_key, number)
      where i.job_key is not null and not exists (select from public.background_jobs b where b.id = i.id)
        and not exists (select from jobferry.tombstones t where t.job_id = i.id);
  end if;
  if added < cardinality(ids) then
    -- A trigger of somebody else's on an adopted table can leave a row out without a word. It is that row's
    -- fault: the gateway looks for it by halves and rejects it.
    perform from unnest(ids, job_keys) i(id, job_key)
    where i.job_key is null and not exists (select from public.background_jobs b where b.id = i.id)
      and not exists (select from jobferry.tombstones t where t.job_id = i.id);
    if found then
      perform jobferry.refuse_left_out();
    end if;
    return query
      select i.number::integer, case when b.submitted_by is distinct from i.owner then 'id_taken' else 'content_differs' end
      from unnest(ids, owners, payloads, tasks, client_ids) with ordinality i(id, owner, payload, task, client_id, number)
      join public.background_jobs b on b.id = i.id
      where b.submitted_by is distinct from i.owner
        or ((b.task <> i.task or b.payload <> i.payload::jsonb)
          -- What the device once sent, and the server has revised since, is still its job.
          and (b.revised is null or b.client_id is distinct from i.client_id))
      union all
      select i.number::integer, case when t.owner <> i.owner then 'id_taken' else 'gone' end
      from unnest(ids, owners) with ordinality i(id, owner, number)
      join jobferry.tombstones t on t.job_id = i.id
      where not exists (select from public.background_jobs b where b.id = i.id);
    perform jobferry.tell_again(ids, owners, client_ids, payloads, tasks);
  end if;
end $$;


ALTER FUNCTION jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[]) OWNER TO jobferry_engine;

--
-- Name: take_back(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.take_back(ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  it record;
  came uuid[];
begin
  for it in
    with free as materialized (
      select b.id from public.background_jobs b join jobferry.delegated d on d.job_id = b.id
      where b.id = any (ids) order by b.id for no key update of b skip locked
    )
    select d as delegated, q.attempts, q.job_id
    from free f join jobferry.queue q on q.job_id = f.id join jobferry.delegated d on d.job_id = f.id
    for update of q skip locked
  loop
    if jobferry.stop_in_engine(it.delegated, false) then
      perform jobferry.delegated_failed(it.job_id, it.attempts, 'the worker that ran this job died', null, '0', 'processor_lost');
      came := came || it.job_id;
    end if;
  end loop;
  if came is null then
    return 0;
  end if;
  delete from jobferry.delegated d where d.job_id = any (came);
  update jobferry.queue q set locked_by = null where q.job_id = any (came);
  insert into public.background_job_events (job_id, owner, event, attempt, actor)
  select b.id, b.submitted_by, 'taken_back', b.attempts, jobferry.asker()
  from public.background_jobs b where b.id = any (came) and b.finished_at is null;
  perform pg_notify('jobferry_queue', '');
  return cardinality(came);
end $$;


ALTER FUNCTION jobferry.take_back(ids uuid[]) OWNER TO jobferry_engine;

--
-- Name: tell_again(uuid[], text[], uuid[], text[], text[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with mine as materialized (
    select b.id from unnest(ids, owners, client_ids, payloads, tasks) i(id, owner, client_id, payload, task)
    join public.background_jobs b on b.id = i.id and b.submitted_by = i.owner and b.client_id = i.client_id
    where b.created <> pg_current_xact_id()
      and (b.revised is not null
        or (b.version = b.created and b.finished_at is null and b.task = i.task and b.payload = i.payload::jsonb))
    for no key update of b skip locked
  ),
  told as (
    update public.background_jobs b
    set revised = case when b.revised is not null then pg_current_xact_id() end, version = pg_current_xact_id()
    from mine where b.id = mine.id returning b.submitted_by
  )
  select jobferry.announce(array_agg(distinct submitted_by)) from told
$$;


ALTER FUNCTION jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]) OWNER TO CURRENT_USER;

--
-- Name: tell_by(regprocedure); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.tell_by(teller regprocedure) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  execute format('create or replace trigger process_job_trigger after insert on public.background_jobs'
    ' for each row execute function %s', teller);
  alter table public.background_jobs enable always trigger process_job_trigger;
end $$;


ALTER FUNCTION jobferry.tell_by(teller regprocedure) OWNER TO CURRENT_USER;

--
-- Name: tenants_in_sight(name); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.tenants_in_sight(who name) RETURNS uuid[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array_agg(case when s.by_setting then nullif(current_setting('jobferry.tenant', true), '')::uuid else s.tenant end)
  from jobferry.sights_of(who) s
$$;


ALTER FUNCTION jobferry.tenants_in_sight(who name) OWNER TO CURRENT_USER;

--
-- Name: tg_add_job_with_fields(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_trigger
--

CREATE FUNCTION jobferry.tg_add_job_with_fields() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{}');
begin
  perform jobferry.obey(said, coalesce((select jsonb_object_agg(name, line -> name) from unnest(said.columns) name), '{}'));
  return coalesce(NEW, OLD);
end $$;


ALTER FUNCTION jobferry.tg_add_job_with_fields() OWNER TO jobferry_trigger;

--
-- Name: tg_add_job_with_row(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_trigger
--

CREATE FUNCTION jobferry.tg_add_job_with_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
begin
  perform jobferry.obey(jobferry.read_order(tg_argv, line, '{}'), line);
  return coalesce(NEW, OLD);
end $$;


ALTER FUNCTION jobferry.tg_add_job_with_row() OWNER TO jobferry_trigger;

--
-- Name: tg_add_job_with_row_id(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_trigger
--

CREATE FUNCTION jobferry.tg_add_job_with_row_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{id}');
begin
  perform jobferry.obey(said, jsonb_build_object('id', line -> said.columns[1]));
  return coalesce(NEW, OLD);
end $$;


ALTER FUNCTION jobferry.tg_add_job_with_row_id() OWNER TO jobferry_trigger;

--
-- Name: trigger_job(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_trigger
--

CREATE FUNCTION jobferry.trigger_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  line jsonb := to_jsonb(coalesce(NEW, OLD));
  said jobferry.trigger_order := jobferry.read_order(tg_argv, line, '{id}');
begin
  perform jobferry.obey(said, jsonb_build_object(
    'schema', tg_table_schema, 'table', tg_table_name, 'op', tg_op, 'id', line -> said.columns[1]));
  return coalesce(NEW, OLD);
end $$;


ALTER FUNCTION jobferry.trigger_job() OWNER TO jobferry_trigger;

--
-- Name: try_hold_jobs(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.try_hold_jobs(ids uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  rows_held uuid[];
  entries_held uuid[];
begin
  rows_held := array(select b.id from public.background_jobs b where b.id = any (ids) for update skip locked);
  entries_held := array(select q.job_id from jobferry.queue q where q.job_id = any (rows_held) for update skip locked);
  return array(select id from unnest(rows_held) id
    where id = any (entries_held) or not exists (select from jobferry.queue q where q.job_id = id));
end $$;


ALTER FUNCTION jobferry.try_hold_jobs(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: try_keyed(jobferry.job_spec[], text, text, uuid); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) RETURNS SETOF public.background_jobs
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  owners text[] := array_fill(owner, array[cardinality(specs)]);
  keys text[] := array(select s.job_key from unnest(specs) s);
  held uuid[] := array(select k.id from jobferry.keyed_jobs(owners, keys) k);
  running uuid[];
  running_keys text[];
  waiting uuid[];
  waiting_keys text[];
begin
  if held <> '{}' then
    perform jobferry.hold_jobs(held);
    -- What another queue has not begun waits here again.
    perform jobferry.take_back(held);
    select array_agg(k.id) filter (where k.running), array_agg(k.job_key) filter (where k.running),
      array_agg(k.id) filter (where not k.running), array_agg(k.job_key) filter (where not k.running)
    into running, running_keys, waiting, waiting_keys
    from jobferry.keyed_jobs(owners, keys) k where k.id in (select unnest(held));
  end if;
  if running is not null then
    perform jobferry.release_keys(running);
  end if;
  perform jobferry.release_failed_keys(owners, keys);
  if waiting is not null then
    return query select * from jobferry.replace_jobs(waiting, waiting_keys, specs, mode = 'preserve_run_at', database_id);
    perform jobferry.hand_over(waiting);
    specs := array(select s from unnest(specs) s where s.job_key not in (select unnest(waiting_keys)));
  end if;
  if cardinality(specs) > 0 then
    return query select * from jobferry.insert_jobs(specs, owner, database_id);
  end if;
  if running is not null then
    perform jobferry.note_heirs(running, owner, running_keys);
  end if;
end $$;


ALTER FUNCTION jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) OWNER TO CURRENT_USER;

--
-- Name: undelegate(text); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.undelegate(task text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  lock table jobferry.queue in share row exclusive mode;
  delete from jobferry.delegates d where d.task = undelegate.task;
  if not found then
    return false;
  end if;
  delete from jobferry.left_behind l where l.task = undelegate.task;
  perform jobferry.take_back(array(
    select q.job_id from jobferry.queue q join jobferry.delegated using (job_id) where q.task = undelegate.task));
  if not exists (select from jobferry.delegates) then
    drop trigger if exists hand_over_trigger on jobferry.queue;
  end if;
  return true;
end $$;


ALTER FUNCTION jobferry.undelegate(task text) OWNER TO CURRENT_USER;

--
-- Name: unregister_processor(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.unregister_processor(processor text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobferry.release_unknown(processor, '{}');
  delete from jobferry.processors
  where id = processor and not exists (select from jobferry.queue q where q.locked_by = processor);
end $$;


ALTER FUNCTION jobferry.unregister_processor(processor text) OWNER TO jobferry_engine;

--
-- Name: unrevoke_owner(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.unrevoke_owner(owner text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  delete from jobferry.revocations r where r.owner = unrevoke_owner.owner;
  return found;
end $$;


ALTER FUNCTION jobferry.unrevoke_owner(owner text) OWNER TO jobferry_engine;

--
-- Name: FUNCTION unrevoke_owner(owner text); Type: COMMENT; Schema: jobferry; Owner: jobferry_engine
--

COMMENT ON FUNCTION jobferry.unrevoke_owner(owner text) IS 'Take it back; was there anything to take back?';


--
-- Name: unrevoke_token(text); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.unrevoke_token(token_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  delete from jobferry.revocations r where r.token_id = unrevoke_token.token_id;
  return found;
end $$;


ALTER FUNCTION jobferry.unrevoke_token(token_id text) OWNER TO jobferry_engine;

--
-- Name: unserved_tasks(); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.unserved_tasks() RETURNS TABLE(task text, jobs bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select q.task, count(*) from jobferry.queue q
  where q.run_at <= now() and q.locked_by is null
    and not exists (select from jobferry.processors p where q.task = any (p.tasks))
  group by q.task order by q.task
$$;


ALTER FUNCTION jobferry.unserved_tasks() OWNER TO jobferry_engine;

--
-- Name: until_next_slot(timestamp with time zone); Type: FUNCTION; Schema: jobferry; Owner: jobferry_engine
--

CREATE FUNCTION jobferry.until_next_slot(at timestamp with time zone) RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select extract(epoch from min(s.next_run_at) - coalesce(at, now()))::double precision from jobferry.scheduled_jobs s
$$;


ALTER FUNCTION jobferry.until_next_slot(at timestamp with time zone) OWNER TO jobferry_engine;

--
-- Name: waiting_of(uuid[]); Type: FUNCTION; Schema: jobferry; Owner: postgres
--

CREATE FUNCTION jobferry.waiting_of(ids uuid[]) RETURNS uuid[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array(
    select b.id from public.background_jobs b left join jobferry.queue q on q.job_id = b.id
    where b.id = any (ids) and b.finished_at is null and b.status <> 'running' and q.locked_by is null)
$$;


ALTER FUNCTION jobferry.waiting_of(ids uuid[]) OWNER TO CURRENT_USER;

--
-- Name: process_job(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.process_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  -- By its full name: what is read in the session of a caller once is kept, also for when the engine inserts.
  message pg_catalog.text;
begin
  if NEW.completed = false and NEW.cancelled = false then
    message := pg_catalog.row_to_json(NEW)::text;
    if pg_catalog.octet_length(message) > 7900 then
      message := ((pg_catalog.to_jsonb(NEW) - 'payload' - 'result') || '{"payload_omitted": true}')::text;
    end if;
    if pg_catalog.octet_length(message) > 7900 then
      message := pg_catalog.json_build_object('id', NEW.id, 'payload_omitted', true)::text;
    end if;
    message := pg_catalog.pg_notify('process_background_job', message);
  end if;
  return null;
end $$;


ALTER FUNCTION public.process_job() OWNER TO CURRENT_USER;

--
-- Name: devices; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.devices (
    client_id uuid NOT NULL,
    owner text NOT NULL,
    client_version text,
    pending integer DEFAULT 0 NOT NULL,
    oldest_pending_at timestamp with time zone,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    connection uuid,
    connected_until timestamp with time zone,
    rejected_at timestamp with time zone,
    rejected_job text,
    rejected_code text,
    rejected_message text
)
WITH (fillfactor='70');


ALTER TABLE jobferry.devices OWNER TO CURRENT_USER;

--
-- Name: identity; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.identity (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    only_one boolean DEFAULT true NOT NULL,
    cluster bigint,
    CONSTRAINT identity_only_one_check CHECK (only_one)
);


ALTER TABLE jobferry.identity OWNER TO CURRENT_USER;

--
-- Name: job_queues; Type: VIEW; Schema: jobferry; Owner: postgres
--

CREATE VIEW jobferry.job_queues AS
 SELECT queue_name AS name,
    count(*) FILTER (WHERE (locked_by IS NULL)) AS waiting,
    max(locked_by) AS locked_by,
    (array_agg(job_id) FILTER (WHERE (locked_by IS NOT NULL)))[1] AS job_id
   FROM jobferry.queue
  WHERE (queue_name IS NOT NULL)
  GROUP BY queue_name;


ALTER VIEW jobferry.job_queues OWNER TO CURRENT_USER;

--
-- Name: left_behind; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.left_behind (
    job_id uuid NOT NULL,
    task text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    tried_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE jobferry.left_behind OWNER TO CURRENT_USER;

--
-- Name: limited_jobs; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.limited_jobs (
    task text NOT NULL,
    job_id uuid NOT NULL
);


ALTER TABLE jobferry.limited_jobs OWNER TO CURRENT_USER;

--
-- Name: migrations; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE jobferry.migrations OWNER TO CURRENT_USER;

--
-- Name: owner_jobs; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.owner_jobs (
    owner text NOT NULL,
    at_most bigint DEFAULT 0 NOT NULL,
    let_in bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');


ALTER TABLE jobferry.owner_jobs OWNER TO CURRENT_USER;

--
-- Name: paused_queues; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.paused_queues (
    queue_name text NOT NULL,
    paused_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE jobferry.paused_queues OWNER TO CURRENT_USER;

--
-- Name: postponed_cancels; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.postponed_cancels (
    job_id uuid NOT NULL,
    owner text NOT NULL,
    client_id uuid NOT NULL
);


ALTER TABLE jobferry.postponed_cancels OWNER TO CURRENT_USER;

--
-- Name: processors; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.processors (
    id text NOT NULL,
    tasks text[] NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT processors_id CHECK ((NOT starts_with(id, 'worker '::text)))
)
WITH (fillfactor='50');


ALTER TABLE jobferry.processors OWNER TO CURRENT_USER;

--
-- Name: retention; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.retention (
    forgotten xid8 DEFAULT '0'::xid8 NOT NULL,
    only_one boolean DEFAULT true NOT NULL,
    CONSTRAINT retention_only_one_check CHECK (only_one)
);


ALTER TABLE jobferry.retention OWNER TO CURRENT_USER;

--
-- Name: revocations; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.revocations (
    token_id text,
    owner text,
    issued_before timestamp with time zone,
    expires_at timestamp with time zone,
    reason text,
    revoked_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT revocations_kind CHECK (((num_nonnulls(token_id, owner) = 1) AND ((owner IS NULL) = (issued_before IS NULL))))
);


ALTER TABLE jobferry.revocations OWNER TO CURRENT_USER;

--
-- Name: scheduled_jobs_id_seq; Type: SEQUENCE; Schema: jobferry; Owner: postgres
--

ALTER TABLE jobferry.scheduled_jobs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME jobferry.scheduled_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: task_limits; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.task_limits (
    task text NOT NULL,
    max_running integer NOT NULL,
    paused_at timestamp with time zone,
    CONSTRAINT task_limits_max_running_check CHECK ((max_running >= 0))
);


ALTER TABLE jobferry.task_limits OWNER TO CURRENT_USER;

--
-- Name: tombstones; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.tombstones (
    job_id uuid NOT NULL,
    owner text NOT NULL,
    version xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE jobferry.tombstones OWNER TO CURRENT_USER;

--
-- Name: traces; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.traces (
    job_id uuid NOT NULL,
    traceparent text NOT NULL,
    CONSTRAINT traces_traceparent_check CHECK ((traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'::text))
);


ALTER TABLE jobferry.traces OWNER TO CURRENT_USER;

--
-- Name: transitions; Type: TABLE; Schema: jobferry; Owner: postgres
--

CREATE TABLE jobferry.transitions (
    source text,
    target text NOT NULL,
    event text NOT NULL
);


ALTER TABLE jobferry.transitions OWNER TO CURRENT_USER;

--
-- Name: background_job_events; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.background_job_events (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    job_id uuid NOT NULL,
    owner text,
    event text NOT NULL,
    attempt smallint NOT NULL,
    actor text NOT NULL,
    detail jsonb
);


ALTER TABLE public.background_job_events OWNER TO CURRENT_USER;

--
-- Name: TABLE background_job_events; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.background_job_events IS 'The audit log: every transition of every job. Append-only.';


--
-- Name: COLUMN background_job_events.id; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.id IS 'In order of writing, not of commit.';


--
-- Name: COLUMN background_job_events.at; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.at IS 'When it was written, by the database''s clock.';


--
-- Name: COLUMN background_job_events.job_id; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.job_id IS 'Which job.';


--
-- Name: COLUMN background_job_events.owner; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.owner IS 'Whose job it is.';


--
-- Name: COLUMN background_job_events.event; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.event IS 'What happened: docs/job-states.md.';


--
-- Name: COLUMN background_job_events.attempt; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.attempt IS 'In which attempt; 0 before the first.';


--
-- Name: COLUMN background_job_events.actor; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.actor IS 'Who did it: the device, the processor, or the database user that wrote.';


--
-- Name: COLUMN background_job_events.detail; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.background_job_events.detail IS 'What the event alone does not say, such as the error of a failure.';


--
-- Name: background_job_events_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.background_job_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.background_job_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: delegated; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: delegates; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: devices; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.devices VALUES ('9776cb11-9aea-4198-8705-c31be28af459', 'anna', '0.1.0', 0, NULL, '2026-11-22 22:57:12.539343+00', '2026-11-22 22:57:12.539343+00', '5920e7d9-63a2-4e5f-bab5-7b61c1c33007', NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: identity; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.identity VALUES ('b30b5bf5-c81a-48cd-9e7b-f39fd00f428d', true, 7711133725496724332);


--
-- Data for Name: left_behind; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: limited_jobs; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: migrations; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.migrations VALUES (1, 'roles', '64d327dacb25f6f9ef03f2c6eed6e9cac401637997c77e6c789ae6020f11c68d', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (2, 'ledger', '0bbd930b1c0bfa0a7acf1aab5fea2d643c736d38864b81018bd3324c133b0728', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (3, 'queue', 'b9ac0d6d44e89be4a1b79ebcabb7fc50b7c4a3e0e34e4895be30d423ded7d5ad', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (4, 'events', '6d84e5d02113b3b0b21618f538a3b99dbf2491a5535d9e5a8823be323f502631', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (5, 'triggers', '7050eab731d5154356a755f650092aa79a50b255551810ed1ef70d0b67ef6bf1', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (6, 'gateway', 'af0ad06e7efd092f44793d4a73b16eafbe7f2d4fdef9f9cefeff9e787946e152', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (7, 'processor', '90a0c43d17c47671ac767f34455d86c3a814ac906496bff362052952a74e786b', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (8, 'grants', '1d62f2e3b447fd95dbdd3c5c0c0cba0f69808e25323e013b9697294a7ef1f63c', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (9, 'add_job', '3f5406baf1213ce6222ff19e8ea66d73a1444882836ce068b828342e8ae63828', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (10, 'administration', 'a0a0f59f195cc0c68e87d3266f09ed60c8b8eec44cc5c159153c191667d4997a', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (11, 'schedules', '2328366afb60e9dd212f129e45a560b57e5d80e419db7b568ee1bf022099e1aa', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (12, 'workers', '4287fd75aefd2523e87e443daec219a87f632561fbe3dfb112c3abe89d51cebd', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (13, 'limits', 'a94587fd5ca14b8a745966339bdb3cdb7cdb6efb59ef861c875b1b4195149e0b', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (14, 'trigger_functions', 'ed098c6b30e1e9abec8878b0e068c4d1fda554c14aef0391cf6c48b7b8856d2d', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (15, 'delegates', '42d70baa762a3d9665b11c2c1d69e08e8c711299ddd75f6a99a02d08fc713bd1', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (16, 'delegate_engines', 'f5003c6b14d99be5a4ed8a3c96e3dac68754f1f86651e89ffdbc308ea10a598b', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (17, 'hand_over', 'e897030cd3e63dff81ce3d4d1f452dc6a1bd43a2277ebdfca3c4b78bcfd32f9b', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (18, 'delegate_reports', '881902dc4bba56b3fa36c4ed6842b230bccc411fdc6efff9206c03ba7ffabfa0', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (19, 'retention', '206efa7bd07aafdfe57586620212c716ed6fe18550dbc79b27c430353740b335', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (20, 'compaction', '42bc59ad5945e8730b27946d2762d79f52f4596fcf2a80af63fe878c0e5c57af', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (21, 'revocations', '0ed72f2d99671c3652390980e5aa4686b4e5b14b193d504658effe6db2ef266a', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (22, 'sights', 'd839f147d634afcbe0132d17c20ad6888b21ee3c9d825efd38b0e67a06bec99d', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (23, 'owner_jobs', '644c313913e580c6b072a8442ae76bf29e728d8b16e0cc6e7cd21662b529eca6', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (24, 'restore_and_figures', '769cf3b74318e890f506722936eaa083e120f9d80102a1a669a4109826725969', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (25, 'comments', 'b12c1a002f009f4ad3c433699ea3e91112b78f91f8b4c2203b39faef9e9f99eb', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (26, 'devices', '52a6cb2fd48dbe45ef641c7d6972acc58737f2cf8f64642460796e52bdb79c20', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (27, 'traces', '838191255300026c58f7d8024380243bec87428a57105cf0faa6c035a3b56755', '2026-11-22 22:57:11.223528+00');
INSERT INTO jobferry.migrations VALUES (28, 'dashboard', '63a12adc137b50e4e61b57ee8019c3b52864da5d4e5f63d727dab503868074b9', '2026-11-22 22:57:11.223528+00');


--
-- Data for Name: owner_jobs; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: paused_queues; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: postponed_cancels; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: processors; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: queue; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.queue VALUES ('01a2057a-517e-711e-a0b4-111191b208ec', 'nobody''s', 'q', 0, '2026-11-22 22:57:12.173575+00', 0, 25, '{f}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO jobferry.queue VALUES ('01a2057a-5189-7634-a2dc-483979e56472', 'nobody''s', NULL, 0, '2026-11-22 22:57:12.173576+00', 0, 25, NULL, NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: retention; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.retention VALUES ('0', true);


--
-- Data for Name: revocations; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: scheduled_jobs; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: sights; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: task_limits; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: tombstones; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: traces; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--



--
-- Data for Name: transitions; Type: TABLE DATA; Schema: jobferry; Owner: postgres
--

INSERT INTO jobferry.transitions VALUES (NULL, 'scheduled', 'submitted');
INSERT INTO jobferry.transitions VALUES (NULL, 'queued', 'submitted');
INSERT INTO jobferry.transitions VALUES (NULL, 'completed', 'submitted');
INSERT INTO jobferry.transitions VALUES (NULL, 'cancelled', 'submitted');
INSERT INTO jobferry.transitions VALUES ('scheduled', 'queued', 'rescheduled');
INSERT INTO jobferry.transitions VALUES ('scheduled', 'running', 'started');
INSERT INTO jobferry.transitions VALUES ('scheduled', 'completed', 'completed');
INSERT INTO jobferry.transitions VALUES ('scheduled', 'failed', 'failed');
INSERT INTO jobferry.transitions VALUES ('scheduled', 'cancelled', 'cancelled');
INSERT INTO jobferry.transitions VALUES ('queued', 'scheduled', 'rescheduled');
INSERT INTO jobferry.transitions VALUES ('queued', 'running', 'started');
INSERT INTO jobferry.transitions VALUES ('queued', 'completed', 'completed');
INSERT INTO jobferry.transitions VALUES ('queued', 'failed', 'failed');
INSERT INTO jobferry.transitions VALUES ('queued', 'cancelled', 'cancelled');
INSERT INTO jobferry.transitions VALUES ('running', 'queued', 'released');
INSERT INTO jobferry.transitions VALUES ('running', 'scheduled', 'snoozed');
INSERT INTO jobferry.transitions VALUES ('running', 'retrying', 'retrying');
INSERT INTO jobferry.transitions VALUES ('running', 'completed', 'completed');
INSERT INTO jobferry.transitions VALUES ('running', 'failed', 'failed');
INSERT INTO jobferry.transitions VALUES ('running', 'cancelled', 'cancelled');
INSERT INTO jobferry.transitions VALUES ('retrying', 'running', 'started');
INSERT INTO jobferry.transitions VALUES ('retrying', 'completed', 'completed');
INSERT INTO jobferry.transitions VALUES ('retrying', 'failed', 'failed');
INSERT INTO jobferry.transitions VALUES ('retrying', 'cancelled', 'cancelled');
INSERT INTO jobferry.transitions VALUES ('retrying', 'queued', 'rescheduled');
INSERT INTO jobferry.transitions VALUES ('retrying', 'scheduled', 'rescheduled');
INSERT INTO jobferry.transitions VALUES ('failed', 'queued', 'revived');
INSERT INTO jobferry.transitions VALUES ('failed', 'scheduled', 'revived');


--
-- Data for Name: background_job_events; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-22 22:57:12.186088+00', '01a2057a-517e-711e-a0b4-111191b208ec', 'anna', 'submitted', 0, 'device 9776cb11-9aea-4198-8705-c31be28af459', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (2, '2026-11-22 22:57:12.186307+00', '01a2057a-5189-7634-a2dc-483979e56472', 'anna', 'submitted', 0, 'device 9776cb11-9aea-4198-8705-c31be28af459', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (3, '2026-11-22 22:57:12.186328+00', '01a2057a-5192-7151-92bd-25e8cc456f5b', 'anna', 'submitted', 0, 'device 9776cb11-9aea-4198-8705-c31be28af459', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (4, '2026-11-22 22:57:12.353827+00', '01a2057a-529d-71ae-9059-678aefe0eb56', 'anna', 'submitted', 0, 'device 9776cb11-9aea-4198-8705-c31be28af459', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (5, '2026-11-22 22:57:12.366819+00', '01a2057a-52a0-791c-b33a-8cf84fbf6dd4', 'anna', 'submitted', 0, 'device 9776cb11-9aea-4198-8705-c31be28af459', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (6, '2026-11-22 22:57:12.371279+00', '01a2057a-529d-71ae-9059-678aefe0eb56', 'anna', 'started', 1, 'processor host:6958:ad19c674', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (7, '2026-11-22 22:57:12.383239+00', '01a2057a-52a0-791c-b33a-8cf84fbf6dd4', 'anna', 'started', 1, 'processor host:6958:ad19c674', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (8, '2026-11-22 22:57:12.413105+00', '01a2057a-529d-71ae-9059-678aefe0eb56', 'anna', 'completed', 1, 'processor host:6958:ad19c674', NULL);
INSERT INTO public.background_job_events OVERRIDING SYSTEM VALUE VALUES (9, '2026-11-22 22:57:12.431058+00', '01a2057a-52a0-791c-b33a-8cf84fbf6dd4', 'anna', 'failed', 1, 'processor host:6958:ad19c674', '{"code": "handler_error", "message": "it was asked to"}');


--
-- Data for Name: background_jobs; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.background_jobs VALUES ('01a2057a-517e-711e-a0b4-111191b208ec', '2026-11-22 22:57:12.066+00', '{"is": "queued"}', false, false, 0, NULL, 'anna', '9776cb11-9aea-4198-8705-c31be28af459', 'nobody''s', 'q', 0, '2026-11-22 22:57:12.173575+00', 25, 0, NULL, '{f}', NULL, 'queued', NULL, '2026-11-22 22:57:12.173577+00', NULL, NULL, '768', '768', NULL);
INSERT INTO public.background_jobs VALUES ('01a2057a-5189-7634-a2dc-483979e56472', '2026-11-22 22:57:12.073+00', '{"is": "keyed"}', false, false, 0, NULL, 'anna', '9776cb11-9aea-4198-8705-c31be28af459', 'nobody''s', NULL, 0, '2026-11-22 22:57:12.173576+00', 25, 0, 'key', NULL, NULL, 'queued', NULL, '2026-11-22 22:57:12.173577+00', NULL, NULL, '768', '768', NULL);
INSERT INTO public.background_jobs VALUES ('01a2057a-5192-7151-92bd-25e8cc456f5b', '2026-11-22 22:57:12.082+00', '{"is": "cancelled"}', false, true, 0, NULL, 'anna', '9776cb11-9aea-4198-8705-c31be28af459', 'nobody''s', NULL, 0, '2026-11-22 22:57:12.173577+00', 25, 0, NULL, NULL, NULL, 'cancelled', NULL, '2026-11-22 22:57:12.173577+00', NULL, '2026-11-22 22:57:12.173577+00', '768', '768', NULL);
INSERT INTO public.background_jobs VALUES ('01a2057a-529d-71ae-9059-678aefe0eb56', '2026-11-22 22:57:12.349+00', '{"is": "completed"}', true, false, 1, '{"got": {"is": "completed"}}', 'anna', '9776cb11-9aea-4198-8705-c31be28af459', 't', NULL, 0, '2026-11-22 22:57:12.353121+00', 25, 1, NULL, NULL, NULL, 'completed', NULL, '2026-11-22 22:57:12.353121+00', '2026-11-22 22:57:12.354524+00', '2026-11-22 22:57:12.407404+00', '771', '779', NULL);
INSERT INTO public.background_jobs VALUES ('01a2057a-52a0-791c-b33a-8cf84fbf6dd4', '2026-11-22 22:57:12.352+00', '{"fail": true}', false, false, 0, NULL, 'anna', '9776cb11-9aea-4198-8705-c31be28af459', 't', NULL, 0, '2026-11-22 22:57:12.366015+00', 1, 1, NULL, NULL, NULL, 'failed', '{"code": "handler_error", "message": "it was asked to"}', '2026-11-22 22:57:12.366015+00', '2026-11-22 22:57:12.382144+00', '2026-11-22 22:57:12.429567+00', '772', '780', NULL);


--
-- Name: scheduled_jobs_id_seq; Type: SEQUENCE SET; Schema: jobferry; Owner: postgres
--

SELECT pg_catalog.setval('jobferry.scheduled_jobs_id_seq', 1, false);


--
-- Name: background_job_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.background_job_events_id_seq', 9, true);


--
-- Name: delegated delegated_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.delegated
    ADD CONSTRAINT delegated_pkey PRIMARY KEY (job_id);


--
-- Name: delegates delegates_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.delegates
    ADD CONSTRAINT delegates_pkey PRIMARY KEY (task);


--
-- Name: devices devices_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (client_id, owner);


--
-- Name: identity identity_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (only_one);


--
-- Name: left_behind left_behind_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.left_behind
    ADD CONSTRAINT left_behind_pkey PRIMARY KEY (job_id);


--
-- Name: limited_jobs limited_jobs_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.limited_jobs
    ADD CONSTRAINT limited_jobs_pkey PRIMARY KEY (task, job_id);


--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);


--
-- Name: owner_jobs owner_jobs_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.owner_jobs
    ADD CONSTRAINT owner_jobs_pkey PRIMARY KEY (owner);


--
-- Name: paused_queues paused_queues_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.paused_queues
    ADD CONSTRAINT paused_queues_pkey PRIMARY KEY (queue_name);


--
-- Name: postponed_cancels postponed_cancels_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.postponed_cancels
    ADD CONSTRAINT postponed_cancels_pkey PRIMARY KEY (job_id);


--
-- Name: processors processors_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.processors
    ADD CONSTRAINT processors_pkey PRIMARY KEY (id);


--
-- Name: queue queue_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (job_id);


--
-- Name: retention retention_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (only_one);


--
-- Name: revocations revocations_owner_key; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.revocations
    ADD CONSTRAINT revocations_owner_key UNIQUE (owner);


--
-- Name: revocations revocations_token_id_key; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.revocations
    ADD CONSTRAINT revocations_token_id_key UNIQUE (token_id);


--
-- Name: scheduled_jobs scheduled_jobs_name_key; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.scheduled_jobs
    ADD CONSTRAINT scheduled_jobs_name_key UNIQUE (name);


--
-- Name: scheduled_jobs scheduled_jobs_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.scheduled_jobs
    ADD CONSTRAINT scheduled_jobs_pkey PRIMARY KEY (id);


--
-- Name: task_limits task_limits_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.task_limits
    ADD CONSTRAINT task_limits_pkey PRIMARY KEY (task);


--
-- Name: tombstones tombstones_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (job_id);


--
-- Name: traces traces_pkey; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.traces
    ADD CONSTRAINT traces_pkey PRIMARY KEY (job_id);


--
-- Name: transitions transitions_source_target_key; Type: CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.transitions
    ADD CONSTRAINT transitions_source_target_key UNIQUE (source, target);


--
-- Name: background_job_events background_job_events_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.background_job_events
    ADD CONSTRAINT background_job_events_pkey PRIMARY KEY (id);


--
-- Name: background_jobs background_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.background_jobs
    ADD CONSTRAINT background_jobs_pkey PRIMARY KEY (id);


--
-- Name: queue_named; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX queue_named ON jobferry.queue USING btree (queue_name, priority, run_at, job_id) WHERE (queue_name IS NOT NULL);


--
-- Name: queue_order; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX queue_order ON jobferry.queue USING btree (priority, run_at, job_id);


--
-- Name: queue_worker_locks; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX queue_worker_locks ON jobferry.queue USING btree (locked_until) WHERE (locked_until IS NOT NULL);


--
-- Name: scheduled_jobs_next; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX scheduled_jobs_next ON jobferry.scheduled_jobs USING btree (next_run_at);


--
-- Name: scheduled_jobs_planned; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX scheduled_jobs_planned ON jobferry.scheduled_jobs USING btree (planned_at);


--
-- Name: sights_once; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE UNIQUE INDEX sights_once ON jobferry.sights USING btree (role, COALESCE((tenant)::text, ''::text), COALESCE(owner_prefix, ''::text), by_setting);


--
-- Name: tombstones_cursor; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX tombstones_cursor ON jobferry.tombstones USING btree (owner, version, job_id);


--
-- Name: tombstones_newest; Type: INDEX; Schema: jobferry; Owner: postgres
--

CREATE INDEX tombstones_newest ON jobferry.tombstones USING btree (version);


--
-- Name: background_job_events_at; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_job_events_at ON public.background_job_events USING brin (at);


--
-- Name: background_job_events_job; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_job_events_job ON public.background_job_events USING btree (job_id);


--
-- Name: background_job_events_submitted; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_job_events_submitted ON public.background_job_events USING btree (id) WHERE (event = 'submitted'::text);


--
-- Name: background_jobs_cursor; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_jobs_cursor ON public.background_jobs USING btree (submitted_by, version, id);


--
-- Name: background_jobs_ended; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_jobs_ended ON public.background_jobs USING btree (status, finished_at, id) WHERE (status = ANY (ARRAY['failed'::text, 'cancelled'::text]));


--
-- Name: background_jobs_failed_key; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX background_jobs_failed_key ON public.background_jobs USING btree (COALESCE(submitted_by, ''::text), job_key) WHERE ((job_key IS NOT NULL) AND (status = 'failed'::text));


--
-- Name: background_jobs_job_key; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX background_jobs_job_key ON public.background_jobs USING btree (COALESCE(submitted_by, ''::text), job_key) WHERE ((job_key IS NOT NULL) AND (finished_at IS NULL));


--
-- Name: queue limited_job_freed_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER limited_job_freed_trigger AFTER UPDATE ON jobferry.queue FOR EACH ROW WHEN ((old.limited AND (old.locked_by IS NOT NULL) AND (new.locked_by IS NULL))) EXECUTE FUNCTION jobferry.ring_queue();

ALTER TABLE jobferry.queue ENABLE ALWAYS TRIGGER limited_job_freed_trigger;


--
-- Name: queue limited_job_gone_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER limited_job_gone_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN (old.limited) EXECUTE FUNCTION jobferry.ring_queue();

ALTER TABLE jobferry.queue ENABLE ALWAYS TRIGGER limited_job_gone_trigger;


--
-- Name: queue named_job_freed_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER named_job_freed_trigger AFTER UPDATE ON jobferry.queue FOR EACH ROW WHEN (((old.queue_name IS NOT NULL) AND (old.locked_by IS NOT NULL) AND (new.locked_by IS NULL))) EXECUTE FUNCTION jobferry.ring_queue();

ALTER TABLE jobferry.queue ENABLE ALWAYS TRIGGER named_job_freed_trigger;


--
-- Name: queue named_job_gone_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER named_job_gone_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN ((old.queue_name IS NOT NULL)) EXECUTE FUNCTION jobferry.ring_queue();

ALTER TABLE jobferry.queue ENABLE ALWAYS TRIGGER named_job_gone_trigger;


--
-- Name: scheduled_jobs plan_anew_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER plan_anew_trigger BEFORE UPDATE ON jobferry.scheduled_jobs FOR EACH ROW WHEN (((new.paused_at IS NULL) AND ((new.schedule_info)::text IS DISTINCT FROM (old.schedule_info)::text))) EXECUTE FUNCTION jobferry.plan_anew();

ALTER TABLE jobferry.scheduled_jobs ENABLE ALWAYS TRIGGER plan_anew_trigger;


--
-- Name: revocations ring_no_revocations_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER ring_no_revocations_trigger AFTER TRUNCATE ON jobferry.revocations FOR EACH STATEMENT EXECUTE FUNCTION jobferry.ring_revocations();

ALTER TABLE jobferry.revocations ENABLE ALWAYS TRIGGER ring_no_revocations_trigger;


--
-- Name: revocations ring_revocations_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER ring_revocations_trigger AFTER INSERT OR DELETE OR UPDATE ON jobferry.revocations FOR EACH ROW EXECUTE FUNCTION jobferry.ring_revocations();

ALTER TABLE jobferry.revocations ENABLE ALWAYS TRIGGER ring_revocations_trigger;


--
-- Name: scheduled_jobs ring_scheduler_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER ring_scheduler_trigger AFTER INSERT OR UPDATE ON jobferry.scheduled_jobs FOR EACH ROW WHEN ((new.planned_at IS NULL)) EXECUTE FUNCTION jobferry.ring_scheduler();

ALTER TABLE jobferry.scheduled_jobs ENABLE ALWAYS TRIGGER ring_scheduler_trigger;


--
-- Name: queue stop_delegated_trigger; Type: TRIGGER; Schema: jobferry; Owner: postgres
--

CREATE TRIGGER stop_delegated_trigger AFTER DELETE ON jobferry.queue FOR EACH ROW WHEN ((old.locked_by ~~ 'delegate %'::text)) EXECUTE FUNCTION jobferry.stop_delegated();

ALTER TABLE jobferry.queue ENABLE ALWAYS TRIGGER stop_delegated_trigger;


--
-- Name: background_jobs announce_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER announce_job_trigger AFTER INSERT OR UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.submitted_by IS NOT NULL))) EXECUTE FUNCTION jobferry.announce_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER announce_job_trigger;


--
-- Name: background_jobs audit_deleted_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER audit_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER audit_deleted_job_trigger;


--
-- Name: background_jobs audit_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER audit_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.status <> old.status))) EXECUTE FUNCTION jobferry.audit_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER audit_job_trigger;


--
-- Name: background_jobs audit_new_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER audit_new_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.audit_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER audit_new_job_trigger;


--
-- Name: background_jobs bury_deleted_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER bury_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (old.submitted_by IS NOT NULL))) EXECUTE FUNCTION jobferry.bury_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER bury_deleted_job_trigger;


--
-- Name: background_jobs dequeue_deleted_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER dequeue_deleted_job_trigger AFTER DELETE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.dequeue_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER dequeue_deleted_job_trigger;


--
-- Name: background_jobs dequeue_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER dequeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION jobferry.dequeue_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER dequeue_job_trigger;


--
-- Name: background_jobs enqueue_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER enqueue_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL))) EXECUTE FUNCTION jobferry.enqueue_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER enqueue_job_trigger;


--
-- Name: background_jobs guard_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER guard_job_trigger BEFORE UPDATE ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.guard_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER guard_job_trigger;


--
-- Name: background_jobs process_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER process_job_trigger AFTER INSERT ON public.background_jobs FOR EACH ROW EXECUTE FUNCTION public.process_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER process_job_trigger;


--
-- Name: background_job_events refuse_rewriting_history_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER refuse_rewriting_history_trigger BEFORE DELETE OR UPDATE ON public.background_job_events FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_archivist'::name)) EXECUTE FUNCTION jobferry.refuse_rewriting_history();

ALTER TABLE public.background_job_events ENABLE ALWAYS TRIGGER refuse_rewriting_history_trigger;


--
-- Name: background_job_events refuse_truncating_history_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER refuse_truncating_history_trigger BEFORE TRUNCATE ON public.background_job_events FOR EACH STATEMENT EXECUTE FUNCTION jobferry.refuse_rewriting_history();

ALTER TABLE public.background_job_events ENABLE ALWAYS TRIGGER refuse_truncating_history_trigger;


--
-- Name: background_jobs requeue_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER requeue_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL))) EXECUTE FUNCTION jobferry.requeue_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER requeue_job_trigger;


--
-- Name: background_jobs resend_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER resend_job_trigger AFTER UPDATE ON public.background_jobs FOR EACH ROW WHEN (((CURRENT_USER <> 'jobferry_engine'::name) AND (new.finished_at IS NULL) AND (new.status <> 'running'::text) AND (((((((new.task IS DISTINCT FROM old.task) OR (new.queue_name IS DISTINCT FROM old.queue_name)) OR (new.priority IS DISTINCT FROM old.priority)) OR (new.run_at IS DISTINCT FROM old.run_at)) OR (new.max_attempts IS DISTINCT FROM old.max_attempts)) OR (new.flags IS DISTINCT FROM old.flags)) OR (new.payload IS DISTINCT FROM old.payload)))) EXECUTE FUNCTION jobferry.resend_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER resend_job_trigger;


--
-- Name: background_jobs stamp_job_trigger; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER stamp_job_trigger BEFORE INSERT ON public.background_jobs FOR EACH ROW WHEN ((CURRENT_USER <> 'jobferry_engine'::name)) EXECUTE FUNCTION jobferry.stamp_job();

ALTER TABLE public.background_jobs ENABLE ALWAYS TRIGGER stamp_job_trigger;


--
-- Name: traces traces_job_id_fkey; Type: FK CONSTRAINT; Schema: jobferry; Owner: postgres
--

ALTER TABLE ONLY jobferry.traces
    ADD CONSTRAINT traces_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.background_jobs(id) ON DELETE CASCADE;


--
-- Name: background_job_events jobferry_parts; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY jobferry_parts ON public.background_job_events TO jobferry_engine, jobferry_auditor, jobferry_archivist, jobferry_admin USING (true) WITH CHECK (true);


--
-- Name: background_jobs jobferry_parts; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY jobferry_parts ON public.background_jobs TO jobferry_engine, jobferry_gateway, jobferry_processor, jobferry_auditor, jobferry_archivist, jobferry_admin USING (true) WITH CHECK (true);


--
-- Name: SCHEMA jobferry; Type: ACL; Schema: -; Owner: postgres
--

GRANT ALL ON SCHEMA jobferry TO jobferry_engine;
GRANT ALL ON SCHEMA jobferry TO jobferry_archivist;
GRANT USAGE ON SCHEMA jobferry TO jobferry_gateway;
GRANT USAGE ON SCHEMA jobferry TO jobferry_processor;
GRANT USAGE ON SCHEMA jobferry TO jobferry_auditor;
GRANT USAGE ON SCHEMA jobferry TO jobferry_trigger;
GRANT USAGE ON SCHEMA jobferry TO jobferry_producer;
GRANT USAGE ON SCHEMA jobferry TO jobferry_admin;
GRANT USAGE ON SCHEMA jobferry TO jobferry_viewer;


--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
--

GRANT USAGE ON SCHEMA public TO jobferry_engine;
GRANT USAGE ON SCHEMA public TO jobferry_gateway;
GRANT USAGE ON SCHEMA public TO jobferry_processor;
GRANT USAGE ON SCHEMA public TO jobferry_auditor;
GRANT USAGE ON SCHEMA public TO jobferry_archivist;
GRANT USAGE ON SCHEMA public TO jobferry_producer;
GRANT USAGE ON SCHEMA public TO jobferry_admin;
GRANT USAGE ON SCHEMA public TO jobferry_viewer;


--
-- Name: FUNCTION actor(holder text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.actor(holder text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.actor(holder text) TO jobferry_engine;


--
-- Name: TABLE background_jobs; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.background_jobs TO jobferry_engine;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_gateway;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_processor;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_auditor;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_admin;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_archivist;
GRANT SELECT ON TABLE public.background_jobs TO jobferry_viewer;


--
-- Name: COLUMN background_jobs.id; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(id) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs."timestamp"; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT("timestamp") ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.payload; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(payload) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.completed; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(completed) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: COLUMN background_jobs.cancelled; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(cancelled),UPDATE(cancelled) ON TABLE public.background_jobs TO jobferry_gateway;
GRANT UPDATE(cancelled) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: COLUMN background_jobs.progress; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(progress) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: COLUMN background_jobs.result; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(result) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: COLUMN background_jobs.submitted_by; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(submitted_by) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.client_id; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(client_id) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.task; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(task) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.queue_name; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(queue_name) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.priority; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(priority) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.run_at; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(run_at) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.max_attempts; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(max_attempts) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.job_key; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(job_key) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.flags; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(flags) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.database_id; Type: ACL; Schema: public; Owner: postgres
--

GRANT INSERT(database_id) ON TABLE public.background_jobs TO jobferry_gateway;


--
-- Name: COLUMN background_jobs.status; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(status) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: COLUMN background_jobs.error; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(error) ON TABLE public.background_jobs TO jobferry_processor;


--
-- Name: FUNCTION add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.add_job(db_id uuid, identifier text, payload json, job_key text, queue_name text, run_at timestamp with time zone, max_attempts integer, priority integer) TO jobferry_admin;


--
-- Name: FUNCTION add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload json, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_admin;


--
-- Name: FUNCTION add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_admin;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload jsonb, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_trigger;


--
-- Name: FUNCTION add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.add_job(identifier text, payload text, queue_name text, run_at timestamp with time zone, max_attempts integer, job_key text, priority integer, flags text[], job_key_mode text, owner text, database_id uuid) TO jobferry_admin;


--
-- Name: FUNCTION add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.add_jobs(specs jobferry.job_spec[], job_key_preserve_run_at boolean, owner text, database_id uuid) TO jobferry_admin;


--
-- Name: FUNCTION add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_one(spec jobferry.job_spec, mode text, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: TABLE scheduled_jobs; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.scheduled_jobs TO jobferry_engine;
GRANT SELECT,DELETE ON TABLE jobferry.scheduled_jobs TO jobferry_producer;
GRANT SELECT ON TABLE jobferry.scheduled_jobs TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.scheduled_jobs TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.scheduled_jobs TO jobferry_admin;


--
-- Name: COLUMN scheduled_jobs.database_id; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(database_id),UPDATE(database_id) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.task_identifier; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(task_identifier),UPDATE(task_identifier) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.payload; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(payload),UPDATE(payload) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.schedule_info; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(schedule_info),UPDATE(schedule_info) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.job_key; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(job_key),UPDATE(job_key) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.queue_name; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(queue_name),UPDATE(queue_name) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.max_attempts; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(max_attempts),UPDATE(max_attempts) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.priority; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(priority),UPDATE(priority) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.owner; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(owner),UPDATE(owner) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: COLUMN scheduled_jobs.name; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT INSERT(name),UPDATE(name) ON TABLE jobferry.scheduled_jobs TO jobferry_producer;


--
-- Name: FUNCTION add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_processor;


--
-- Name: FUNCTION add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(identifier text, payload text, schedule_info text, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_processor;


--
-- Name: FUNCTION add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.add_scheduled_job(db_id uuid, identifier text, payload json, schedule_info json, job_key text, queue_name text, max_attempts integer, priority integer, owner text, name text) TO jobferry_processor;


--
-- Name: FUNCTION add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.add_slot(schedule jobferry.scheduled_jobs, slot timestamp with time zone, backfilled boolean) TO jobferry_engine;


--
-- Name: FUNCTION advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.advance_schedule(schedule bigint, info text, planned timestamp with time zone, due timestamp with time zone, at timestamp with time zone, slots timestamp with time zone[], backfilled boolean[], following timestamp with time zone, missed timestamp with time zone, problem text) TO jobferry_processor;


--
-- Name: FUNCTION announce(owners text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.announce(owners text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.announce(owners text[]) TO jobferry_engine;


--
-- Name: FUNCTION announce_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.announce_job() FROM PUBLIC;


--
-- Name: FUNCTION asker(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.asker() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.asker() TO jobferry_engine;
GRANT ALL ON FUNCTION jobferry.asker() TO jobferry_archivist;


--
-- Name: FUNCTION audit_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.audit_job() FROM PUBLIC;


--
-- Name: FUNCTION backoff(attempts integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.backoff(attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.backoff(attempts integer) TO jobferry_engine;


--
-- Name: FUNCTION begin_epoch(was text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.begin_epoch(was text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.begin_epoch(was text) TO jobferry_gateway;
GRANT ALL ON FUNCTION jobferry.begin_epoch(was text) TO jobferry_admin;


--
-- Name: FUNCTION begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.begin_job(processor text, job uuid, until timestamp with time zone, OUT id uuid, OUT task text, OUT payload text, OUT attempt smallint, OUT owner text, OUT progress real, OUT error text, OUT checkpoint text) TO jobferry_engine;


--
-- Name: FUNCTION blank_history(jobs uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_archivist
--

REVOKE ALL ON FUNCTION jobferry.blank_history(jobs uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.blank_history(jobs uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION bury_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.bury_job() FROM PUBLIC;


--
-- Name: FUNCTION cancel_batch(ids uuid[], owners text[], client_ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.cancel_batch(ids uuid[], owners text[], client_ids uuid[]) TO jobferry_gateway;


--
-- Name: FUNCTION cancel_jobs(job_ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.cancel_jobs(job_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.cancel_jobs(job_ids uuid[]) TO jobferry_admin;


--
-- Name: FUNCTION cancel_postponed(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.cancel_postponed() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.cancel_postponed() TO jobferry_gateway;


--
-- Name: FUNCTION changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.changes_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer, max_bytes integer, gone boolean) TO jobferry_gateway;


--
-- Name: FUNCTION check_engine(engine text, schema_name text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.check_engine(engine text, schema_name text) FROM PUBLIC;


--
-- Name: FUNCTION check_running(processor text, ids uuid[], attempt_numbers smallint[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.check_running(processor text, ids uuid[], attempt_numbers smallint[]) FROM PUBLIC;


--
-- Name: FUNCTION check_specs(specs jobferry.job_spec[], mode text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.check_specs(specs jobferry.job_spec[], mode text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.check_specs(specs jobferry.job_spec[], mode text) TO jobferry_engine;


--
-- Name: FUNCTION claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.claim(processor text, tasks text[], forbidden_flags text[], most integer, until timestamp with time zone) TO jobferry_processor;


--
-- Name: FUNCTION clear_away(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.clear_away(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.clear_away(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION compact_queue(most_octets bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.compact_queue(most_octets bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.compact_queue(most_octets bigint) TO jobferry_processor;


--
-- Name: FUNCTION complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.complete_batch(processor text, ids uuid[], attempt_numbers smallint[], results text[]) FROM PUBLIC;


--
-- Name: FUNCTION complete_held(processor text, job uuid, attempt_number smallint, result text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.complete_held(processor text, job uuid, attempt_number smallint, result text) TO jobferry_processor;


--
-- Name: FUNCTION complete_job(worker_id text, job_id uuid, result jsonb); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.complete_job(worker_id text, job_id uuid, result jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.complete_job(worker_id text, job_id uuid, result jsonb) TO jobferry_processor;


--
-- Name: FUNCTION complete_jobs(job_ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.complete_jobs(job_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.complete_jobs(job_ids uuid[]) TO jobferry_admin;


--
-- Name: FUNCTION count_owner_jobs(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.count_owner_jobs() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.count_owner_jobs() TO jobferry_gateway;


--
-- Name: TABLE delegates; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT ON TABLE jobferry.delegates TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.delegates TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.delegates TO jobferry_admin;


--
-- Name: FUNCTION delegate(task text, engine text, schema_name text, queue text, foreign_task text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.delegate(task text, engine text, schema_name text, queue text, foreign_task text) FROM PUBLIC;


--
-- Name: FUNCTION delegated_completed(job_id uuid, attempt integer, result jsonb); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.delegated_completed(job_id uuid, attempt integer, result jsonb) TO jobferry_processor;


--
-- Name: FUNCTION delegated_failed(job_id uuid, attempt integer, message text, final boolean, retry_in interval, code text, detail text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.delegated_failed(job_id uuid, attempt integer, message text, final boolean, retry_in interval, code text, detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.delegated_failed(job_id uuid, attempt integer, message text, final boolean, retry_in interval, code text, detail text) TO jobferry_processor;


--
-- Name: FUNCTION delegated_progress(job_id uuid, attempt integer, progress real); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.delegated_progress(job_id uuid, attempt integer, progress real) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.delegated_progress(job_id uuid, attempt integer, progress real) TO jobferry_processor;


--
-- Name: FUNCTION delegated_started(job_id uuid); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.delegated_started(job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.delegated_started(job_id uuid) TO jobferry_processor;


--
-- Name: FUNCTION delegates_check(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.delegates_check() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.delegates_check() TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.delegates_check() TO jobferry_auditor;


--
-- Name: FUNCTION dequeue_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.dequeue_job() FROM PUBLIC;


--
-- Name: FUNCTION disable_tenant_rls(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.disable_tenant_rls() FROM PUBLIC;


--
-- Name: FUNCTION drop_taken_keys(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.drop_taken_keys(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.drop_taken_keys(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.due_jobs(tasks text[], forbidden_flags text[], heads uuid[], full_now text[], after_priority smallint, after_run_at timestamp with time zone, after_id uuid, most integer) TO jobferry_engine;


--
-- Name: FUNCTION due_schedules(at timestamp with time zone, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.due_schedules(at timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.due_schedules(at timestamp with time zone, most integer) TO jobferry_processor;


--
-- Name: FUNCTION enable_tenant_rls(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.enable_tenant_rls() FROM PUBLIC;


--
-- Name: FUNCTION end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.end_jobs(ids uuid[], status text, error jsonb, actor text, detail jsonb) TO jobferry_engine;


--
-- Name: FUNCTION engine_tables(engine text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.engine_tables(engine text) FROM PUBLIC;


--
-- Name: FUNCTION enqueue_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.enqueue_job() FROM PUBLIC;


--
-- Name: FUNCTION epoch(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.epoch() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.epoch() TO jobferry_gateway;
GRANT ALL ON FUNCTION jobferry.epoch() TO jobferry_admin;


--
-- Name: FUNCTION erase_batch(owner text, received_by timestamp with time zone, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.erase_batch(owner text, received_by timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.erase_batch(owner text, received_by timestamp with time zone, most integer) TO jobferry_admin;


--
-- Name: FUNCTION erasure(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.erasure() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.erasure() TO jobferry_engine;
GRANT ALL ON FUNCTION jobferry.erasure() TO jobferry_archivist;


--
-- Name: FUNCTION event_detail(status text, error jsonb); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.event_detail(status text, error jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.event_detail(status text, error jsonb) TO jobferry_engine;


--
-- Name: FUNCTION fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[], places text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.fail_batch(processor text, ids uuid[], attempt_numbers smallint[], errors text[], final boolean[], delays interval[], details text[], places text[]) FROM PUBLIC;


--
-- Name: FUNCTION fail_job(worker_id text, job_id uuid, error_message text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.fail_job(worker_id text, job_id uuid, error_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.fail_job(worker_id text, job_id uuid, error_message text) TO jobferry_processor;


--
-- Name: TABLE queue; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE jobferry.queue TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.queue TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.queue TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.queue TO jobferry_admin;


--
-- Name: FUNCTION few_living(octets bigint); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.few_living(octets bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.few_living(octets bigint) TO jobferry_engine;


--
-- Name: FUNCTION figures(sample integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.figures(sample integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.figures(sample integer) TO jobferry_gateway;
GRANT ALL ON FUNCTION jobferry.figures(sample integer) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.figures(sample integer) TO jobferry_auditor;
GRANT ALL ON FUNCTION jobferry.figures(sample integer) TO jobferry_admin;


--
-- Name: FUNCTION first_event(at timestamp with time zone); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.first_event(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.first_event(at timestamp with time zone) TO jobferry_auditor;
GRANT ALL ON FUNCTION jobferry.first_event(at timestamp with time zone) TO jobferry_admin;


--
-- Name: FUNCTION first_events(times timestamp with time zone[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.first_events(times timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.first_events(times timestamp with time zone[]) TO jobferry_auditor;
GRANT ALL ON FUNCTION jobferry.first_events(times timestamp with time zone[]) TO jobferry_admin;


--
-- Name: FUNCTION flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.flush(processor text, done uuid[], done_attempts smallint[], results text[], failed uuid[], failed_attempts smallint[], errors text[], final boolean[], delays interval[], details text[], places text[], moved uuid[], moved_attempts smallint[], progresses real[], checkpoints text[], released uuid[], released_attempts smallint[], pauses interval[], running uuid[], running_attempts smallint[]) TO jobferry_processor;


--
-- Name: FUNCTION force_unlock_workers(worker_ids text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.force_unlock_workers(worker_ids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.force_unlock_workers(worker_ids text[]) TO jobferry_admin;


--
-- Name: FUNCTION forget_devices(heard_before timestamp with time zone, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.forget_devices(heard_before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.forget_devices(heard_before timestamp with time zone, most integer) TO jobferry_admin;


--
-- Name: FUNCTION forget_history(jobs uuid[], why jsonb); Type: ACL; Schema: jobferry; Owner: jobferry_archivist
--

REVOKE ALL ON FUNCTION jobferry.forget_history(jobs uuid[], why jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.forget_history(jobs uuid[], why jsonb) TO jobferry_engine;


--
-- Name: FUNCTION forget_tombstones(older_than timestamp with time zone, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.forget_tombstones(older_than timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.forget_tombstones(older_than timestamp with time zone, most integer) TO jobferry_admin;


--
-- Name: FUNCTION free_expired(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.free_expired() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.free_expired() TO jobferry_engine;


--
-- Name: FUNCTION full_tasks(tasks text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.full_tasks(tasks text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.full_tasks(tasks text[]) TO jobferry_engine;


--
-- Name: FUNCTION get_job(worker_id text, task_identifiers text[], job_expiry interval, forbidden_flags text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.get_job(worker_id text, task_identifiers text[], job_expiry interval, forbidden_flags text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.get_job(worker_id text, task_identifiers text[], job_expiry interval, forbidden_flags text[]) TO jobferry_processor;


--
-- Name: FUNCTION get_jobs(worker_id text, task_identifiers text[], job_expiry interval, n integer, forbidden_flags text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.get_jobs(worker_id text, task_identifiers text[], job_expiry interval, n integer, forbidden_flags text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.get_jobs(worker_id text, task_identifiers text[], job_expiry interval, n integer, forbidden_flags text[]) TO jobferry_processor;


--
-- Name: FUNCTION give_places(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.give_places(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.give_places(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.gone_page(owner text, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, max_rows integer) TO jobferry_gateway;


--
-- Name: FUNCTION grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.grant_sight(role regrole, tenant uuid, owner_prefix text, by_setting boolean) TO jobferry_admin;


--
-- Name: FUNCTION guard_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.guard_job() FROM PUBLIC;


--
-- Name: FUNCTION hand_over(ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.hand_over(ids uuid[]) FROM PUBLIC;


--
-- Name: FUNCTION hand_over_added(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.hand_over_added() FROM PUBLIC;


--
-- Name: FUNCTION hand_over_left(most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.hand_over_left(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.hand_over_left(most integer) TO jobferry_processor;


--
-- Name: FUNCTION hand_over_some(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.hand_over_some(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION heartbeat(processor text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.heartbeat(processor text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.heartbeat(processor text) TO jobferry_processor;


--
-- Name: FUNCTION held_attempt(worker_id text, job_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.held_attempt(worker_id text, job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.held_attempt(worker_id text, job_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION held_up(processor text, ids uuid[], attempt_numbers smallint[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.held_up(processor text, ids uuid[], attempt_numbers smallint[]) TO jobferry_engine;


--
-- Name: FUNCTION hold_delegated(job uuid, attempt integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.hold_delegated(job uuid, attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.hold_delegated(job uuid, attempt integer) TO jobferry_engine;


--
-- Name: FUNCTION hold_jobs(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.hold_jobs(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.hold_jobs(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION insert_job(spec jobferry.job_spec, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.insert_job(spec jobferry.job_spec, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.insert_jobs(specs jobferry.job_spec[], owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION is_erased(job public.background_jobs); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.is_erased(job public.background_jobs) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.is_erased(job public.background_jobs) TO jobferry_engine;


--
-- Name: FUNCTION items_at(list jsonb, places integer[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.items_at(list jsonb, places integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.items_at(list jsonb, places integer[]) TO jobferry_engine;


--
-- Name: FUNCTION job_or_insert(spec jobferry.job_spec, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.job_or_insert(spec jobferry.job_spec, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION job_with_key(owner text, job_key text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.job_with_key(owner text, job_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.job_with_key(owner text, job_key text) TO jobferry_engine;


--
-- Name: FUNCTION key_lock(owner text, job_key text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.key_lock(owner text, job_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.key_lock(owner text, job_key text) TO jobferry_engine;


--
-- Name: FUNCTION keyed_jobs(owners text[], job_keys text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.keyed_jobs(owners text[], job_keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.keyed_jobs(owners text[], job_keys text[]) TO jobferry_engine;


--
-- Name: FUNCTION lease_key(processor text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.lease_key(processor text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.lease_key(processor text) TO jobferry_engine;


--
-- Name: FUNCTION leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.leave_behind(delegate jobferry.delegates, ids uuid[], code text, message text) TO jobferry_engine;


--
-- Name: FUNCTION let_go(job uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.let_go(job uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.let_go(job uuid) TO jobferry_engine;


--
-- Name: FUNCTION limit_key(task text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.limit_key(task text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.limit_key(task text) TO jobferry_engine;


--
-- Name: FUNCTION limit_task(task text, max_running integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.limit_task(task text, max_running integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.limit_task(task text, max_running integer) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.limit_task(task text, max_running integer) TO jobferry_admin;


--
-- Name: FUNCTION load_crontab(crontab text, entries json); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.load_crontab(crontab text, entries json) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.load_crontab(crontab text, entries json) TO jobferry_processor;


--
-- Name: FUNCTION lock_failed_keys(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.lock_failed_keys(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.lock_failed_keys(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.make_way(ids uuid[], owners text[], client_ids uuid[], job_keys text[], cancels boolean[], OUT held integer[], OUT overtaken integer[], OUT heirs uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.moved_page(owner text, device uuid, since pg_snapshot, target pg_snapshot, after_version xid8, after_id uuid, active boolean, max_rows integer) TO jobferry_gateway;


--
-- Name: FUNCTION named_heads(tasks text[], forbidden_flags text[], most integer); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.named_heads(tasks text[], forbidden_flags text[], most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.named_heads(tasks text[], forbidden_flags text[], most integer) TO jobferry_engine;


--
-- Name: FUNCTION new_id(microseconds bigint); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.new_id(microseconds bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.new_id(microseconds bigint) TO jobferry_engine;


--
-- Name: FUNCTION no_limit(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.no_limit() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.no_limit() TO jobferry_engine;
GRANT ALL ON FUNCTION jobferry.no_limit() TO jobferry_auditor;
GRANT ALL ON FUNCTION jobferry.no_limit() TO jobferry_admin;


--
-- Name: FUNCTION note_administration(event text, detail jsonb); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.note_administration(event text, detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_administration(event text, detail jsonb) TO jobferry_engine;


--
-- Name: FUNCTION note_delegated(job public.background_jobs, event text, actor text, detail jsonb); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.note_delegated(job public.background_jobs, event text, actor text, detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_delegated(job public.background_jobs, event text, actor text, detail jsonb) TO jobferry_engine;


--
-- Name: FUNCTION note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[], gone boolean[], silence_seconds double precision, rejected_jobs text[], rejected_codes text[], rejected_messages text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[], gone boolean[], silence_seconds double precision, rejected_jobs text[], rejected_codes text[], rejected_messages text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_devices(client_ids uuid[], owners text[], versions text[], pendings integer[], oldest timestamp with time zone[], connections uuid[], gone boolean[], silence_seconds double precision, rejected_jobs text[], rejected_codes text[], rejected_messages text[]) TO jobferry_gateway;


--
-- Name: FUNCTION note_heirs(ids uuid[], owner text, job_keys text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.note_heirs(ids uuid[], owner text, job_keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_heirs(ids uuid[], owner text, job_keys text[]) TO jobferry_engine;


--
-- Name: FUNCTION note_overtaken(ids uuid[], heirs uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.note_overtaken(ids uuid[], heirs uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_overtaken(ids uuid[], heirs uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION note_traces(job_ids uuid[], traceparents text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) TO jobferry_gateway;
GRANT ALL ON FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.note_traces(job_ids uuid[], traceparents text[]) TO jobferry_processor;


--
-- Name: FUNCTION obey(said jobferry.trigger_order, payload jsonb); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.obey(said jobferry.trigger_order, payload jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.obey(said jobferry.trigger_order, payload jsonb) TO jobferry_trigger;


--
-- Name: FUNCTION oldest_snapshot(OUT seconds double precision, OUT transactions bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.oldest_snapshot(OUT seconds double precision, OUT transactions bigint) FROM PUBLIC;


--
-- Name: FUNCTION oldest_waiting(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.oldest_waiting() FROM PUBLIC;


--
-- Name: FUNCTION open_engine(engine text, schema_name text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.open_engine(engine text, schema_name text) FROM PUBLIC;


--
-- Name: FUNCTION over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.over_limit(ids uuid[], owners text[], cancels boolean[], counted boolean[], most bigint) TO jobferry_gateway;


--
-- Name: FUNCTION pass_key_on(old uuid, running boolean, heir uuid, actor text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.pass_key_on(old uuid, running boolean, heir uuid, actor text) TO jobferry_engine;


--
-- Name: FUNCTION pause_queue(queue_name text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.pause_queue(queue_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.pause_queue(queue_name text) TO jobferry_admin;


--
-- Name: FUNCTION pause_scheduled_job(id bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.pause_scheduled_job(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.pause_scheduled_job(id bigint) TO jobferry_admin;


--
-- Name: FUNCTION pause_task(task text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.pause_task(task text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.pause_task(task text) TO jobferry_admin;


--
-- Name: FUNCTION permanently_fail_jobs(job_ids uuid[], error_message text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.permanently_fail_jobs(job_ids uuid[], error_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.permanently_fail_jobs(job_ids uuid[], error_message text) TO jobferry_admin;


--
-- Name: FUNCTION places(task text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.places(task text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.places(task text) TO jobferry_engine;


--
-- Name: FUNCTION plan_anew(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.plan_anew() FROM PUBLIC;


--
-- Name: FUNCTION prefixes_in_sight(who name); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.prefixes_in_sight(who name) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.prefixes_in_sight(who name) TO jobferry_viewer;


--
-- Name: FUNCTION process_job_discreetly(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.process_job_discreetly() FROM PUBLIC;


--
-- Name: FUNCTION progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.progress_batch(processor text, ids uuid[], attempt_numbers smallint[], progresses real[], checkpoints text[]) FROM PUBLIC;


--
-- Name: FUNCTION progress_job(worker_id text, job_id uuid, progress real); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.progress_job(worker_id text, job_id uuid, progress real) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.progress_job(worker_id text, job_id uuid, progress real) TO jobferry_processor;


--
-- Name: FUNCTION prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.prunable_history(older_than timestamp with time zone, first_block bigint, last_block bigint, most integer) TO jobferry_admin;


--
-- Name: FUNCTION prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.prunable_jobs(finished_before timestamp with time zone, first_block bigint, last_block bigint, most integer) TO jobferry_admin;


--
-- Name: FUNCTION prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.prune_jobs(ids uuid[], finished_before timestamp with time zone, archive text) TO jobferry_admin;


--
-- Name: FUNCTION put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.put_jobs(specs jobferry.job_spec[], mode text, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.put_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION queue_depth(sample integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.queue_depth(sample integer) FROM PUBLIC;


--
-- Name: FUNCTION read_order(arguments text[], line jsonb, usual text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.read_order(arguments text[], line jsonb, usual text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.read_order(arguments text[], line jsonb, usual text[]) TO jobferry_trigger;


--
-- Name: FUNCTION reap(lease interval); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.reap(lease interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.reap(lease interval) TO jobferry_processor;


--
-- Name: FUNCTION refuse_left_out(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.refuse_left_out() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.refuse_left_out() TO jobferry_engine;


--
-- Name: FUNCTION refuse_rewriting_history(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.refuse_rewriting_history() FROM PUBLIC;


--
-- Name: FUNCTION register_processor(processor text, tasks text[], version text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.register_processor(processor text, tasks text[], version text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.register_processor(processor text, tasks text[], version text) TO jobferry_processor;


--
-- Name: FUNCTION release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.release_batch(processor text, ids uuid[], attempt_numbers smallint[], delays interval[]) FROM PUBLIC;


--
-- Name: FUNCTION release_failed_keys(owners text[], job_keys text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.release_failed_keys(owners text[], job_keys text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.release_failed_keys(owners text[], job_keys text[]) TO jobferry_engine;


--
-- Name: FUNCTION release_jobs(worker_id text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.release_jobs(worker_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.release_jobs(worker_id text) TO jobferry_processor;


--
-- Name: FUNCTION release_keys(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.release_keys(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.release_keys(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION release_unknown(processor text, known uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.release_unknown(processor text, known uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.release_unknown(processor text, known uuid[]) TO jobferry_processor;


--
-- Name: FUNCTION remove_job(job_key text, owner text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.remove_job(job_key text, owner text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.remove_job(job_key text, owner text) TO jobferry_admin;


--
-- Name: FUNCTION remove_scheduled_job(id bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.remove_scheduled_job(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.remove_scheduled_job(id bigint) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.remove_scheduled_job(id bigint) TO jobferry_processor;


--
-- Name: FUNCTION replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.replace_jobs(ids uuid[], job_keys text[], specs jobferry.job_spec[], preserve boolean, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION requeue_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.requeue_job() FROM PUBLIC;


--
-- Name: FUNCTION reschedule_jobs(job_ids uuid[], run_at timestamp with time zone, priority integer, attempts integer, max_attempts integer); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.reschedule_jobs(job_ids uuid[], run_at timestamp with time zone, priority integer, attempts integer, max_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.reschedule_jobs(job_ids uuid[], run_at timestamp with time zone, priority integer, attempts integer, max_attempts integer) TO jobferry_admin;


--
-- Name: FUNCTION resend_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.resend_job() FROM PUBLIC;


--
-- Name: FUNCTION resume_queue(queue_name text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.resume_queue(queue_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.resume_queue(queue_name text) TO jobferry_admin;


--
-- Name: FUNCTION resume_scheduled_job(id bigint); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.resume_scheduled_job(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.resume_scheduled_job(id bigint) TO jobferry_admin;


--
-- Name: FUNCTION resume_task(task text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.resume_task(task text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.resume_task(task text) TO jobferry_admin;


--
-- Name: FUNCTION revoke_owner(owner text, issued_before timestamp with time zone, reason text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.revoke_owner(owner text, issued_before timestamp with time zone, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.revoke_owner(owner text, issued_before timestamp with time zone, reason text) TO jobferry_admin;


--
-- Name: FUNCTION revoke_sight(role regrole); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.revoke_sight(role regrole) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.revoke_sight(role regrole) TO jobferry_admin;


--
-- Name: FUNCTION revoke_token(token_id text, expires_at timestamp with time zone, reason text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.revoke_token(token_id text, expires_at timestamp with time zone, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.revoke_token(token_id text, expires_at timestamp with time zone, reason text) TO jobferry_admin;


--
-- Name: FUNCTION ring_for(owner text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.ring_for(owner text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.ring_for(owner text) TO jobferry_engine;


--
-- Name: FUNCTION ring_queue(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.ring_queue() FROM PUBLIC;


--
-- Name: FUNCTION ring_revocations(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.ring_revocations() FROM PUBLIC;


--
-- Name: FUNCTION ring_scheduler(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.ring_scheduler() FROM PUBLIC;


--
-- Name: FUNCTION run_scheduled_job(id bigint, job_expiry interval); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval) TO jobferry_producer;
GRANT ALL ON FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval) TO jobferry_processor;
GRANT ALL ON FUNCTION jobferry.run_scheduled_job(id bigint, job_expiry interval) TO jobferry_admin;


--
-- Name: FUNCTION seen_in_engine(engine text, schema_name text, foreign_id text, queue text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.seen_in_engine(engine text, schema_name text, foreign_id text, queue text) FROM PUBLIC;


--
-- Name: FUNCTION send_to_engine(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.send_to_engine(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;


--
-- Name: FUNCTION send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.send_to_graphile_worker(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION send_to_oban(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.send_to_oban(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION send_to_pg_boss(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.send_to_pg_boss(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.send_to_pgqueuer(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION send_to_procrastinate(delegate jobferry.delegates, ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.send_to_procrastinate(delegate jobferry.delegates, ids uuid[]) TO jobferry_engine;


--
-- Name: PROCEDURE settle_functions(); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON PROCEDURE jobferry.settle_functions() FROM PUBLIC;


--
-- Name: FUNCTION settle_restored(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.settle_restored() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.settle_restored() TO jobferry_gateway;


--
-- Name: TABLE sights; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE ON TABLE jobferry.sights TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.sights TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.sights TO jobferry_admin;


--
-- Name: FUNCTION sights_of(who name); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.sights_of(who name) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.sights_of(who name) TO jobferry_viewer;


--
-- Name: FUNCTION stamp_job(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.stamp_job() FROM PUBLIC;


--
-- Name: FUNCTION status_of(completed boolean, cancelled boolean, run_at timestamp with time zone); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.status_of(completed boolean, cancelled boolean, run_at timestamp with time zone) TO jobferry_engine;


--
-- Name: FUNCTION stop_delegated(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.stop_delegated() FROM PUBLIC;


--
-- Name: TABLE delegated; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.delegated TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.delegated TO jobferry_auditor;


--
-- Name: FUNCTION stop_in_engine(it jobferry.delegated, interrupt boolean); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.stop_in_engine(it jobferry.delegated, interrupt boolean) FROM PUBLIC;


--
-- Name: FUNCTION submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.submit_batch(ids uuid[], owners text[], client_ids uuid[], timestamps timestamp with time zone[], payloads text[], tasks text[], queue_names text[], priorities smallint[], run_ats timestamp with time zone[], max_attempts smallint[], job_keys text[], flags text[], database_ids uuid[], cancels boolean[]) TO jobferry_gateway;


--
-- Name: FUNCTION take_back(ids uuid[]); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.take_back(ids uuid[]) FROM PUBLIC;


--
-- Name: FUNCTION tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.tell_again(ids uuid[], owners text[], client_ids uuid[], payloads text[], tasks text[]) TO jobferry_engine;


--
-- Name: FUNCTION tell_by(teller regprocedure); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.tell_by(teller regprocedure) FROM PUBLIC;


--
-- Name: FUNCTION tenants_in_sight(who name); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.tenants_in_sight(who name) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.tenants_in_sight(who name) TO jobferry_viewer;


--
-- Name: FUNCTION tg_add_job_with_fields(); Type: ACL; Schema: jobferry; Owner: jobferry_trigger
--

REVOKE ALL ON FUNCTION jobferry.tg_add_job_with_fields() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.tg_add_job_with_fields() TO jobferry_producer;


--
-- Name: FUNCTION tg_add_job_with_row(); Type: ACL; Schema: jobferry; Owner: jobferry_trigger
--

REVOKE ALL ON FUNCTION jobferry.tg_add_job_with_row() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.tg_add_job_with_row() TO jobferry_producer;


--
-- Name: FUNCTION tg_add_job_with_row_id(); Type: ACL; Schema: jobferry; Owner: jobferry_trigger
--

REVOKE ALL ON FUNCTION jobferry.tg_add_job_with_row_id() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.tg_add_job_with_row_id() TO jobferry_producer;


--
-- Name: FUNCTION trigger_job(); Type: ACL; Schema: jobferry; Owner: jobferry_trigger
--

REVOKE ALL ON FUNCTION jobferry.trigger_job() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.trigger_job() TO jobferry_producer;


--
-- Name: FUNCTION try_hold_jobs(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.try_hold_jobs(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.try_hold_jobs(ids uuid[]) TO jobferry_engine;


--
-- Name: FUNCTION try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.try_keyed(specs jobferry.job_spec[], mode text, owner text, database_id uuid) TO jobferry_engine;


--
-- Name: FUNCTION undelegate(task text); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.undelegate(task text) FROM PUBLIC;


--
-- Name: FUNCTION unregister_processor(processor text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.unregister_processor(processor text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.unregister_processor(processor text) TO jobferry_processor;


--
-- Name: FUNCTION unrevoke_owner(owner text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.unrevoke_owner(owner text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.unrevoke_owner(owner text) TO jobferry_admin;


--
-- Name: FUNCTION unrevoke_token(token_id text); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.unrevoke_token(token_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.unrevoke_token(token_id text) TO jobferry_admin;


--
-- Name: FUNCTION unserved_tasks(); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.unserved_tasks() FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.unserved_tasks() TO jobferry_processor;


--
-- Name: FUNCTION until_next_slot(at timestamp with time zone); Type: ACL; Schema: jobferry; Owner: jobferry_engine
--

REVOKE ALL ON FUNCTION jobferry.until_next_slot(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.until_next_slot(at timestamp with time zone) TO jobferry_processor;


--
-- Name: FUNCTION waiting_of(ids uuid[]); Type: ACL; Schema: jobferry; Owner: postgres
--

REVOKE ALL ON FUNCTION jobferry.waiting_of(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobferry.waiting_of(ids uuid[]) TO jobferry_engine;


--
-- Name: TABLE devices; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.devices TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.devices TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.devices TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.devices TO jobferry_admin;


--
-- Name: TABLE identity; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,UPDATE ON TABLE jobferry.identity TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.identity TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.identity TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.identity TO jobferry_auditor;


--
-- Name: TABLE job_queues; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT ON TABLE jobferry.job_queues TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.job_queues TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.job_queues TO jobferry_admin;


--
-- Name: TABLE left_behind; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.left_behind TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.left_behind TO jobferry_auditor;


--
-- Name: TABLE limited_jobs; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.limited_jobs TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.limited_jobs TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.limited_jobs TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.limited_jobs TO jobferry_admin;


--
-- Name: TABLE migrations; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT ON TABLE jobferry.migrations TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.migrations TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.migrations TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.migrations TO jobferry_admin;


--
-- Name: TABLE owner_jobs; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobferry.owner_jobs TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.owner_jobs TO jobferry_auditor;


--
-- Name: TABLE paused_queues; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.paused_queues TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.paused_queues TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.paused_queues TO jobferry_admin;


--
-- Name: TABLE postponed_cancels; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.postponed_cancels TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.postponed_cancels TO jobferry_auditor;


--
-- Name: TABLE processors; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.processors TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.processors TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.processors TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.processors TO jobferry_admin;


--
-- Name: TABLE retention; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,UPDATE ON TABLE jobferry.retention TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.retention TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.retention TO jobferry_auditor;


--
-- Name: TABLE revocations; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.revocations TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.revocations TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.revocations TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.revocations TO jobferry_admin;


--
-- Name: TABLE task_limits; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.task_limits TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.task_limits TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.task_limits TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.task_limits TO jobferry_admin;


--
-- Name: TABLE tombstones; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobferry.tombstones TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.tombstones TO jobferry_gateway;
GRANT SELECT ON TABLE jobferry.tombstones TO jobferry_auditor;


--
-- Name: TABLE traces; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT,INSERT ON TABLE jobferry.traces TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.traces TO jobferry_processor;
GRANT SELECT ON TABLE jobferry.traces TO jobferry_auditor;


--
-- Name: TABLE transitions; Type: ACL; Schema: jobferry; Owner: postgres
--

GRANT SELECT ON TABLE jobferry.transitions TO jobferry_engine;
GRANT SELECT ON TABLE jobferry.transitions TO jobferry_auditor;
GRANT SELECT ON TABLE jobferry.transitions TO jobferry_admin;


--
-- Name: TABLE background_job_events; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT ON TABLE public.background_job_events TO jobferry_engine;
GRANT SELECT ON TABLE public.background_job_events TO jobferry_auditor;
GRANT SELECT ON TABLE public.background_job_events TO jobferry_admin;
GRANT SELECT,INSERT,DELETE ON TABLE public.background_job_events TO jobferry_archivist;
GRANT SELECT ON TABLE public.background_job_events TO jobferry_viewer;


--
-- Name: COLUMN background_job_events.detail; Type: ACL; Schema: public; Owner: postgres
--

GRANT UPDATE(detail) ON TABLE public.background_job_events TO jobferry_archivist;


--
-- Name: SEQUENCE background_job_events_id_seq; Type: ACL; Schema: public; Owner: postgres
--

GRANT USAGE ON SEQUENCE public.background_job_events_id_seq TO jobferry_engine;


--
-- PostgreSQL database dump complete
--


