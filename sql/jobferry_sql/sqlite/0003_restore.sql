-- A server's database that was restored or replaced may lack what an earlier one had acknowledged.
--
-- `met` is the database that last let this file in; `epoch`, the one it is in step with, is empty from
-- the moment it meets another until it has read that one through. What of `unseen` it was not shown by
-- then is not gone but lost there: the unfinished among it goes into the outbox once more (`again`).

ALTER TABLE _jobferry_state ADD COLUMN met TEXT;
UPDATE _jobferry_state SET met = epoch;
ALTER TABLE _jobferry_outbox ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
