"""Where the tests' Postgres comes from."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from jobferry_server.testing.postgres import VARIABLE, Databases, embedded


class TestServer(Databases):
    """A server, with a migrated template that tests copy."""

    __test__ = False


@contextmanager
def open_server() -> Iterator[TestServer]:
    """A server from the environment, else a container where Docker answers, else the embedded one."""
    with _some_dsn() as dsn:
        server = TestServer(dsn)
        try:
            yield server
        finally:
            server.close()


@contextmanager
def _some_dsn() -> Iterator[str]:
    if dsn := os.environ.get(VARIABLE):
        yield dsn
    elif _docker_answers():
        from testcontainers.postgres import PostgresContainer

        with PostgresContainer("postgres:18", driver=None) as container:
            yield container.get_connection_url()
    else:
        with embedded() as dsn:
            yield dsn


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None and not subprocess.run([docker, "info"], capture_output=True).returncode
    )
