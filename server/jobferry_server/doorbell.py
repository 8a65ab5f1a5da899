"""LISTEN as a doorbell: it says "look now", the tables say what there is.

A notification that is lost must not matter, so whoever listens also looks after every (re)connect
and from time to time. And a LISTEN that is dead must not look alive: the connection is its own (a
pooled one would un-listen), and it is rung, first of all and from time to time, to hear whether it can.

Where nobody can listen, since a pooler in transaction mode is all there is, looking from time to time
is all that is done.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import uuid4

from jobferry_server.database import DATABASE_ERRORS, AnyConnection, Pool, connect, is_transient
from jobferry_server.logs import events

__all__ = ["Bell", "Doorbell", "Rounds"]

PROBE_SECONDS = 10.0
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0.5


class Bell(Protocol):
    """Somebody who says when to look."""

    listening: bool

    async def run(self) -> None:
        """Say so for ever."""

    def just_rung(self) -> "AnyConnection | None":
        """The connection that rang since this was last asked: its backend is awake."""


class Rounds:
    """Nobody rings: look every so many seconds."""

    listening = True

    def __init__(self, every: float, on_look: Callable[[], None]) -> None:
        self._every = every
        self._on_look = on_look

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._on_look()
            await asyncio.sleep(self._every)

    def just_rung(self) -> None:
        """Nobody did."""


class Doorbell:
    """Listens on some channels until cancelled, across restarts of Postgres.

    ``on_ring`` has what to call for each channel, with what was said there. It is ``pool`` that rings
    to hear whether one can: as everybody who rings, from another connection.
    """

    def __init__(
        self,
        dsn: str,
        role: str,
        pool: Pool,
        on_ring: Mapping[str, Callable[[str], None]],
        on_connect: Callable[[], None],
    ) -> None:
        self.listening = False
        self._rung: AnyConnection | None = None
        self._dsn = dsn
        self._role = role
        self._pool = pool
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
                events.NOT_LISTENING(error=error)
            finally:
                self.listening = False
                self._rung = None
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await connect(self._dsn, self._role)
        gone = asyncio.Event()
        heard = asyncio.Event()
        probe = f"jobferry_probe_{uuid4().hex}"
        connection.add_termination_listener(lambda *_: gone.set())
        try:
            await connection.add_listener(probe, lambda *_: heard.set())
            for channel in self._on_ring:
                await connection.add_listener(channel, self._ring)
            while await self._hears(probe, heard):
                if not self.listening:
                    self.listening = True
                    self._on_connect()
                await _either(gone, PROBE_SECONDS)
                if gone.is_set():
                    return
            events.RING_NOT_HEARD()
        finally:
            connection.terminate()

    def just_rung(self) -> "AnyConnection | None":
        """The connection that rang since this was last asked: its backend is awake."""
        rung, self._rung = self._rung, None
        return rung

    def _ring(self, connection: "AnyConnection", _pid: int, channel: str, payload: object) -> None:
        # While it is still told what to listen to, it is not free for anything else.
        if self.listening:
            self._rung = connection
        self._on_ring[channel](str(payload))

    async def _hears(self, probe: str, heard: asyncio.Event) -> bool:
        heard.clear()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._pool.execute("select pg_notify($1, '')", probe)
                return await heard.wait()
        except TimeoutError:
            return False


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
