"""A real Postgres for every test: one server per session, a database per test."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from support.postgres import TestServer, open_server
from support.services import Services

pytest_plugins = ["pytester"]

Connection = psycopg.Connection[tuple[object, ...]]

# How long an example takes says nothing on a machine that runs other things too.
settings.register_profile("jobferry", deadline=None)
settings.load_profile("jobferry")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test has printed may be no text; the process that runs it has to hand it on all the same."""
    report = yield
    report.sections = [
        (name, words.encode(errors="backslashreplace").decode()) for name, words in report.sections
    ]
    return report


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """The server of this session: JOBFERRY_TEST_DSN, a container, or the embedded one."""
    with open_server() as found:
        yield found


@pytest.fixture
def dsn(server: TestServer) -> Iterator[str]:
    """A migrated database of the test's own."""
    with server.database() as dsn:
        yield dsn


@pytest.fixture
def empty_dsn(server: TestServer) -> Iterator[str]:
    """A database with nothing in it."""
    with server.database(migrated=False) as dsn:
        yield dsn


@pytest.fixture
def ledger(dsn: str) -> Iterator[Connection]:
    """A superuser's connection to the test's database, each statement its own transaction."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def services(dsn: str) -> Iterator[Services]:
    """Gateways and processors on the test's database, in this process."""
    with Services(dsn) as found:
        yield found


@pytest.fixture
def device_file(tmp_path: Path) -> Callable[[str], Path]:
    """Paths for devices' files."""

    def path(name: str) -> Path:
        return tmp_path / f"{name}.db"

    return path
