"""Reading the audit log: filters in, rows or lines of a file out, however many there are."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from jobferry_server.commands.printing import cell, json_text, printable
from jobferry_shared.strict_json import lenient
from jobferry_sql import query

__all__ = ["COLUMNS", "Filter", "csv_lines", "events", "json_lines"]

COLUMNS = (
    "id",
    "at",
    "job_id",
    "owner",
    "client_id",
    "task",
    "event",
    "attempt",
    "actor",
    "status",
    "detail",
)

FETCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events; what is ``None`` does not matter. ``status`` is the job's of today."""

    owner: str | None = None
    device: UUID | None = None
    task: str | None = None
    status: str | None = None
    event: str | None = None
    job: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


def events(dsn: str, wanted: Filter, *, seconds: int = 0) -> Iterator[dict[str, Any]]:
    """The events, oldest first, one dict of :data:`COLUMNS` each; read as they are needed.

    A ``psycopg.Error`` if Postgres needs more than so many ``seconds`` for the next ones, or whoever
    reads them does, since an open snapshot keeps vacuum from its work; 0: they may.
    """
    parameters = {name: getattr(wanted, name) for name in Filter.__slots__}
    bounds = ("statement_timeout", "idle_in_transaction_session_timeout")
    options = " ".join(f"-c {name}={seconds}s" for name in bounds)
    with (
        psycopg.connect(dsn, options=f"-c role=jobferry_auditor {options}") as connection,
        connection.cursor("audit", row_factory=dict_row) as cursor,
    ):
        set_json_loads(lenient, cursor)
        cursor.itersize = FETCH
        cursor.execute(query("audit_events").encode(), parameters)
        yield from cursor


def json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The events as JSON lines."""
    return (json.dumps(row, default=json_text) + "\n" for row in rows)


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The events as CSV with a header, harmless in a spreadsheet."""
    yield _csv_line(COLUMNS)
    for row in rows:
        yield _csv_line([_harmless(printable(cell(row[name]))) for name in COLUMNS])


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _harmless(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
