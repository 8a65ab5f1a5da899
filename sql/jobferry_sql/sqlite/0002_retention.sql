-- What leaves the file again: jobs that are no longer in the ledger.
--
-- `gone` are those that the server says are gone and that the outbox still speaks of: each leaves once
-- the server has answered. `unseen` are those that a device which reads everything anew has not been
-- shown yet: what is left of them at the end of the walk is gone too. That holds only for a database
-- that this file was in step with before (`epoch`): one that was put in its place may have lost jobs,
-- and then this file has what is left of them.

ALTER TABLE _jobferry_state ADD COLUMN epoch TEXT;
CREATE TABLE _jobferry_gone (job_id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE _jobferry_unseen (job_id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
