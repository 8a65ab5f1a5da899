"""Every event there is. docs/logs.md is made of this module.

Called where it happens, as ``events.LISTENING(url=url)``. No field holds a token, a payload or a result.
"""

from jobferry_server.logs.event import error, info, warning

# -- every part

WAITING_FOR_DATABASE = warning(
    "database.waiting",
    "waiting for Postgres: %(error)s",
    "Postgres does not answer at the start. The service waits for it.",
)
RING_NOT_HEARD = warning(
    "doorbell.ring_not_heard",
    "not listening: a ring was not heard; is there a pooler between?",
    "LISTEN is without effect: work is found by looking, a little later. docs/pooler.md.",
)
NOT_LISTENING = warning(
    "doorbell.not_listening",
    "not listening: %(error)s",
    "The connection for LISTEN broke. It comes back by itself.",
)
METRICS_SERVED = info(
    "metrics.listening",
    "metrics on http://%(host)s:%(port)d/metrics",
    "Where a processor shows its metrics.",
)
FIGURES_UNREAD = warning(
    "metrics.figures_unread",
    "the database's figures could not be read: %(error)s",
    "The database's half of the metrics is as old as the last answer.",
)
POSTGRES_DIED = warning(
    "postgres.died",
    "Postgres died; starting it again",
    "The embedded Postgres of 'jobferry up' ended by itself.",
)
LEFT_BEHIND = error(
    "service.left_behind",
    "something did not end in time and is left behind",
    "A handler or a query swallowed its cancellation at the end of the service; the process ends without it.",
)

# -- the gateway

LISTENING = info(
    "gateway.listening",
    "listening on %(url)s",
    "The gateway serves; devices connect to this address.",
)
NOT_ALL_ANSWERED = warning(
    "gateway.not_all_answered",
    "not all devices were answered in time; they will send again",
    "At the end of the gateway a commit took too long. Nothing is lost.",
)
DATABASE_REPLACED = warning(
    "gateway.database_replaced",
    "this is another database: all devices read anew",
    "Postgres came back as another database than it was, restored or replaced. docs/backup-and-restore.md.",
)
DATABASE_PUT_BACK = error(
    "gateway.database_put_back",
    "the database was put back to an earlier state",
    "The very same database has forgotten transactions: its disk was put back. Devices send again what is lost.",
)
JOBS_TOLD_ANEW = warning(
    "gateway.jobs_told_anew",
    "restored from another cluster: %(jobs)d jobs are told anew",
    "A dump of another cluster was loaded; its rows were given ids of this one.",
)
COMMIT_FAILED = error(
    "gateway.commit_failed",
    "the group commit failed; trying again",
    "Nothing is acknowledged until it succeeds. The traceback is a fault of ours or of the schema.",
)
COMMIT_WAITS = warning(
    "gateway.commit_waits",
    "the database does not answer, trying again: %(error)s",
    "Devices wait for their acknowledgement.",
)
JOB_REFUSED = warning(
    "gateway.job_refused",
    "job %(job)s was refused by the database: %(error)s",
    "Postgres did not take the row; its device was told.",
)
CANCELS_POSTPONED = warning(
    "gateway.cancels_untried",
    "postponed cancels could not be tried: %(error)s",
    "They are tried again.",
)
JOBS_UNCOUNTED = warning(
    "gateway.jobs_uncounted",
    "the owners' unfinished jobs could not be counted: %(error)s",
    "An owner at the limit of unfinished jobs waits for it.",
)
NOTES_UNWRITTEN = warning(
    "gateway.notes_unwritten",
    "what devices say could not be written: %(error)s",
    "What is known of devices is older than it should be; after a gateway's end they look connected.",
)
FEED_FAILED = error(
    "gateway.feed_failed",
    "the feed failed; trying again",
    "Devices wait for news. The traceback says why.",
)
NO_PAGE = error(
    "gateway.no_page",
    "no page can be made for device %(device)s",
    "One device can not be served; the traceback says why. It was sent away and will come again.",
)
READS_ANEW = warning(
    "gateway.device_reads_anew",
    "device %(device)s %(reason)s: it reads everything anew",
    "Its cursor is of no use any more.",
)
STRANGERS_DROPPED = warning(
    "gateway.strangers_dropped",
    "%(dropped)d connections without a valid token were dropped so far: more than %(most)d at once",
    "Somebody opens connections and shows no token. docs/security.md.",
)
CERTIFICATE_RENEWED = info(
    "gateway.certificate_renewed", "the TLS certificate was renewed", "Its files changed."
)
CERTIFICATE_UNUSABLE = warning(
    "gateway.certificate_unusable",
    "the TLS certificate can not be renewed: %(error)s",
    "Its files changed and are no certificate with its key; the old one stays in use.",
)
KEYS_UNFETCHED = warning(
    "gateway.keys_unfetched",
    "the issuer's keys can not be fetched: %(reason)s",
    "Tokens signed with a key that is not known yet are turned away for now.",
)
REVOCATIONS_UNREAD = warning(
    "gateway.revocations_unread",
    "the revoked tokens can not be read, trying again: %(error)s",
    "A token that was just revoked may be believed until then.",
)

