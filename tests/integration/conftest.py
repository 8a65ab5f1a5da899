"""What the tests of the server's half share."""

from collections.abc import Iterator
from functools import partial

import pytest

from integration.database import Database, Ear
from integration.engines import install_pgqueuer, install_procrastinate
from support.commands import Run, runner
from support.postgres import TestServer


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A superuser's connection to the test's database."""
    with Database(dsn) as found:
        yield found


@pytest.fixture
def other(dsn: str) -> Iterator[Database]:
    """A second one, for somebody else."""
    with Database(dsn) as found:
        yield found


@pytest.fixture
def ear(dsn: str) -> Iterator[Ear]:
    """Hears what the database says."""
    with Ear(dsn) as found:
        yield found


@pytest.fixture
def any_command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``jobferry`` with these arguments."""
    return runner(capsys)


@pytest.fixture
def run(any_command: Run) -> Run:
    """Runs ``jobferry client`` with these arguments."""
    return partial(any_command, "client")


@pytest.fixture(scope="session")
def queues_template(server: TestServer) -> Iterator[str]:
    """A migrated database with the tables of Procrastinate and PgQueuer, to be copied."""
    with server.database() as dsn:
        install_procrastinate(dsn)
        install_pgqueuer(dsn)
        yield dsn
