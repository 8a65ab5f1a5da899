"""The order of the questions, and what makes the later ones pointless."""

from collections.abc import Callable, Iterable, Iterator

import psycopg
from psycopg.rows import DictRow, dict_row

from jobferry_server.doctor import health, hearing, roles, schema, work
from jobferry_shared.findings import Finding, error, warning

__all__ = ["examine"]

Connection = psycopg.Connection[DictRow]
Check = Callable[[Connection, str], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    health.examine,
    roles.examine,
    schema.examine,
    hearing.examine,
    work.examine,
)
CONNECT_SECONDS = 5
#: No check may hang on a lock or a table that is far larger than thought. What is set is set for a
#: transaction only: through a pooler the connection is somebody else's a moment later.
LIMITS = "set local statement_timeout = '10s'; set local lock_timeout = '2s'"


def examine(dsn: str) -> Iterator[Finding]:
    """All findings on this database, as this login finds it."""
    try:
        connection = psycopg.connect(
            dsn,
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
            connect_timeout=CONNECT_SECONDS,
            application_name="jobferry_doctor",
        )
    except psycopg.Error as problem:
        yield error("postgres", f"no connection: {_first_line(problem)}", "psql 'postgresql://…'")
        return
    with connection:
        for check in CHECKS:
            yield from _one(check, connection, dsn)


def _one(check: Check, connection: Connection, dsn: str) -> list[Finding]:
    """A check that fails is a finding, and the next ones go on."""
    found: list[Finding] = []
    try:
        with connection.transaction():
            connection.execute(LIMITS)
            found.extend(check(connection, dsn))
    except psycopg.Error as problem:
        name = check.__module__.rpartition(".")[2]
        found.append(
            warning(name, f"could not be looked at: {_first_line(problem)}", _mend(problem))
        )
    return found


def _first_line(problem: psycopg.Error) -> str:
    return str(problem).strip().partition("\n")[0]


def _mend(problem: psycopg.Error) -> str:
    if isinstance(problem, psycopg.errors.InsufficientPrivilege):
        return "GRANT jobferry_auditor TO your_login;"
    if isinstance(problem, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return "jobferry migrate --dsn postgresql://…"
    return "try again"
