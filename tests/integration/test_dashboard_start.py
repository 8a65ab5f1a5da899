"""The dashboard at its start: it waits for Postgres, or says at once why it can't begin."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import pytest

from jobferry_server.dashboard.serve import serving
from jobferry_server.errors import MigrationError
from jobferry_server.settings import DashboardSettings
from support.dashboard import ask
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import Services


def board(dsn: str) -> AbstractAsyncContextManager[str]:
    """A dashboard as its command runs it."""
    return serving(dsn, DashboardSettings(dashboard_port=0), asyncio.Event())


class Opener(logging.Handler):
    """Opens a proxy once it is said that Postgres is waited for."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self._proxy = proxy
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Hear."""
        self.heard.append(record.getMessage())
        self._proxy.open()


@contextmanager
def opener(proxy: Proxy) -> Iterator[Opener]:
    """Within the block it listens to the server's log."""
    found, log = Opener(proxy), logging.getLogger("jobferry")
    log.addHandler(found)
    try:
        yield found
    finally:
        log.removeHandler(found)


def test_it_waits_for_postgres_and_says_so(services: Services) -> None:
    with Proxy(postgres_target(services.dsn)) as proxy, opener(proxy) as said:
        proxy.close()
        with services.within(board(postgres_behind(proxy, services.dsn))) as url:
            assert "waiting for Postgres" in said.heard[0]
            assert ask(url.rstrip("/"), "/jobs").status == 200


def test_a_schema_that_is_too_old_ends_it(empty_dsn: str, services: Services) -> None:
    with (
        pytest.raises(MigrationError, match="this Jobferry needs"),
        services.within(board(empty_dsn)),
    ):
        pass
