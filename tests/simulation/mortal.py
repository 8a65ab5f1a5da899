"""A gateway that can be killed: nobody hears a goodbye of it, and what it had in mind is forgotten."""

import asyncio
from contextlib import ExitStack

from jobferry_server.gateway import Gateway
from jobferry_server.settings import GatewaySettings
from jobferry_server.testing.background import Background
from jobferry_server.tokens import Verifier
from support.services import SECRET

__all__ = ["MortalGateway"]

#: What is left of it waits for nobody.
SETTINGS = GatewaySettings(port=0, drain_seconds=0.01)


class MortalGateway:
    """One gateway after the other, on whatever port each finds."""

    def __init__(self, background: Background, dsn: str) -> None:
        self._background = background
        self._dsn = dsn
        self._life = ExitStack()
        self._begin()

    @property
    def url(self) -> str:
        """Where devices connect now."""
        return self._gateway.url

    def kill(self) -> None:
        """As everybody else sees ``kill -9``: all its connections are gone, in the middle of whatever
        was under way on them. What Postgres has begun it may end. Another gateway begins.
        """
        self.close()
        self._begin()

    def close(self) -> None:
        """Let no other begin."""
        self._background.run(self._vanish())
        self._life.close()

    def _begin(self) -> None:
        self._gateway = Gateway(self._dsn, Verifier(SECRET), SETTINGS)
        running = self._gateway.running(asyncio.Event())
        self._life.enter_context(self._background.within(running))

    async def _vanish(self) -> None:
        for line in self._gateway._server.connections:
            line.transport.abort()
        self._gateway._pool.terminate()
