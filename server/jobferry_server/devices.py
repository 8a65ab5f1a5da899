"""What the ledger knows of the devices: who is connected, and what each has unsent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from jobferry_sql import query

__all__ = ["Filter", "devices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which devices; what is ``None`` does not matter.

    ``offline_for`` are those that are not connected and were last heard of at least so long ago;
    ``pending`` those that have something unsent (or, if it is false, nothing).
    """

    owner: str | None = None
    offline_for: timedelta | None = None
    pending: bool | None = None
    limit: int | None = None


def devices(dsn: str, wanted: Filter) -> list[dict[str, Any]]:
    """The devices, those with the oldest unsent work first."""
    parameters = {name: getattr(wanted, name) for name in Filter.__slots__}
    with (
        psycopg.connect(dsn, options="-c role=jobferry_auditor") as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query("devices").encode(), parameters).fetchall()
