"""What Postgres knows of this device's jobs, read as the auditor, who can't write."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from jobferry_server.audit import Filter, events

__all__ = ["Entry", "Event", "Ledger"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One job's row in the ledger."""

    id: UUID
    status: str
    progress: float
    result: Any


Event = dict[str, Any]
"""One row of the audit log: the columns of `jobferry audit`."""


class Ledger:
    """Looks at the server's tables, one question at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def version(self) -> str:
        """Which Postgres it is."""
        return str(self._ask("show server_version")[0][0]).split()[0]

    def tasks(self) -> list[str]:
        """What the registered processors can do."""
        rows = self._ask(
            "select distinct unnest(tasks) as task from jobferry.processors order by 1"
        )
        return [task for (task,) in rows]

    def entries(self, device: UUID) -> dict[UUID, Entry]:
        """The jobs that this device has submitted."""
        with self._connection() as connection, connection.cursor(row_factory=class_row(Entry)) as c:
            c.execute(
                "select id, status, progress, result from background_jobs where client_id = %s",
                [device],
            )
            return {entry.id: entry for entry in c}

    def events(self, device: UUID) -> list[Event]:
        """The audit log of those jobs, oldest first."""
        return list(events(self._dsn, Filter(device=device)))

    def _ask(self, question: str) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(question.encode()).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self._dsn, options="-c role=jobferry_auditor") as connection:
            yield connection
