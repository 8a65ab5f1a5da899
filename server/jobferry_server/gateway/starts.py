"""Devices that read from the start: the end of their walk is fixed before they push anything.

A device is told of what has left the ledger since the end of its walk. What left before, it finds out
by itself: of the jobs it knew the ledger to have when it was let in, those that the walk does not show.
Between the two nothing may be acknowledged to it, or a job that was, and left at once, would stay in
its file for ever. So its pushes wait for that end, as long as one short question to the database takes,
which is asked once for all devices that came meanwhile.

The answer also tells which database it is of. One that was replaced a moment ago, unnoticed yet, has not
what the device was told of, and what it lacks is not gone: no walk begins there.
"""

import asyncio
from collections.abc import Callable

from jobferry_server.database import Pool, is_transient
from jobferry_server.gateway.device import Device
from jobferry_server.logs import events
from jobferry_sql import query

__all__ = ["RETRY_SECONDS", "TO_DISK", "Starts"]

RETRY_SECONDS = 0.2
#: Between two questions: who comes meanwhile shares the next.
REST_SECONDS = 0.005
#: Its commit is waited for, and all that was written before it with it.
TO_DISK = "select pg_logical_emit_message(true, 'jobferry', '')"


class Starts:
    """Calls ``then`` for each device that may begin to read, and ``astray`` for one that was let in by
    another database.
    """

    def __init__(
        self, pool: Pool, then: Callable[[Device], None], astray: Callable[[Device], None]
    ) -> None:
        self._pool = pool
        self._then = then
        self._astray = astray
        self._waiting: dict[Device, None] = {}
        self._some = asyncio.Event()
        self._begun = asyncio.Event()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, device: Device) -> None:
        """Let this device begin, once everything it has pushed is answered."""
        self._waiting[device] = None
        self._some.set()

    def leave(self, device: Device) -> None:
        """The device is gone."""
        self._waiting.pop(device, None)

    async def wait(self, device: Device) -> None:
        """Return once what the device has just pushed may be done, or its connection has ended."""
        if not device.cursor.begun:
            await device.hold_up(self._until_begun(device))

    async def _until_begun(self, device: Device) -> None:
        while not device.cursor.begun:
            await self._begun.wait()

    async def run(self) -> None:
        """Let them begin, for ever."""
        while True:
            await self._some.wait()
            pause = REST_SECONDS
            try:
                await self._begin_all()
            except Exception as error:
                if not is_transient(error):
                    events.FEED_FAILED(raised=error)
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _begin_all(self) -> None:
        # What is under way of a device may be committed before the answer and acknowledged after it.
        quiet = [device for device in self._waiting if not device.batches]
        if quiet:
            now, epoch = await self._ask()
            for device in quiet:
                self._begin(device, now, epoch)
            # Whoever waits looks again; the next wait for a new event.
            self._begun.set()
            self._begun = asyncio.Event()
        if not self._waiting:
            self._some.clear()

    async def _ask(self) -> tuple[str, str]:
        found = await self._pool.fetchrow(query("gateway_start"))
        assert found is not None
        if not found["durable"]:
            await self._pool.execute(TO_DISK)
        return found["now"], found["epoch"]

    def _begin(self, device: Device, now: str, epoch: str) -> None:
        if device in self._waiting:
            self.leave(device)
            if device.cursor.epoch != epoch:
                self._astray(device)
            elif device.session.ready:
                device.begin(now)
                self._then(device)
