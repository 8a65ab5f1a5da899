-- Which trace a job belongs to: a `traceparent` of W3C Trace Context, from the library or by the
-- application's own hand. It travels up with the submit and is no part of what the job says.

ALTER TABLE background_jobs ADD COLUMN traceparent TEXT;

CREATE TRIGGER background_jobs_insert_trace BEFORE INSERT ON background_jobs
WHEN NEW.traceparent IS NOT NULL AND (SELECT syncing FROM _jobferry_state) = 0
BEGIN
  SELECT RAISE(ABORT, 'jobferry: traceparent must be as W3C Trace Context writes it: 00-(32 lower-case hex digits)-(16)-(2), or left out')
  WHERE length(CAST(NEW.traceparent AS BLOB)) <> 55 OR NEW.traceparent GLOB '*[^0-9a-f-]*'
    OR length(replace(NEW.traceparent, '-', '')) <> 52
    OR NEW.traceparent NOT GLOB '00-????????????????????????????????-????????????????-??';
END;

CREATE TRIGGER background_jobs_update_trace BEFORE UPDATE OF traceparent ON background_jobs
WHEN NEW.traceparent IS NOT OLD.traceparent AND (SELECT syncing FROM _jobferry_state) = 0
BEGIN
  SELECT RAISE(ABORT, 'jobferry: the trace of a submitted job does not change');
END;
