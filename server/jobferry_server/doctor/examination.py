"""The order of the questions, and what makes the later ones pointless."""

from collections.abc import Callable, Iterable, Iterator

import psycopg
from psycopg.rows import DictRow, dict_row

from jobferry_server.doctor import health, hearing, roles, schema, work
from jobferry_shared.findings import Finding, error, warning

__all__ = ["examine"]

Connection = psycopg.Connection[DictRow]
Check = Callable[[Connection], Iterable[Finding]]

CONNECT_SECONDS = 5
#: No check may hang on a lock or a table that is far larger than thought. What is set is set for a
#: transaction only: through a pooler the connection is somebody else's a moment later.
LIMITS = "set local statement_timeout = '10s'; set local lock_timeout = '2s'"


def examine(dsn: str, *, pooled: bool = False, listen_dsn: str | None = None) -> Iterator[Finding]:
    """All findings on this database, as this login finds it; the options are those of the parts."""
    checks: dict[str, Check] = {
        "server": health.examine,
        "roles": roles.examine,
        "schema": schema.examine,
        "listen": lambda _: hearing.examine(dsn, pooled, listen_dsn),
        "work": work.examine,
    }
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
        for name, check in checks.items():
            yield from _one(name, check, connection)


def _one(name: str, check: Check, connection: Connection) -> list[Finding]:
    """A check that fails is a finding, and the next ones go on."""
    found: list[Finding] = []
    try:
        with connection.transaction():
            connection.execute(LIMITS)
            found.extend(check(connection))
    except psycopg.Error as problem:
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
