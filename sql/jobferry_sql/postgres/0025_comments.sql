-- What the columns that people read mean, where people look: \d+ in psql, other tools' tooltips, and
-- docs/reference/columns.md, which is generated from here. Functions say it in the files above, but for three.

comment on table public.background_jobs is 'The ledger: one row for every job there ever was.';
comment on column public.background_jobs.id is 'Made by whoever submits, so that a submit can be repeated. A version 7 UUID sorts by time and is cheapest.';
comment on column public.background_jobs."timestamp" is 'When it was submitted, by the submitter''s clock, which may be wrong.';
comment on column public.background_jobs.payload is 'What the handler is given.';
comment on column public.background_jobs.completed is 'Whether it ended well. A processor of the recipe sets it.';
comment on column public.background_jobs.cancelled is 'Whether it was cancelled. Set it to cancel.';
comment on column public.background_jobs.progress is 'How far it is, from 0 to 1.';
comment on column public.background_jobs.result is 'What the handler returned.';
comment on column public.background_jobs.submitted_by is 'The owner: the subject of the token it was sent with. Null for the server''s own.';
comment on column public.background_jobs.client_id is 'The device it was submitted on.';
comment on column public.background_jobs.task is 'The name of the handler that is to run it.';
comment on column public.background_jobs.queue_name is 'Jobs of one name run one at a time.';
comment on column public.background_jobs.priority is 'Lower runs first; then by run_at, then by id.';
comment on column public.background_jobs.run_at is 'Not before this. On the device null means at once, by the server''s clock.';
comment on column public.background_jobs.max_attempts is 'How often it is tried before it has failed.';
comment on column public.background_jobs.attempts is 'How often it was begun.';
comment on column public.background_jobs.job_key is 'At most one unfinished job of an owner has a given key.';
comment on column public.background_jobs.flags is 'Words by which a processor may leave it alone.';
comment on column public.background_jobs.database_id is 'The tenant: passed through, or the token''s.';
comment on column public.background_jobs.status is 'Where it is in its life: docs/job-states.md.';
comment on column public.background_jobs.error is 'Why it failed or will be tried again: a code and a message, both for the owner to read.';
comment on column public.background_jobs.received_at is 'When it reached the ledger, by the server''s clock.';
comment on column public.background_jobs.started_at is 'When the current or last attempt began.';
comment on column public.background_jobs.finished_at is 'When it ended; null while it has not.';
comment on column public.background_jobs.created is 'The transaction that inserted it.';
comment on column public.background_jobs.version is 'The transaction that wrote it last: what cursors compare.';
comment on column public.background_jobs.revised is 'The transaction that last changed what the submitter had said.';

comment on table public.background_job_events is 'The audit log: every transition of every job. Append-only.';
comment on column public.background_job_events.id is 'In order of writing, not of commit.';
comment on column public.background_job_events.at is 'When it was written, by the database''s clock.';
comment on column public.background_job_events.job_id is 'Which job.';
comment on column public.background_job_events.owner is 'Whose job it is.';
comment on column public.background_job_events.event is 'What happened: docs/job-states.md.';
comment on column public.background_job_events.attempt is 'In which attempt; 0 before the first.';
comment on column public.background_job_events.actor is 'Who did it: the device, the processor, or the database user that wrote.';
comment on column public.background_job_events.detail is 'What the event alone does not say, such as the error of a failure.';

comment on table jobferry.scheduled_jobs is 'Schedules: what recurs, and when.';
comment on column jobferry.scheduled_jobs.id is 'What run_scheduled_job and remove_scheduled_job take.';
comment on column jobferry.scheduled_jobs.database_id is 'The jobs'' tenant.';
comment on column jobferry.scheduled_jobs.task_identifier is 'The jobs'' task.';
comment on column jobferry.scheduled_jobs.payload is 'The jobs'' payload, to which "_cron" is added.';
comment on column jobferry.scheduled_jobs.schedule_info is 'When: docs/schedules.md.';
comment on column jobferry.scheduled_jobs.job_key is 'The jobs'' key.';
comment on column jobferry.scheduled_jobs.queue_name is 'The jobs'' named queue.';
comment on column jobferry.scheduled_jobs.max_attempts is 'How often each of the jobs is tried.';
comment on column jobferry.scheduled_jobs.priority is 'The jobs'' priority.';
comment on column jobferry.scheduled_jobs.last_scheduled is 'The last slot that became a job.';
comment on column jobferry.scheduled_jobs.last_scheduled_id is 'That job.';
comment on column jobferry.scheduled_jobs.owner is 'Whose the jobs are. Null: the server''s own.';
comment on column jobferry.scheduled_jobs.name is 'By what a person knows it.';
comment on column jobferry.scheduled_jobs.crontab is 'The crontab it was loaded from.';
comment on column jobferry.scheduled_jobs.created_at is 'When it was made.';
comment on column jobferry.scheduled_jobs.planned_at is 'When a processor last worked out what follows.';
comment on column jobferry.scheduled_jobs.next_run_at is 'The next slot; null where there is none, or none was worked out yet.';
comment on column jobferry.scheduled_jobs.last_missed is 'The slot from which on some were last missed.';
comment on column jobferry.scheduled_jobs.error is 'What is wrong with it; such a schedule does not run.';
comment on column jobferry.scheduled_jobs.paused_at is 'Since when it makes no jobs; null while it does.';

comment on function jobferry.unrevoke_owner is 'Take it back; was there anything to take back?';
comment on function jobferry.grant_sight is 'From now on the role sees jobs of this tenant, of owners with this prefix, or of what jobferry.tenant is set to.';
comment on function jobferry.epoch is 'Which database this is: another one after a restore, a failover or a copy.';
