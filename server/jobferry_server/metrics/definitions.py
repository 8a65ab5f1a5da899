"""Every metric there is. docs/metrics.md is generated from this module.

One registry for the process: several gateways in one process, as in tests, count together.
"""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from jobferry_shared import __version__

__all__ = [
    "ATTEMPTS",
    "ATTEMPT_SECONDS",
    "BUILD",
    "CATALOGUE",
    "CLAIMED_JOBS",
    "CLAIM_SECONDS",
    "COMMIT_OPERATIONS",
    "COMMIT_SECONDS",
    "CONCURRENCY",
    "CONNECTIONS",
    "DATABASE_ANSWERS",
    "DEVICES",
    "DEVICES_OLDEST_PENDING",
    "DEVICES_PENDING",
    "DEVICES_SILENCE",
    "DEVICES_UNSENT",
    "ENDED",
    "FEED_LAG",
    "FEED_ROWS",
    "FEED_SECONDS",
    "FEED_WAITING",
    "FLUSH_OUTCOMES",
    "FLUSH_SECONDS",
    "IN_HAND",
    "LAST_COMMIT",
    "LAST_FLUSH",
    "LAST_PAGE",
    "LEDGER_ROWS",
    "LISTENING",
    "LOOP_LAG",
    "POOL_FREE",
    "PROCESSORS",
    "QUEUE_DEAD",
    "QUEUE_JOBS",
    "QUEUE_OLDEST",
    "QUEUE_UNSERVED",
    "REGISTRY",
    "REJECTED",
    "RUNNING",
    "SCHEDULE_LAG",
    "SNAPSHOT_SECONDS",
    "SNAPSHOT_TRANSACTIONS",
    "STRANGERS",
    "STRANGERS_DROPPED",
    "TOLD_TO_WAIT",
    "TURNED_AWAY",
    "WAITING_BYTES",
]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Described(NamedTuple):
    """A metric as the documents show it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str


#: In the order of this module.
CATALOGUE: list[Described] = []


def _gauge(name: str, says: str, *labels: str) -> Gauge:
    CATALOGUE.append(Described(f"jobferry_{name}", "gauge", labels, says))
    return Gauge(f"jobferry_{name}", says, labels, registry=REGISTRY)


def _counter(name: str, says: str, *labels: str) -> Counter:
    CATALOGUE.append(Described(f"jobferry_{name}_total", "counter", labels, says))
    return Counter(f"jobferry_{name}", says, labels, registry=REGISTRY)


def _histogram(
    name: str, says: str, buckets: tuple[float, ...] = FAST, labels: tuple[str, ...] = ()
) -> Histogram:
    CATALOGUE.append(Described(f"jobferry_{name}", "histogram", labels, says))
    return Histogram(f"jobferry_{name}", says, labels, buckets=buckets, registry=REGISTRY)


# -- every part

BUILD = _gauge("build_info", "1, with the version of what runs.", "version")
BUILD.labels(__version__).set(1)
LOOP_LAG = _histogram(
    "loop_lag_seconds",
    "How much later than asked for the event loop woke a sleeper, twice a second.",
)
LISTENING = _gauge(
    "listening", "1 while LISTEN is in force and its own probe is heard; 0: only polling.", "part"
)
POOL_FREE = _gauge(
    "pool_free_connections",
    "Connections to Postgres that nobody uses or that may still be opened; 0: somebody waits for one.",
    "part",
)

# -- the gateway

CONNECTIONS = _gauge("gateway_connections", "Devices that are let in.")
COMMIT_SECONDS = _histogram(
    "gateway_commit_seconds", "A group commit, from its first try until it is on disk."
)
COMMIT_OPERATIONS = _histogram("gateway_commit_operations", "Operations in a group commit.", SIZES)
REJECTED = _counter("gateway_rejected", "Operations that were rejected, by code.", "code")
FEED_SECONDS = _histogram("gateway_feed_seconds", "One tick of the feed, for all its devices.")
FEED_LAG = _histogram(
    "gateway_feed_lag_seconds",
    "From the ring to the page: how long the first of a tick's devices waited, the tick included.",
)
FEED_WAITING = _gauge("gateway_feed_waiting", "Devices that wait for a page this moment.")
FEED_ROWS = _counter("gateway_feed_rows", "Changes and tombstones sent to devices.")
LAST_COMMIT = _gauge(
    "gateway_last_commit_timestamp_seconds", "When the last group commit succeeded."
)
LAST_PAGE = _gauge(
    "gateway_last_tick_timestamp_seconds", "When the feed last read the ledger with success."
)

STRANGERS = _gauge("gateway_strangers", "Connections that have shown no valid token yet.")
STRANGERS_DROPPED = _counter(
    "gateway_strangers_dropped", "Of these, dropped to make way: there were too many at once."
)
TURNED_AWAY = _counter(
    "gateway_turned_away", "Requests that did not become a session, by HTTP status.", "status"
)
ENDED = _counter("gateway_ended_sessions", "Sessions that the gateway ended, by code.", "code")
TOLD_TO_WAIT = _counter(
    "gateway_told_to_wait", "Times a device was told that its owner was too fast."
)
WAITING_BYTES = _gauge("gateway_waiting_bytes", "Octets of pushes that wait for their commit.")

# -- the processor

CLAIM_SECONDS = _histogram("processor_claim_seconds", "One claim, however many jobs it brought.")
CLAIMED_JOBS = _histogram("processor_claimed_jobs", "Jobs in a claim.", (0, *SIZES))
FLUSH_SECONDS = _histogram("processor_flush_seconds", "One flush.")
FLUSH_OUTCOMES = _histogram("processor_flush_outcomes", "Outcomes in a flush.", (0, *SIZES))
ATTEMPTS = _counter(
    "processor_attempts",
    "Attempts that ended, by outcome: completed, failed (perhaps to be retried) or released.",
    "outcome",
)
ATTEMPT_SECONDS = _histogram(
    "processor_attempt_seconds",
    "How long attempts took, by task and outcome: completed, failed, released or stopped.",
    SLOW,
    ("task", "outcome"),
)
CONCURRENCY = _gauge("processor_concurrency", "Handlers that this processor may run at once.")
RUNNING = _gauge("processor_running", "Handlers that it runs this moment.")
IN_HAND = _gauge("processor_in_hand", "Jobs that this processor holds: running, or about to.")
LAST_FLUSH = _gauge("processor_last_flush_timestamp_seconds", "When the last flush succeeded.")

SCHEDULE_LAG = _histogram(
    "schedule_lag_seconds",
    "From a slot to the job that was made of it; slots made up for are not in it.",
)

# -- the database, the same from whichever part one asks

DATABASE_ANSWERS = _gauge(
    "database_answers", "1 if the figures below are fresh; 0: they are as old as the last answer."
)
QUEUE_JOBS = _gauge(
    "queue_jobs", "Unfinished jobs by task; an estimate above some ten thousand.", "task"
)
QUEUE_OLDEST = _gauge(
    "queue_oldest_waiting_seconds", "How long the oldest due job has waited that nobody has taken."
)
QUEUE_UNSERVED = _gauge("queue_unserved_jobs", "Unfinished jobs of tasks that no processor offers.")
QUEUE_DEAD = _gauge("queue_dead_rows", "Dead rows in the queue that no vacuum has taken away yet.")
LEDGER_ROWS = _gauge("ledger_rows", "Jobs in the ledger, by the planner's estimate.")
PROCESSORS = _gauge("processors_alive", "Processors seen within the last minute.")
DEVICES = _gauge("devices_known", "Devices that have ever said hello.")
DEVICES_PENDING = _gauge("devices_pending", "Devices that had something unsent when last heard.")
DEVICES_UNSENT = _gauge("devices_unsent_operations", "What they had unsent, together.")
DEVICES_OLDEST_PENDING = _gauge(
    "devices_oldest_pending_seconds",
    "How long the oldest of it has waited, but no longer than the server knows its device.",
)
DEVICES_SILENCE = _gauge("devices_silence_seconds", "Since any device was last heard of.")
SNAPSHOT_SECONDS = _gauge(
    "database_oldest_transaction_seconds",
    "Age of the oldest open transaction in the cluster that keeps vacuum from its work.",
)
SNAPSHOT_TRANSACTIONS = _gauge(
    "database_oldest_snapshot_transactions",
    "Transactions since the oldest snapshot that is held: by a session, a slot or PREPARE.",
)
