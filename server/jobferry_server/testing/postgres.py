"""A real Postgres for tests: one server for all of them, a database for each."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from jobferry_server.embedded import EmbeddedPostgres
from jobferry_server.errors import ConfigurationError
from jobferry_server.migrate import migrate

__all__ = ["VARIABLE", "Databases", "embedded", "open_databases"]

#: Names a server to use, and a database of it to connect to first.
VARIABLE = "JOBFERRY_TEST_DSN"


class Databases:
    """A server, with a migrated template that tests copy.

    ``dsn`` names a database of it to connect to first, by a login that may make databases.
    """

    def __init__(self, dsn: str) -> None:
        if not conninfo_to_dict(dsn).get("dbname"):
            raise ConfigurationError(f"{VARIABLE} must name a database")
        self.dsn = dsn
        self._prefix = f"jobferry_test_{os.getpid()}"
        self._numbers = count(1)
        self._create(self._template, "template0")
        try:
            migrate(self.dsn_of(self._template))
        except BaseException:
            self.close()
            raise

    @property
    def _template(self) -> str:
        return f"{self._prefix}_template"

    def dsn_of(self, database: str) -> str:
        """How to connect to one of its databases."""
        head, _, query = self.dsn.partition("?")
        return f"{head.rpartition('/')[0]}/{database}" + (f"?{query}" if query else "")

    @contextmanager
    def database(self, *, migrated: bool = True, copy: str | None = None) -> Iterator[str]:
        """A new database, gone afterwards; a ``copy`` is of a database nobody is connected to."""
        name = f"{self._prefix}_{next(self._numbers)}"
        template = str(conninfo_to_dict(copy)["dbname"]) if copy else self._template
        self._create(name, template if migrated else "template0")
        try:
            yield self.dsn_of(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        """Leave nothing behind."""
        self._drop(self._template)

    def _create(self, name: str, template: str) -> None:
        self._execute(f'create database "{name}" template "{template}"')

    def _drop(self, name: str) -> None:
        self._execute(f'drop database if exists "{name}" with (force)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def open_databases() -> Iterator[Databases]:
    """The server that the environment names, else an embedded one in a temporary folder."""
    if dsn := os.environ.get(VARIABLE):
        yield from _closing(Databases(dsn))
    else:
        with embedded() as dsn:
            yield from _closing(Databases(dsn))


@contextmanager
def embedded() -> Iterator[str]:
    """An embedded server for the block: its DSN."""
    # Not below pytest's own folder, which another pytest of root's closes to the server's user.
    with tempfile.TemporaryDirectory(prefix="jobferry-") as folder:
        postgres = EmbeddedPostgres(Path(folder))
        try:
            yield postgres.dsn()
        finally:
            postgres.stop()


def _closing(databases: Databases) -> Iterator[Databases]:
    try:
        yield databases
    finally:
        databases.close()
