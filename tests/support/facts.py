"""What is true of a device's file and of the ledger, and whether they say the same."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from jobferry_shared.states import Status, can_follow
from support.processes import eventually

__all__ = [
    "Ledger",
    "applied",
    "differences",
    "flickers",
    "keep_a_diary",
    "local_count",
    "local_rows",
    "outbox",
    "steps_back",
    "unsent",
]

FINISHED = "('completed', 'failed', 'cancelled', 'rejected')"

#: What a device and the ledger both say of a job.
SHARED = (
    "id, task, status, completed, cancelled, progress, attempts, max_attempts, priority,"
    " payload, result, error, submitted_by, client_id, received_at, run_at, started_at, finished_at"
)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


def local_rows(path: Path) -> dict[str, dict[str, Any]]:
    """What the device shows, by id."""
    with _opened(path) as file:
        rows = file.execute(f"SELECT {SHARED} FROM background_jobs").fetchall()
    return {row["id"]: _plain(dict(row)) for row in rows}


def local_count(path: Path, where: str = f"status IN {FINISHED}") -> int:
    """How many of its rows are like this; by default, have ended."""
    with _opened(path) as file:
        found = file.execute(f"SELECT count(*) FROM background_jobs WHERE {where}").fetchone()[0]
    return int(found)


def outbox(path: Path) -> int:
    """How many operations the device has not got acknowledged."""
    with _opened(path) as file:
        return int(file.execute("SELECT count(*) FROM _jobferry_outbox").fetchone()[0])


def unsent(path: Path) -> set[str]:
    """The jobs of which anything is not acknowledged."""
    with _opened(path) as file:
        return {row["job_id"] for row in file.execute("SELECT job_id FROM _jobferry_outbox")}


def keep_a_diary(path: Path) -> None:
    """From now on the file itself notes every change of a job, whoever makes it.

    ``uncancelled``: did a cancel go out of sight before the job had ended? ``slipped``: did progress
    go back within an attempt?
    """
    with _opened(path) as file:
        file.execute(
            "CREATE TABLE diary"
            " (id TEXT, earlier TEXT, later TEXT, uncancelled INTEGER, slipped INTEGER)"
        )
        file.execute(
            "CREATE TRIGGER keep_a_diary AFTER UPDATE ON background_jobs BEGIN"
            " INSERT INTO diary VALUES (NEW.id, OLD.status, NEW.status,"
            " OLD.cancelled > NEW.cancelled AND NEW.status NOT IN ('completed', 'failed'),"
            " OLD.progress > NEW.progress AND OLD.attempts = NEW.attempts); END"
        )


def applied(path: Path) -> list[str]:
    """The ids in the diary, once for each change, in order."""
    with _opened(path) as file:
        return [row["id"] for row in file.execute("SELECT id FROM diary ORDER BY id")]


def steps_back(path: Path) -> list[tuple[str, str]]:
    """The changes of status in the diary that no job may make."""
    with _opened(path) as file:
        rows = file.execute("SELECT DISTINCT earlier, later FROM diary").fetchall()
    moves = [(row["earlier"], row["later"]) for row in rows]
    return [(a, b) for a, b in moves if not can_follow(Status(a), Status(b))]


def flickers(path: Path) -> list[str]:
    """The jobs whose cancel went out of sight, or whose progress went back."""
    with _opened(path) as file:
        rows = file.execute("SELECT DISTINCT id FROM diary WHERE uncancelled OR slipped")
        return [row["id"] for row in rows]


class Ledger:
    """A database, asked with a new connection each time: it may have been away since."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def ask(self, question: str, **wanted: Any) -> list[dict[str, Any]]:
        """The rows of a query; what it changes is committed."""
        with (
            psycopg.connect(self._dsn, autocommit=True) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute(question.encode(), wanted or None)
            return cursor.fetchall() if cursor.description else []

    def one(self, question: str, **wanted: Any) -> Any:
        """The one value of a query."""
        [row] = self.ask(question, **wanted)
        [value] = row.values()
        return value

    def count(self, where: str = "true", table: str = "public.background_jobs") -> int:
        """How many rows are like this."""
        return int(self.one(f"select count(*) from {table} where {where}"))

    def reach(self, number: int, where: str = "true") -> None:
        """Wait until so many jobs are like this."""
        eventually(lambda: self.count(where) >= number, every=0.005)

    def rows(self, owner: str | None = None) -> dict[str, dict[str, Any]]:
        """All jobs, or all of an owner, by id."""
        of_owner = "%(owner)s::text is null or submitted_by = %(owner)s"
        found = self.ask(
            f"select {SHARED} from public.background_jobs where {of_owner}", owner=owner
        )
        return {str(row["id"]): _plain(row) for row in found}

    def events(self, event: str) -> dict[str, int]:
        """How often each job had this event."""
        rows = self.ask(
            "select job_id, count(*) as times from public.background_job_events"
            " where event = %(event)s group by job_id",
            event=event,
        )
        return {str(row["job_id"]): row["times"] for row in rows}


def differences(path: Path, ledger: Ledger, owner: str | None = None) -> list[str]:
    """Where a device and the ledger do not say the same; empty if they do.

    With an ``owner`` only that one's jobs of the ledger count.
    """
    here, there = local_rows(path), ledger.rows(owner)
    found = [f"{job} is only here" for job in here.keys() - there.keys()]
    found += [f"{job} is only in the ledger" for job in there.keys() - here.keys()]
    for job in here.keys() & there.keys():
        found += [
            f"{job}.{column}: {value!r} here, {there[job][column]!r} in the ledger"
            for column, value in here[job].items()
            if not _same(column, value, there[job][column])
        ]
    return found


def _same(column: str, here: Any, there: Any) -> bool:
    """Of a submit the device knows when its batch was committed; there its jobs are microseconds apart."""
    if column.endswith("_at") and here is not None and there is not None:
        return bool(abs(here - there) <= 1)
    return bool(here == there)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as both sides can write it: JSON as values, times in milliseconds, ids as text."""
    return {column: _value(column, value) for column, value in row.items()}


def _value(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in ("payload", "result", "error"):
        value = json.loads(value) if isinstance(value, str) else value
        # A detail for the operator may stand beside what the device is told.
        return {k: value[k] for k in ("code", "message")} if column == "error" else value
    if column in ("completed", "cancelled"):
        return bool(value)
    if column in ("id", "client_id"):
        return str(value)
    if column == "progress":
        return round(value, 5)
    if column.endswith("_at"):
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        return int(time.timestamp()) * 1000 + time.microsecond // 1000
    return value
