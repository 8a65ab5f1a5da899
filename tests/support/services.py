"""Gateways and processors in this process, on an event loop of their own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from typing import Any, Self, TypeVar

from jobferry_server import Processor
from jobferry_server.gateway import Gateway
from jobferry_server.settings import GatewaySettings, ProcessorSettings, with_options
from jobferry_server.tokens import Verifier, issue

SECRET = "for tests only, and longer than thirty-two octets"

T = TypeVar("T")


def token(owner: str = "anna") -> str:
    """A token for ``owner`` that these gateways believe."""
    return issue(SECRET, owner, timedelta(hours=1))


class Services:
    """What runs beside a test. Everything started here ends with it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="services")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine run on the services' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    @contextmanager
    def gateway(self, verifier: Verifier | None = None, **settings: object) -> Iterator[str]:
        """A gateway; its URL. It believes the tokens of :func:`token`, or the verifier given."""
        chosen = with_options(GatewaySettings(port=0, drain_seconds=1.0), **settings)
        stack = AsyncExitStack()
        gateway = Gateway(self.dsn, verifier or Verifier(SECRET), chosen)
        self.run(stack.enter_async_context(gateway.running(asyncio.Event())))
        try:
            yield gateway.url
        finally:
            self.run(stack.aclose())

    @contextmanager
    def processor(self, processor: Processor, **settings: object) -> Iterator[None]:
        """A processor at work."""
        chosen = with_options(ProcessorSettings(grace_seconds=1.0), **settings)
        service = processor.service(self.dsn, chosen)
        stop = asyncio.Event()
        work = asyncio.run_coroutine_threadsafe(service.run(stop), self._loop)
        self.run(asyncio.wait_for(service.ready.wait(), 30))
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            work.result(60)
