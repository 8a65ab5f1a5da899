"""Fixtures for the tests of those who use Jobferry: the device's half; see ``docs/testing.md``.

pytest imports this module in every run, so it imports nothing that only a fixture needs. The server comes
from the fixture ``jobferry_server``, asked for by its name: client and server know nothing of one another.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from jobferry_client.client import JobClient

__all__ = ["go_offline", "jobferry_client", "jobferry_clients"]

#: How long a device may take to send what it has, in seconds.
SEND_SECONDS = 30.0


class Server(Protocol):
    """What a device needs of the fixture ``jobferry_server``."""

    url: str
    before_run: list[Callable[[], object]]

    def token(self, owner: str) -> str:
        """A token for the owner."""


class Clients(Protocol):
    """What :func:`jobferry_clients` gives."""

    def __call__(self, name: str, owner: str = "tester") -> "JobClient":
        """The device called ``name``."""


@pytest.fixture
def jobferry_clients(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clients]:
    """``jobferry_clients("till", owner="anna")``: as many devices as you like, each with its file."""
    from jobferry_client.client import JobClient

    server: Server = request.getfixturevalue("jobferry_server")
    with ExitStack() as opened:

        def open_client(name: str, owner: str = "tester") -> JobClient:
            client = JobClient(tmp_path / f"{name}.db", server.url, server.token(owner))
            server.before_run.append(lambda: _send(client))
            return opened.enter_context(client)

        yield open_client


@pytest.fixture
def jobferry_client(jobferry_clients: Clients) -> "JobClient":
    """A device's :class:`JobClient`, connected to the test's own gateway."""
    return jobferry_clients("device")


@pytest.fixture
def go_offline(
    request: pytest.FixtureRequest,
) -> "Callable[[JobClient | None], AbstractContextManager[JobClient]]":
    """``with go_offline():`` cuts the device off for the block; ``go_offline(client)`` another one."""

    @contextmanager
    def offline(client: "JobClient | None" = None) -> "Iterator[JobClient]":
        cut_off = client or request.getfixturevalue("jobferry_client")
        cut_off.disconnect()
        try:
            yield cut_off
        finally:
            cut_off.connect()

    return offline


def _send(client: "JobClient") -> None:
    """Have a device that is open and switched on send what it has."""
    from jobferry_client.engine import OFF
    from jobferry_client.errors import ClientClosed

    with suppress(ClientClosed):
        if client.status().reason != OFF.reason:
            client.sync(SEND_SECONDS)
