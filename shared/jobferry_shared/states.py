"""The life of a job as a table.

The table drives the code, the guard in Postgres (``jobferry.transitions``, held equal by a test),
the tests, and the diagram in ``docs/job-states.md``.
"""

from enum import StrEnum

__all__ = [
    "FINISHED",
    "LOCAL_TRANSITIONS",
    "TRANSITIONS",
    "Status",
    "can_follow",
]


class Status(StrEnum):
    """Where a job is. ``PENDING`` and ``REJECTED`` exist on the device alone."""

    PENDING = "pending"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: Statuses that absorb what is written to them. Only a failed job may be revived, on purpose.
FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

_UNFINISHED = (Status.SCHEDULED, Status.QUEUED, Status.RUNNING, Status.RETRYING)

#: (from, to) → the event's name in the audit log. ``None`` is a row that is being inserted.
TRANSITIONS: dict[tuple[Status | None, Status], str] = {
    (None, Status.SCHEDULED): "submitted",
    (None, Status.QUEUED): "submitted",
    (None, Status.COMPLETED): "submitted",
    (None, Status.CANCELLED): "submitted",
    (Status.SCHEDULED, Status.QUEUED): "rescheduled",
    (Status.QUEUED, Status.SCHEDULED): "rescheduled",
    (Status.SCHEDULED, Status.RUNNING): "started",
    (Status.QUEUED, Status.RUNNING): "started",
    (Status.RETRYING, Status.RUNNING): "started",
    (Status.RUNNING, Status.QUEUED): "released",
    (Status.RUNNING, Status.SCHEDULED): "snoozed",
    (Status.RUNNING, Status.RETRYING): "retrying",
    (Status.RETRYING, Status.QUEUED): "rescheduled",
    (Status.RETRYING, Status.SCHEDULED): "rescheduled",
    **{(source, Status.COMPLETED): "completed" for source in _UNFINISHED},
    **{(source, Status.FAILED): "failed" for source in _UNFINISHED},
    **{(source, Status.CANCELLED): "cancelled" for source in _UNFINISHED},
    # The one door back, for an administrator alone: whatever anybody else writes is absorbed.
    (Status.FAILED, Status.QUEUED): "revived",
    (Status.FAILED, Status.SCHEDULED): "revived",
}

#: What happens on the device before the ledger knows the job.
LOCAL_TRANSITIONS: dict[tuple[Status | None, Status], str] = {
    (None, Status.PENDING): "inserted",
    (Status.PENDING, Status.SCHEDULED): "acknowledged",
    (Status.PENDING, Status.QUEUED): "acknowledged",
    (Status.PENDING, Status.REJECTED): "rejected",
}


def _reachable() -> dict[Status, frozenset[Status]]:
    """Every status with all that may come after it, however many steps a device did not see."""
    every = (*TRANSITIONS, *LOCAL_TRANSITIONS)
    steps = [(a, b) for a, b in every if a is not None and a not in FINISHED]
    after: dict[Status, set[Status]] = {status: set() for status in Status}
    for _ in Status:
        for source, target in steps:
            after[source] |= {target} | after[target]
    return {status: frozenset(found) for status, found in after.items()}


_AFTER = _reachable()


def can_follow(earlier: Status, later: Status) -> bool:
    """May a device that showed ``earlier`` show ``later`` next? It may miss steps, never go back.

    Within one life of the job: that of a failed one which is revived begins anew.
    """
    return later == earlier or later in _AFTER[earlier]
