"""What the tests in a browser share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from integration.database import Database
from support.browser import PATIENCE_MS, browser


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """One browser for the tests of a module. (It has an event loop, which others would stumble over.)"""
    expect.set_options(timeout=PATIENCE_MS)
    with browser() as found:
        yield found


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    """A superuser's connection to the test's database."""
    with Database(dsn) as found:
        yield found


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not ring is looked at more often than people would."""
    monkeypatch.setattr("jobferry_server.dashboard.changes.SLOW_SECONDS", 1.2)
