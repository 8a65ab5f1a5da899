"""Which tasks are delegated, and how their jobs fare there."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from jobferry_server.errors import ConfigurationError
from jobferry_sql import query

__all__ = ["ENGINES", "add", "check", "ls", "rm"]

ENGINES = ("procrastinate", "pgqueuer", "graphile-worker", "pg-boss", "oban")

Row = dict[str, Any]

_ADD = "select task, engine, schema_name, queue, foreign_task from jobferry.delegate(%s, %s, %s, %s, %s)"


def ls(dsn: str) -> list[Row]:
    """The delegates, with how many of their jobs are in the engine, and how many were left behind."""
    with _reading(dsn) as connection:
        return connection.execute(query("delegates").encode()).fetchall()


def check(dsn: str) -> list[Row]:
    """Jobs that somebody should look at: ``left``, ``vanished`` or ``ended``."""
    with _reading(dsn) as connection:
        return connection.execute("select * from jobferry.delegates_check()").fetchall()


def add(
    dsn: str,
    task: str,
    engine: str,
    schema: str | None,
    queue: str | None,
    foreign_task: str | None,
) -> Row:
    """Delegate a task; needs the owner of both schemas or a superuser.

    :class:`ConfigurationError` if the engine is not there, or not in a shape that we know.
    """
    with _connect(dsn) as connection:
        try:
            (made,) = connection.execute(_ADD, (task, engine, schema, queue, foreign_task))
        except psycopg.Error as error:
            raise _explained(error) from error
        return made


def rm(dsn: str, task: str) -> bool:
    """Keep a task's jobs to ourselves again; ``False`` if it was not delegated."""
    with _connect(dsn) as connection:
        try:
            (found,) = connection.execute("select jobferry.undelegate(%s) as found", (task,))
        except psycopg.Error as error:
            raise _explained(error) from error
        return bool(found["found"])


def _reading(dsn: str) -> psycopg.Connection[Row]:
    return psycopg.connect(dsn, options="-c role=jobferry_auditor", row_factory=dict_row)


def _connect(dsn: str) -> psycopg.Connection[Row]:
    return psycopg.connect(dsn, row_factory=dict_row)


def _explained(error: psycopg.Error) -> Exception:
    """Our own refusals and missing rights in words for the operator; the rest as it is."""
    state = error.sqlstate or ""
    if state.startswith("JF"):
        return ConfigurationError(
            str(error.diag.message_primary), hint=error.diag.message_hint or ""
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return ConfigurationError(
            str(error.diag.message_primary),
            hint="Connect as a superuser, or as the owner of jobferry's and of the engine's tables.",
        )
    return error
