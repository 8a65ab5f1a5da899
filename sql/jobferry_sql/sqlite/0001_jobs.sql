-- The device's own table: any process in any language that can INSERT can submit a job.
--
--   INSERT INTO background_jobs (payload) VALUES ('{"n": 1}')          submits
--   UPDATE background_jobs SET cancelled = 1 WHERE id = '…'            cancels
--
-- Every column but the payload has a default. The AFTER triggers write the operation into the outbox
-- in the writer's own transaction, so there is no job without its operation and no operation without
-- its job. The BEFORE triggers refuse what is not the device's to say. The sync engine silences them
-- all with `syncing`, set and cleared inside its own transaction: nobody else ever sees it set.
--
-- Times are ISO 8601 text in UTC. `run_at` is empty for "at once": the device's clock may be wrong,
-- so when a job runs is for the server to know. Nothing is captured by DELETE triggers, because
-- INSERT OR REPLACE fires them on some connections and not on others.

CREATE TABLE _jobferry_state (
  only_one INTEGER NOT NULL PRIMARY KEY DEFAULT 1 CHECK (only_one = 1),
  client_id TEXT NOT NULL,
  cursor TEXT,
  owner TEXT,
  last_synced_at TEXT,
  syncing INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A version 4 UUID made of what every SQLite can do.
INSERT INTO _jobferry_state (client_id) SELECT lower(
  hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
  || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));

-- The default id is a version 7 UUID: milliseconds since 1970, then random bits. In time order, so
-- that inserts hit one page of the index and not all of them.
CREATE TABLE background_jobs (
  id TEXT NOT NULL PRIMARY KEY DEFAULT (lower(
    printf('%08x-%04x',
      CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) >> 16,
      CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) & 65535)
    || '-7' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1)
    || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  "timestamp" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  payload TEXT NOT NULL,
  completed INTEGER NOT NULL DEFAULT 0 CHECK (completed IN (0, 1)),
  cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
  progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  result TEXT,
  submitted_by TEXT,
  client_id TEXT,
  task TEXT NOT NULL DEFAULT 'default',
  queue_name TEXT,
  priority INTEGER NOT NULL DEFAULT 0,
  run_at TEXT,
  max_attempts INTEGER NOT NULL DEFAULT 25,
  attempts INTEGER NOT NULL DEFAULT 0,
  job_key TEXT,
  flags TEXT,
  database_id TEXT,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'rejected', 'scheduled', 'queued',
    'running', 'retrying', 'completed', 'failed', 'cancelled')),
  error TEXT,
  received_at TEXT,
  started_at TEXT,
  finished_at TEXT,
  rejected_code TEXT,
  rejected_message TEXT,
  CHECK (NOT (completed AND cancelled))
) STRICT;

CREATE INDEX background_jobs_newest ON background_jobs ("timestamp", id);
CREATE INDEX background_jobs_rejected ON background_jobs (status) WHERE status = 'rejected';

-- What the server has not acknowledged yet, in the order in which it was committed here.
CREATE TABLE _jobferry_outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  op TEXT NOT NULL CHECK (op IN ('submit', 'cancel')),
  job_id TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- A known id again: the same job is no news, whatever conflict clause the writer chose.
CREATE TRIGGER background_jobs_again BEFORE INSERT ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0 AND EXISTS (SELECT 1 FROM background_jobs WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'jobferry: this id belongs to another job: give the new job an id of its own')
  FROM background_jobs WHERE id = NEW.id AND (payload <> NEW.payload OR task <> NEW.task);
  SELECT RAISE(IGNORE);
END;

CREATE TRIGGER background_jobs_insert BEFORE INSERT ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0 AND NOT EXISTS (SELECT 1 FROM background_jobs WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'jobferry: id must be a lower-case UUID of version 4 or 7, or left out')
  WHERE length(CAST(NEW.id AS BLOB)) <> 36 OR NEW.id GLOB '*[^0-9a-f-]*' OR length(replace(NEW.id, '-', '')) <> 32
    OR NEW.id NOT GLOB '????????-????-[47]???-[89ab]???-????????????';
  SELECT RAISE(ABORT, 'jobferry: payload is not JSON')
  WHERE NOT json_valid(NEW.payload);
  SELECT RAISE(ABORT, 'jobferry: progress, completed, result, status and what follows from them are written by the server; insert a job without them')
  WHERE NEW.completed <> 0 OR NEW.progress <> 0 OR NEW.result IS NOT NULL OR NEW.status <> 'pending' OR NEW.attempts <> 0
    OR NEW.error IS NOT NULL OR NEW.submitted_by IS NOT NULL OR NEW.client_id IS NOT NULL OR NEW.received_at IS NOT NULL
    OR NEW.started_at IS NOT NULL OR NEW.finished_at IS NOT NULL OR NEW.rejected_code IS NOT NULL OR NEW.rejected_message IS NOT NULL;
END;

CREATE TRIGGER background_jobs_submit AFTER INSERT ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0
BEGIN
  INSERT INTO _jobferry_outbox (op, job_id) VALUES ('submit', NEW.id);
END;

-- The one thing a device may change is to cancel a job that has not ended. Later it has no effect.
CREATE TRIGGER background_jobs_update BEFORE UPDATE ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0
BEGIN
  SELECT RAISE(ABORT, 'jobferry: a submitted job does not change, except that cancelled may be set to 1; the rest is written by the server')
  WHERE NEW.id IS NOT OLD.id OR NEW."timestamp" IS NOT OLD."timestamp" OR NEW.payload IS NOT OLD.payload
    OR NEW.completed IS NOT OLD.completed OR coalesce(NEW.cancelled, 0) < OLD.cancelled OR NEW.progress IS NOT OLD.progress
    OR NEW.result IS NOT OLD.result OR NEW.submitted_by IS NOT OLD.submitted_by OR NEW.client_id IS NOT OLD.client_id
    OR NEW.task IS NOT OLD.task OR NEW.queue_name IS NOT OLD.queue_name OR NEW.priority IS NOT OLD.priority
    OR NEW.run_at IS NOT OLD.run_at OR NEW.max_attempts IS NOT OLD.max_attempts OR NEW.attempts IS NOT OLD.attempts
    OR NEW.job_key IS NOT OLD.job_key OR NEW.flags IS NOT OLD.flags OR NEW.database_id IS NOT OLD.database_id
    OR NEW.status IS NOT OLD.status OR NEW.error IS NOT OLD.error OR NEW.received_at IS NOT OLD.received_at
    OR NEW.started_at IS NOT OLD.started_at OR NEW.finished_at IS NOT OLD.finished_at
    OR NEW.rejected_code IS NOT OLD.rejected_code OR NEW.rejected_message IS NOT OLD.rejected_message;
  SELECT RAISE(IGNORE) WHERE OLD.status IN ('completed', 'failed', 'cancelled', 'rejected');
END;

CREATE TRIGGER background_jobs_cancel AFTER UPDATE ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0 AND NEW.cancelled > OLD.cancelled
BEGIN
  INSERT INTO _jobferry_outbox (op, job_id) VALUES ('cancel', NEW.id);
END;

CREATE TRIGGER background_jobs_delete BEFORE DELETE ON background_jobs
WHEN (SELECT syncing FROM _jobferry_state) = 0 AND OLD.status NOT IN ('completed', 'failed', 'cancelled', 'rejected')
BEGIN
  SELECT RAISE(ABORT, 'jobferry: a job that has not ended can not be deleted; cancel it');
END;
