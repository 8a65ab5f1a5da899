"""Reading the audit log: filters in, rows out, however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from jobferry_shared.strict_json import lenient
from jobferry_sql import query

__all__ = ["COLUMNS", "Filter", "events"]

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


def events(dsn: str, wanted: Filter) -> Iterator[dict[str, Any]]:
    """The events, oldest first, one dict of :data:`COLUMNS` each; read as they are needed."""
    parameters = {name: getattr(wanted, name) for name in Filter.__slots__}
    with (
        psycopg.connect(dsn, options="-c role=jobferry_auditor") as connection,
        connection.cursor("audit", row_factory=dict_row) as cursor,
    ):
        set_json_loads(lenient, cursor)
        cursor.itersize = FETCH
        cursor.execute(query("audit_events").encode(), parameters)
        yield from cursor
