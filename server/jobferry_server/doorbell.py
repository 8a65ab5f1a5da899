"""LISTEN as a doorbell: it says "look now", the tables say what there is.

A notification that is lost must not matter, so whoever listens also looks after every (re)connect
and from time to time. And a LISTEN that is dead must not look alive: the connection is its own (a
pooled one would un-listen), and it rings itself from time to time to hear whether it still can.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from uuid import uuid4

import asyncpg

from jobferry_server.database import DATABASE_ERRORS, connect, is_transient

__all__ = ["Doorbell"]

log = logging.getLogger("jobferry.doorbell")

PROBE_SECONDS = 10.0
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0.5


class Doorbell:
    """Listens on some channels until cancelled, across restarts of Postgres."""

    def __init__(
        self,
        dsn: str,
        role: str,
        channels: Sequence[str],
        on_ring: Callable[[str], None],
        on_connect: Callable[[], None],
    ) -> None:
        self.listening = False
        self._dsn = dsn
        self._role = role
        self._channels = channels
        self._on_ring = on_ring
        self._on_connect = on_connect

    async def run(self) -> None:
        """Listen for ever. ``on_connect`` is called each time LISTEN is in force anew."""
        while True:
            try:
                await self._listen()
            except DATABASE_ERRORS as error:
                if not is_transient(error):
                    raise
                log.warning("not listening: %s", error)
            finally:
                self.listening = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await connect(self._dsn, self._role)
        gone = asyncio.Event()
        heard = asyncio.Event()
        probe = f"jobferry_probe_{uuid4().hex}"
        connection.add_termination_listener(lambda *_: gone.set())
        try:
            await connection.add_listener(probe, lambda *_: heard.set())
            for channel in self._channels:
                await connection.add_listener(channel, self._ring)
            self.listening = True
            self._on_connect()
            while not gone.is_set():
                await _either(gone, PROBE_SECONDS)
                if not gone.is_set():
                    await self._probe(connection, probe, heard)
        finally:
            connection.terminate()

    def _ring(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._on_ring(str(payload))

    async def _probe(
        self, connection: "asyncpg.Connection[asyncpg.Record]", probe: str, heard: asyncio.Event
    ) -> None:
        heard.clear()
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.execute("select pg_notify($1, '')", probe)
            await heard.wait()


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
