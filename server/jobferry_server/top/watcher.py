"""Looking again: when the doorbell rings, and from time to time anyway; across restarts of Postgres."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from jobferry_server.beside import beside
from jobferry_server.database import DATABASE_ERRORS, Pool, is_transient, open_pool
from jobferry_server.doorbell import Bell, Doorbell, Rounds
from jobferry_server.settings import PostgresSettings
from jobferry_server.top.look import Look, View, look
from jobferry_server.top.rates import Rates
from jobferry_shared.printable import reason_of

__all__ = ["Watcher"]

ROLE = "jobferry_auditor"
#: One for the looks, one for the doorbell's probe.
CONNECTIONS = 2
CHANNELS = ("jobferry_queue", "jobferry_changes")

RETRY_SECONDS = 0.5
#: Nobody reads faster; and looking must not be work for the database: a tenth of the time at most.
LEAST_PAUSE_SECONDS = 0.5
REST = 10
#: How often to look though nobody has rung: progress, heartbeats and times to come ring for nobody.
SLOW_SECONDS = 2.0


class Watcher:
    """Looks for ever and says what it saw, or why it can't."""

    def __init__(
        self,
        dsn: str,
        settings: PostgresSettings,
        on_look: Callable[[Look], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self.view: View = "running"
        #: The job to be shown in full.
        self.job: UUID | None = None
        self.paused = False
        self.rates = Rates()
        self._dsn = dsn
        self._settings = settings
        self._on_look = on_look
        self._on_trouble = on_trouble
        self._rung = asyncio.Event()
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Look now: something else is wanted."""
        self._nudged.set()
        self._rung.set()

    async def run(self) -> None:
        """Watch for ever. An error that will not pass by itself is raised."""
        while True:
            try:
                await self._watch()
            except DATABASE_ERRORS as error:
                if not is_transient(error):
                    raise
                self._on_trouble(reason_of(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self) -> None:
        pool = await open_pool(self._dsn, ROLE, size=CONNECTIONS, pooled=self._settings.pooled)
        stop = asyncio.Event()
        try:
            async with beside(stop, self._bell(pool).run()):
                while not stop.is_set():
                    await self._look(pool)
        finally:
            pool.terminate()

    async def _look(self, pool: Pool) -> None:
        self._nudged.clear()
        self._rung.clear()
        began = time.monotonic()
        self._on_look(await look(pool, self.view, self.job, self.rates))
        took = time.monotonic() - began
        await _within(self._nudged, max(LEAST_PAUSE_SECONDS, took * REST))
        await _within(self._rung, SLOW_SECONDS)
        while self.paused:
            if await _within(self._nudged, SLOW_SECONDS):
                return
            # So that a database that went away meanwhile is noticed.
            await pool.execute("select 1")

    def _bell(self, pool: Pool) -> Bell:
        if not self._settings.listens:
            return Rounds(self._settings.poll_seconds, self._rung.set)
        dsn = self._settings.listen_dsn or self._dsn
        heard = {channel: lambda _: self._rung.set() for channel in CHANNELS}
        return Doorbell(dsn, ROLE, pool, heard, self._rung.set)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but not longer; was it?"""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
