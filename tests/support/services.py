"""Gateways and processors in this process, on an event loop of their own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from jobferry_server import Processor
from jobferry_server.gateway import Gateway
from jobferry_server.settings import GatewaySettings, ProcessorSettings, with_options
from jobferry_server.testing.background import Background
from jobferry_server.tokens import Verifier, issue

SECRET = "for tests only, and longer than thirty-two octets"


def token(owner: str = "anna") -> str:
    """A token for ``owner`` that these gateways believe."""
    return issue(SECRET, owner, timedelta(hours=1))


class Services(Background):
    """What runs beside a test. Everything started here ends with it."""

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self.dsn = dsn

    @contextmanager
    def gateway(self, verifier: Verifier | None = None, **settings: object) -> Iterator[str]:
        """A gateway; its URL. It believes the tokens of :func:`token`, or the verifier given."""
        chosen = with_options(GatewaySettings(port=0, drain_seconds=1.0), **settings)
        gateway = Gateway(self.dsn, verifier or Verifier(SECRET), chosen)
        with self.within(gateway.running(asyncio.Event())):
            yield gateway.url

    @contextmanager
    def processor(self, processor: Processor, **settings: object) -> Iterator[None]:
        """A processor at work."""
        chosen = with_options(ProcessorSettings(grace_seconds=1.0), **settings)
        with self.within(processor.service(self.dsn, chosen).running(asyncio.Event())):
            yield