# -- the processor

PROCESSING = info(
    "processor.processing",
    "processing %(tasks)s",
    "It is registered and hears of new jobs; these are its tasks.",
)
HANDLER_RAISED = error(
    "processor.handler_raised",
    "job %(job)s (%(task)s), attempt %(attempt)d: %(error)s",
    "An attempt failed with an exception of the handler's.",
)
NO_RETRY_TIME = error(
    "processor.no_retry_time",
    "the task %(task)s does not say when job %(job)s is to be tried again",
    "The task's retry raised, or gave what is no time; the usual back-off counts.",
)
HANDLER_DEAF = error(
    "processor.handler_deaf",
    "the handler of job %(job)s does not stop",
    "It was told to and goes on; it is left behind or killed.",
)
CONNECTION_BROKEN = warning(
    "processor.connection_broken",
    "the connection of job %(job)s is broken: %(error)s",
    "The handler's own transaction ended with its connection.",
)
ATTEMPT_ENDED = info(
    "processor.attempt_ended",
    "job %(job)s is %(verdict)s",
    "A job was cancelled, or given to somebody else, while its handler ran: the handler is told to stop.",
)
OUTCOME_REFUSED = error(
    "processor.outcome_refused",
    "the outcome of job %(job)s can not be written",
    "Postgres does not take the result: the job has failed.",
)
LEASE_LOST = error(
    "processor.lease_lost",
    "the lease of %(processor)s ran out; its jobs were given away",
    "The processor was silent for too long: stopped, or cut off. It goes on under another name.",
)
JOBS_FREED = warning(
    "processor.jobs_freed",
    "%(jobs)d jobs of processors that are gone were freed",
    "Another processor died; its jobs are tried again.",
)
QUEUE_COMPACTED = info(
    "processor.queue_compacted",
    "the queue was compacted: an old snapshot keeps vacuum from it",
    "Some transaction in the cluster is very old.",
)
TASK_UNSERVED = warning(
    "processor.task_unserved",
    "%(jobs)d jobs wait for task %(task)r, which no processor offers",
    "Start a processor with that task, or cancel the jobs.",
)
MORE_UNSERVED = warning(
    "processor.more_unserved",
    "%(jobs)d jobs wait for %(tasks)d other tasks that no processor offers",
    "Those with the most jobs were named.",
)
TRYING_AGAIN = warning(
    "processor.trying_again",
    "could not %(what)s, trying again: %(error)s",
    "The database is away or busy.",
)
COULD_NOT = error(
    "processor.failed",
    "could not %(what)s",
    "It is tried again. The traceback is a fault of ours or of the schema.",
)

# -- schedules and delegates

CRONTAB_LOADED = info(
    "scheduler.schedule_loaded",
    "schedule %(schedule)s was %(change)s",
    "The crontab file changed it.",
)
SCHEDULE_WAITS = warning(
    "scheduler.schedule_waits",
    "could not run schedule %(schedule)d, trying again: %(error)s",
    "The database is away or busy.",
)
SCHEDULE_BROKEN = error(
    "scheduler.schedule_broken",
    "schedule %(schedule)d",
    "Its next slot could not be found, for the reason in the traceback.",
)
SCHEDULE_STOPPED = error(
    "scheduler.schedule_stopped",
    "schedule %(schedule)d does not run: %(problem)s",
    "It makes no jobs until somebody mends it.",
)
SLOTS_MISSED = warning(
    "scheduler.slots_missed",
    "schedule %(schedule)d has missed its slots from %(missed)s on",
    "No processor ran at the time, and the schedule does not fill them.",
)
DELEGATED_OVER = info(
    "delegates.nothing_to_do",
    "job %(job)s was cancelled or has ended; nothing to do",
    "The other queue gave out a job that is over.",
)
DELEGATED_UNREPORTED = warning(
    "delegates.progress_unreported",
    "job %(job)s: progress not reported: %(error)s",
    "It is reported with the next.",
)

# -- the dashboard

DASHBOARD_LISTENING = info(
    "dashboard.listening",
    "dashboard on %(url)s",
    "Where it is to be seen.",
)
PAGE_TOOK_TOO_LONG = warning(
    "dashboard.too_long",
    "%(page)s took too long: %(error)s",
    "Postgres was not done in five seconds; whoever asked was told to narrow the filter.",
)
PAGE_FAILED = warning(
    "dashboard.page_failed",
    "%(page)s: %(error)s",
    "Postgres refused what a page asked; the page says so.",
)
DASHBOARD_ALONE = warning(
    "dashboard.no_database",
    "Postgres does not answer: %(error)s",
    "The pages say so until it does.",
)
