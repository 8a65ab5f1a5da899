"""Where the tests' Postgres comes from."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from jobferry_server.embedded import EmbeddedPostgres
from jobferry_server.migrate import migrate

TEMPLATE = f"jobferry_test_template_{os.getpid()}"


class TestServer:
    """A server, with a migrated template that tests copy."""

    __test__ = False

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._numbers = count(1)
        self._create(TEMPLATE, "template0")
        migrate(self.dsn_of(TEMPLATE))

    def dsn_of(self, database: str) -> str:
        """How to connect to one of its databases."""
        head, _, query = self.dsn.partition("?")
        return f"{head.rpartition('/')[0]}/{database}" + (f"?{query}" if query else "")

    @contextmanager
    def database(self, *, migrated: bool = True, copy: str | None = None) -> Iterator[str]:
        """A new database, gone afterwards; a ``copy`` is of a database nobody is connected to."""
        name = f"jobferry_test_{os.getpid()}_{next(self._numbers)}"
        template = str(conninfo_to_dict(copy)["dbname"]) if copy else TEMPLATE
        self._create(name, template if migrated else "template0")
        try:
            yield self.dsn_of(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        """Leave nothing behind."""
        self._drop(TEMPLATE)

    def _create(self, name: str, template: str) -> None:
        self._execute(f'create database "{name}" template "{template}"')

    def _drop(self, name: str) -> None:
        self._execute(f'drop database if exists "{name}" with (force)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def open_server() -> Iterator[TestServer]:
    """A server from the environment, else a container where Docker answers, else the embedded one."""
    with _some_dsn() as dsn:
        assert conninfo_to_dict(dsn).get("dbname"), "JOBFERRY_TEST_DSN must name a database"
        server = TestServer(dsn)
        try:
            yield server
        finally:
            server.close()


@contextmanager
def _some_dsn() -> Iterator[str]:
    if dsn := os.environ.get("JOBFERRY_TEST_DSN"):
        yield dsn
    elif _docker_answers():
        from testcontainers.postgres import PostgresContainer

        with PostgresContainer("postgres:18", driver=None) as container:
            yield container.get_connection_url()
    else:
        # Not below pytest's own folder, which another pytest of root's closes to the server's user.
        with tempfile.TemporaryDirectory(prefix="jobferry-") as folder:
            postgres = EmbeddedPostgres(Path(folder))
            try:
                yield postgres.dsn()
            finally:
                postgres.stop()


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None and not subprocess.run([docker, "info"], capture_output=True).returncode
    )
