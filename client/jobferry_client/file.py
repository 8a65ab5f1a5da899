"""One SQLite file with the local table: how it is opened, and how it is written.

Everybody who INSERTs decides how durable that INSERT is: ``synchronous`` belongs to the connection.
:func:`open_file` opens the way that loses nothing (WAL, FULL), for the application too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

# One SQLite library per process: two of them break each other's file locks. sqlite-utils chose.
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from jobferry_client.errors import NotAJobFile
from jobferry_sql import Migration, migrations

__all__ = ["open_file", "sqlite3", "write"]

BUSY_SECONDS = 30.0
AGAIN_SECONDS = 0.01
OLDEST_SQLITE = (3, 37, 0)


def open_file(path: str | Path, *, keep_bytes: bool = False) -> Database:
    """Open the file, made or migrated if need be, for use from any one thread at a time.

    ``keep_bytes`` keeps what is not UTF-8 as lone surrogates, for somebody to notice; otherwise it
    is shown as replacement characters. Either way one bad text does not hide the rows beside it.
    Raises :class:`NotAJobFile` for a file that is something else or of a newer version.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise NotAJobFile(f"SQLite {sqlite3.sqlite_version} is too old, 3.37 is needed")
    try:
        connection = sqlite3.connect(
            str(path), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from error
    connection.text_factory = _decoder("surrogateescape" if keep_bytes else "replace")
    connection.row_factory = sqlite3.Row
    # Off, as on everybody else's connections: nothing here may depend on it.
    database = Database(connection, recursive_triggers=False)
    try:
        _prepare(database)
    except BaseException as error:
        database.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise _unusable(path, error) from error
        raise
    return database


@contextmanager
def write(database: Database) -> Iterator[Database]:
    """One transaction that owns the write lock from its first statement.

    A transaction that begins by reading and then writes is refused at once when somebody else wrote
    between, whatever the timeout; one that asks for the lock first waits for it.
    """
    connection = database.conn
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield database
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _decoder(errors: str) -> Callable[[bytes], str]:
    def decode(text: bytes) -> str:
        return text.decode("utf-8", errors)

    return decode


def _unusable(path: str | Path, error: Exception) -> NotAJobFile:
    return NotAJobFile(
        f"{path}: {error}", hint="Give Jobferry a SQLite file, in a folder where it may write."
    )


def _prepare(database: Database) -> None:
    wanted = migrations("sqlite")
    # Before anything is written: WAL stays with a file, and this one may be somebody else's.
    _applied(database, len(wanted))
    _use_wal(database)
    database.execute("PRAGMA synchronous = FULL")
    if _applied(database, len(wanted)) < len(wanted):
        with write(database):
            for migration in wanted[_applied(database, len(wanted)) :]:
                _apply(database, migration)


def _use_wal(database: Database) -> None:
    """Switching a new file does not wait for somebody else who does the same: ask again."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(AGAIN_SECONDS)


def _applied(database: Database, known: int) -> int:
    """How many migrations the file has; :class:`NotAJobFile` if it is not one we may write."""
    tables = database.table_names()
    if "_jobferry_migrations" not in tables:
        if "background_jobs" in tables:
            raise NotAJobFile(
                "the file has a table background_jobs that is not Jobferry's",
                hint="Rename that table, or give Jobferry a file of its own.",
            )
        return 0
    count: int = database.execute("SELECT count(*) FROM _jobferry_migrations").fetchone()[0]
    if count > known:
        raise NotAJobFile(
            f"the file has schema version {count}, this Jobferry knows {known}",
            hint="Install the newer Jobferry that wrote it.",
        )
    return count


def _apply(database: Database, migration: Migration) -> None:
    database.execute(
        "CREATE TABLE IF NOT EXISTS _jobferry_migrations ("
        "version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"
    )
    database.executescript(migration.sql)
    database.execute(
        "INSERT INTO _jobferry_migrations (version, name, checksum) VALUES (?, ?, ?)",
        (migration.version, migration.name, migration.checksum),
    )
