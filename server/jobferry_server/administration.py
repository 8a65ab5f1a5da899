"""Connections for what a person decides: pruning, erasing, taking jobs in hand."""

from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads

from jobferry_server.database import require_version
from jobferry_server.errors import ConfigurationError
from jobferry_shared.strict_json import lenient

__all__ = ["AdminConnection", "connect_admin"]

ROLE = "jobferry_admin"

AdminConnection = psycopg.Connection[TupleRow]


def connect_admin(dsn: str) -> AdminConnection:
    """One connection that has dropped to the administrators' role; each statement commits by itself.

    :class:`ConfigurationError` if this login may not, :class:`MigrationError` for another schema.
    """
    connection = psycopg.connect(dsn, autocommit=True, application_name=ROLE)
    set_json_loads(lenient, connection)
    try:
        require_version(_version(connection))
        _drop_to_role(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: AdminConnection) -> int:
    found: Any = connection.execute("select to_regclass('jobferry.migrations')").fetchone()
    if found[0] is None:
        return 0
    newest: Any = connection.execute("select max(version) from jobferry.migrations").fetchone()
    return int(newest[0] or 0)


def _drop_to_role(connection: AdminConnection) -> None:
    try:
        connection.execute("set role jobferry_admin")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as error:
        raise ConfigurationError(
            f"this login may not act as {ROLE}", hint=f"GRANT {ROLE} TO your_login;"
        ) from error
    # What is said to be done is on disk, whatever the server's default.
    connection.execute("set synchronous_commit = on")
