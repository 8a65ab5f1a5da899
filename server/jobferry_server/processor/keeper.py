"""Staying alive: the lease of all that this process holds is one row, written a few times a lease."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from uuid import uuid4

from jobferry_server.logs import events
from jobferry_server.processor.attempt import LOST
from jobferry_server.processor.hand import Hand
from jobferry_server.processor.ledger import Ledger
from jobferry_server.processor.task import Task
from jobferry_server.processor.trouble import after_error
from jobferry_shared import __version__

__all__ = ["Keeper", "new_name"]

#: Leases are prolonged this many times before they would run out.
BEATS_PER_LEASE = 4
UNSERVED_SECONDS = 30.0
#: So many tasks that nobody offers are told by name.
MOST_UNSERVED = 10


class Keeper:
    """Prolongs our lease, ends those of the dead, reports work that nobody does."""

    def __init__(self, ledger: Ledger, hand: Hand, tasks: Mapping[str, Task], lease: float) -> None:
        self._ledger = ledger
        self._hand = hand
        self._tasks = tasks
        self._lease = lease

    async def register(self) -> None:
        """Begin the lease, with our tasks' limits in force."""
        for name, task in sorted(self._tasks.items()):
            if task.max_running is not None:
                await self._ledger.limit(name, task.max_running)
        await self._ledger.register(list(self._tasks), __version__)
        await self._ledger.reap(self._lease)

    async def begin_anew(self) -> None:
        """The lease is lost, and all that was held under it: come back under another name."""
        events.LEASE_LOST(processor=self._ledger.processor)
        self._hand.stop_all(LOST)
        self._ledger.processor = new_name()
        await self.register()
        self._hand.ring()

    async def run(self) -> None:
        """Keep the lease for ever."""
        while True:
            await asyncio.sleep(self._lease / BEATS_PER_LEASE)
            try:
                if not await self._ledger.heartbeat():
                    await self.begin_anew()
                if freed := await self._ledger.reap(self._lease):
                    events.JOBS_FREED(jobs=freed)
                await self._ledger.hand_over_left()
                if await self._ledger.compact():
                    events.QUEUE_COMPACTED()
            except Exception as error:
                await after_error("prolong the lease", error)

    async def look_for_unserved(self) -> None:
        """Say from time to time which jobs wait for a task that no processor offers."""
        while True:
            try:
                _tell_of_unserved(await self._ledger.unserved())
            except Exception as error:
                await after_error("look at the queue", error)
            await asyncio.sleep(UNSERVED_SECONDS)


def _tell_of_unserved(tasks: Sequence[tuple[str, int]]) -> None:
    """A task is named by whoever submits, and he may name as many as he likes."""
    ranked = sorted(tasks, key=lambda found: -found[1])
    for task, jobs in ranked[:MOST_UNSERVED]:
        events.TASK_UNSERVED(jobs=jobs, task=task)
    if others := ranked[MOST_UNSERVED:]:
        events.MORE_UNSERVED(jobs=sum(jobs for _, jobs in others), tasks=len(others))


def new_name() -> str:
    """Who we are in the audit log; new with every lease."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
