"""Bring a database to the schema this code was written for."""

from collections.abc import Callable, Sequence

import psycopg

from jobferry_server.database import require_version
from jobferry_server.errors import ConfigurationError, MigrationError
from jobferry_sql import Migration, compat, migrations

__all__ = ["check", "install_compat", "migrate", "unaltered"]

#: Any number, as long as every version of Jobferry takes the same: two migrations wait in turn.
_LOCK = 7_077_202_411

#: The SQLSTATE of a compat schema that would take the name of a real one.
_FOREIGN_SCHEMA = "JF040"

_BOOKKEEPING = """
create schema if not exists jobferry;
create table if not exists jobferry.migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
)
"""


def migrate(dsn: str, begin: Callable[[Migration], None] | None = None) -> list[Migration]:
    """Apply what is missing, all or nothing, and return it. Safe to run twice at once.

    ``begin`` is called before each. :class:`ConfigurationError` if the database can't hold all text.
    """
    with psycopg.connect(dsn) as connection:
        _holds_all_text(connection)
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_BOOKKEEPING)
        missing = _missing(_applied(connection))
        for migration in missing:
            if begin is not None:
                begin(migration)
            connection.execute(migration.sql.encode())
            connection.execute(
                "insert into jobferry.migrations (version, name, checksum) values (%s, %s, %s)",
                (migration.version, migration.name, migration.checksum),
            )
        # It may have been restored from another cluster.
        connection.execute("select jobferry.settle_restored()")
    return missing


def install_compat(dsn: str, name: str) -> None:
    """Put another queue's names over ours, or bring them up to date.

    :class:`MigrationError` if a schema of that name is somebody else's.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        try:
            connection.execute(compat(name).encode())
        except psycopg.Error as error:
            if error.sqlstate != _FOREIGN_SCHEMA:
                raise
            raise MigrationError(
                str(error.diag.message_primary), hint=error.diag.message_hint
            ) from error


def check(dsn: str) -> None:
    """:class:`MigrationError` unless the database's schema is this code's, unaltered."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select to_regclass('jobferry.migrations')").fetchone()
        unaltered(_applied(connection) if found and found[0] else [])


def unaltered(applied: Sequence[tuple[int, str]]) -> None:
    """:class:`MigrationError` unless these versions and checksums are all of this code's."""
    _missing(applied)
    require_version(applied[-1][0] if applied else 0)


def _holds_all_text(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Payloads are any text; a cluster that was made in no locale has databases of octets instead."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"this database is in {encoding}, not in UTF8",
            hint="Make another one: createdb --encoding UTF8 --template template0 NAME",
        )


def _applied(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[int, str]]:
    found = connection.execute("select version, checksum from jobferry.migrations order by version")
    return [(int(str(version)), str(checksum)) for version, checksum in found]


def _missing(applied: Sequence[tuple[int, str]]) -> list[Migration]:
    known = migrations("postgres")
    if len(applied) > len(known):
        require_version(applied[-1][0])
    for (version, checksum), migration in zip(applied, known, strict=False):
        if (version, checksum) != (migration.version, migration.checksum):
            raise MigrationError(
                f"migration {version} of this database is not the one this Jobferry has",
                hint="A released migration never changes: install the Jobferry that applied it.",
            )
    return list(known[len(applied) :])
