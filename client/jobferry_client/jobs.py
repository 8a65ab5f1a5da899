"""The application's half of the file: submit, cancel, look.

Every method is one statement or one transaction on one connection, and returns when what it wrote
is durable. Safe from any thread.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

from sqlite_utils import Database

from jobferry_client.errors import ClientClosed, JobNotFound, JobRefused
from jobferry_client.file import open_file, sqlite3, write
from jobferry_client.rows import job_of, parse_time, utc_text
from jobferry_client.traces import submitting
from jobferry_shared import strict_json
from jobferry_shared.ids import job_id, new_id
from jobferry_shared.job import DEFAULT_TASK, MAX_ATTEMPTS, Job
from jobferry_shared.states import Status
from jobferry_sql import query

__all__ = ["Counts", "Jobs", "NewJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to submit. Everything but the payload has a default.

    ``payload`` is anything JSON can say. ``run_at`` is a time (naive is UTC) or a delay from now;
    without it the job runs as soon as the server has it. A lower ``priority`` runs first.
    """

    task: str = DEFAULT_TASK
    payload: Any = None
    run_at: datetime | timedelta | None = None
    priority: int = 0
    queue_name: str | None = None
    max_attempts: int = MAX_ATTEMPTS
    job_key: str | None = None
    flags: Iterable[str] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the file knows of its own synchronisation."""

    pending: int
    oldest_pending_at: datetime | None
    rejected: int
    last_synced_at: datetime | None
    owner: str | None
    client_id: UUID


class Jobs:
    """The jobs in one file. After :meth:`close` everything raises :class:`ClientClosed`."""

    def __init__(self, path: str | Path) -> None:
        self._database = open_file(path)
        self._lock = Lock()
        self._closed = False

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._database.close()

    def submit(self, new_jobs: Iterable[NewJob]) -> list[Job]:
        """Insert jobs in one transaction: all of them or, with an error, none."""
        with _refusing():
            rows = [_row_of(new) for new in new_jobs]
        with self._open() as database:
            with submitting(rows), _refusing(sqlite3.Error), write(database):
                database.conn.executemany(query("device_submit"), rows)
            return [_get(database, row["id"]) for row in rows]

    def cancel(self, id: UUID | str) -> Job:  # noqa: A002 - the field's word
        """Ask for a job to be cancelled. Without effect once it has ended."""
        text = _text(id)
        with self._open() as database:
            with _refusing(sqlite3.Error), write(database):
                database.execute("UPDATE background_jobs SET cancelled = 1 WHERE id = ?", (text,))
            return _get(database, text)

    def get(self, id: UUID | str) -> Job:  # noqa: A002
        """One job; :class:`JobNotFound` if this file has none of that id."""
        with self._open() as database:
            return _get(database, _text(id))

    def newest(self, limit: int, status: Status | str | None, task: str | None) -> list[Job]:
        """The newest jobs, newest first."""
        wanted = {"limit": limit, "status": status and str(status), "task": task}
        with self._open() as database, _refusing():
            rows = database.execute(query("device_jobs"), wanted).fetchall()
        return [job_of(row) for row in rows]

    def counts(self) -> Counts:
        """How much is unsent, since when, how much was rejected."""
        with self._open() as database:
            row = database.execute(query("device_counts")).fetchone()
        return Counts(
            pending=row["pending"],
            oldest_pending_at=_optional_time(row["oldest_pending_at"]),
            rejected=row["rejected"],
            last_synced_at=_optional_time(row["last_synced_at"]),
            owner=row["owner"],
            client_id=UUID(row["client_id"]),
        )

    def version(self) -> int:
        """A number that moves when another connection, in whatever process, wrote the file."""
        with self._open() as database:
            number: int = database.execute("PRAGMA data_version").fetchone()[0]
        return number

    @contextmanager
    def _open(self) -> Iterator[Database]:
        with self._lock:
            if self._closed:
                raise ClientClosed("this client was closed")
            yield self._database


def _get(database: Database, text: str) -> Job:
    found = database.execute("SELECT * FROM background_jobs WHERE id = ?", (text,))
    row = found.fetchone()
    if row is None:
        raise JobNotFound(f"no job {job_id(text)} in this file")
    return job_of(row)


def _text(id: UUID | str) -> str:  # noqa: A002
    """An id as the table may have it. The server's rows may have odd ones, but none beyond ASCII."""
    text = str(id)
    return text if text.isascii() else job_id(text)


def _row_of(new: NewJob) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "payload": strict_json.dump(new.payload),
        "task": new.task,
        "queue_name": new.queue_name,
        "priority": new.priority,
        "run_at": _run_at(new.run_at),
        "max_attempts": new.max_attempts,
        "job_key": new.job_key,
        "flags": _flags(new.flags),
        "traceparent": None,
    }


def _flags(flags: Iterable[str] | None) -> str | None:
    if isinstance(flags, str):
        raise TypeError(f"flags are a list of words, not the word {flags[:40]!r}")
    return json.dumps(list(flags)) if flags is not None else None


def _run_at(moment: datetime | timedelta | None) -> str | None:
    match moment:
        case None:
            return None
        case timedelta():
            return utc_text(datetime.now().astimezone() + moment)
        case datetime():
            return utc_text(parse_time(moment.isoformat()))


def _optional_time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


@contextmanager
def _refusing(*others: type[Exception]) -> Iterator[None]:
    """What the calendar, JSON or SQLite's types have no room for is refused, with their word."""
    refused: tuple[type[Exception], ...] = (ValueError, OverflowError, TypeError, *others)
    try:
        yield
    except refused as error:
        raise JobRefused(str(error).removeprefix("jobferry: ")) from error
