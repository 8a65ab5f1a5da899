"""Tasks and named queues: what is unfinished in each, and which are paused."""

from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from jobferry_server.administration import connect_admin
from jobferry_sql import query

__all__ = ["Kind", "pause", "queues", "resume"]

Kind = Literal["task", "queue"]


def queues(dsn: str) -> list[dict[str, Any]]:
    """The tasks, then the named queues; of each kind the paused and the fullest first."""
    with (
        psycopg.connect(dsn, options="-c role=jobferry_auditor") as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query("queues").encode()).fetchall()


def pause(dsn: str, kind: Kind, name: str) -> bool:
    """Give out no more of its jobs; false if it is paused already."""
    return _switch(dsn, f"pause_{kind}", name)


def resume(dsn: str, kind: Kind, name: str) -> bool:
    """Go on with it; false if it is not paused."""
    return _switch(dsn, f"resume_{kind}", name)


def _switch(dsn: str, function: str, name: str) -> bool:
    call = sql.SQL("select jobferry.{}(%s)").format(sql.Identifier(function))
    with connect_admin(dsn) as connection:
        found = connection.execute(call, (name,)).fetchone()
    assert found is not None
    return bool(found[0])
