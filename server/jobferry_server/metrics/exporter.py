"""A processor's metrics on a port of their own; a gateway shows its among its pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from jobferry_server.beside import beside
from jobferry_server.errors import ConfigurationError
from jobferry_server.logs import events
from jobferry_server.metrics.definitions import REGISTRY
from jobferry_server.metrics.figures import Figures
from jobferry_server.metrics.lag import watch_loop

__all__ = ["Exporter"]

#: How often what changes by itself is looked at; the database is asked less often.
LOOK_SECONDS = 1.0


class Exporter:
    """Serves ``/metrics`` from a thread, and keeps fresh what is shown there."""

    def __init__(
        self, host: str, port: int | None, figures: Figures, look: Callable[[], None]
    ) -> None:
        self._host = host
        self._port = port
        self._figures = figures
        self._look = look

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Within the block, if there is a port."""
        if self._port is None:
            yield
            return
        server, thread = self._serve(self._port)
        events.METRICS_SERVED(host=self._host, port=server.server_port)
        try:
            async with beside(stop, self._refresh(), watch_loop()):
                yield
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            thread.join()

    def _serve(self, port: int) -> tuple[WSGIServer, Thread]:
        try:
            return start_http_server(port, self._host, REGISTRY)
        except OSError as error:
            raise ConfigurationError(f"metrics on {self._host}:{port}: {error}") from error

    async def _refresh(self) -> None:
        while True:
            self._look()
            await self._figures.refresh()
            await asyncio.sleep(LOOK_SECONDS)
