"""The jobs of the ledger, as an administrator sees them and takes them in hand.

What is done to them is done by the SQL functions for administration; each batch of jobs is a
transaction of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, LiteralString
from uuid import UUID

from psycopg import RawCursor
from psycopg.rows import dict_row

from jobferry_server.administration import AdminConnection, connect_admin
from jobferry_sql import query

__all__ = ["Change", "Filter", "cancel", "change", "events", "jobs", "reschedule", "retry"]

Row = dict[str, Any]

FETCH = 500
#: Jobs in one transaction.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs; what is ``None`` does not matter. ``since`` and ``until`` are of ``received_at``."""

    ids: Sequence[UUID] | None = None
    owner: str | None = None
    device: UUID | None = None
    task: str | None = None
    statuses: Sequence[str] | None = None
    queue: str | None = None
    key: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the query wants them."""
        found = {name: getattr(self, name) for name in Filter.__slots__}
        for name in ("ids", "statuses"):
            found[name] = list(found[name]) if found[name] else None
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to jobs: a statement that returns the ids it changed."""

    statement: LiteralString
    parameters: dict[str, Any]
    #: Only jobs in one of these states are asked for; ``None``: any.
    statuses: frozenset[str] | None = None


def cancel() -> Change:
    """Cancel what waits or runs."""
    return Change("select id from jobferry.cancel_jobs(%(ids)s::uuid[])", {})


def retry() -> Change:
    """Run failed jobs once more, and now those that wait to be tried again."""
    return Change(
        "select id from jobferry.reschedule_jobs(%(ids)s::uuid[], run_at => now())",
        {},
        frozenset({"failed", "retrying"}),
    )


def reschedule(
    run_at: datetime | None, priority: int | None, attempts: int | None, max_attempts: int | None
) -> Change:
    """Give waiting or failed jobs another time, priority or number of attempts."""
    return Change(
        "select id from jobferry.reschedule_jobs(%(ids)s::uuid[], %(run_at)s::timestamptz,"
        " %(priority)s::integer, %(attempts)s::integer, %(max_attempts)s::integer)",
        {
            "run_at": run_at,
            "priority": priority,
            "attempts": attempts,
            "max_attempts": max_attempts,
        },
    )


def jobs(dsn: str, wanted: Filter) -> Iterator[Row]:
    """The jobs, newest first; read as they are needed."""
    with (
        connect_admin(dsn) as connection,
        connection.transaction(),
        connection.cursor("jobs", row_factory=dict_row) as cursor,
    ):
        cursor.itersize = FETCH
        cursor.execute(query("admin_jobs").encode(), wanted.parameters)
        yield from cursor


def events(dsn: str, job: UUID) -> list[Row]:
    """What happened to a job, oldest first."""
    with connect_admin(dsn) as connection, RawCursor(connection, row_factory=dict_row) as cursor:
        return cursor.execute(query("job_events").encode(), (job,)).fetchall()


def change(dsn: str, found: Iterable[Row], what: Change) -> Iterator[tuple[Row, bool]]:
    """Do it to these jobs, and say of each whether that changed it."""
    waiting = iter(found)
    with connect_admin(dsn) as connection:
        while rows := list(islice(waiting, BATCH)):
            changed = _change(connection, rows, what)
            yield from ((row, row["id"] in changed) for row in rows)


def _change(connection: AdminConnection, rows: Sequence[Row], what: Change) -> set[UUID]:
    ids = [row["id"] for row in rows if what.statuses is None or row["status"] in what.statuses]
    found = connection.execute(what.statement, {**what.parameters, "ids": ids}).fetchall()
    return {job for (job,) in found}
