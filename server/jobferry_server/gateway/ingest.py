"""The group commit: operations of all devices, written together.

While transactions are in flight the operations of all connections gather for the next: one statement,
one NOTIFY lock, one fsync for all of them. An idle gateway commits at once. Whose turn it is, and who
commits beside whom, ``pushes`` says; what is written, ``submits`` and ``cancels``.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from jobferry_server.database import is_transient
from jobferry_server.gateway.cancels import Cancels
from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.pushes import LITTLE, Lane, Pushes
from jobferry_server.gateway.quota import Quota
from jobferry_server.gateway.room import Room
from jobferry_server.gateway.submits import Entry, Submits
from jobferry_server.gateway.traces import trace_accepted
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_shared.messages import Rejection

__all__ = ["GroupCommit"]

RETRY_SECONDS = 0.2
#: A job with a key that somebody is at work on is tried again after this, and with it all that its
#: device said after it.
HELD_SECONDS = 0.05


class GroupCommit:
    """Takes batches from all devices and answers each once it is committed.

    ``on_rejected`` is told the last that was rejected of each batch.
    """

    def __init__(
        self,
        submits: Submits,
        cancels: Cancels,
        pushes: Pushes,
        room: Room,
        quota: Quota,
        on_rejected: Callable[[Device, Rejection], None],
    ) -> None:
        self._submits = submits
        self._cancels = cancels
        self._pushes = pushes
        self._room = room
        self._quota = quota
        self._on_rejected = on_rejected
        self._some = asyncio.Event()
        self._taken = asyncio.Event()
        self._eating = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, batch: Batch) -> None:
        """Write this batch as soon as its turn comes."""
        self._room.enter(batch.device.owner, batch.octets)
        self._pushes.add(batch)
        self._idle.clear()
        self._ring()

    async def hungry(self, owner: str) -> None:
        """Wait until the next groups lack operations, this owner's too; for one after the other.

        What was read and is not written takes much memory, and Python has to look after it.
        """
        while self._pushes.plenty_of(owner):
            await self._taken.wait()
        async with self._eating:
            while self._pushes.plenty(time.monotonic()):
                await self._taken.wait()
            await asyncio.sleep(0)

    async def drained(self) -> None:
        """Wait until nothing is waiting."""
        await self._idle.wait()

    async def run(self, lane: Lane) -> None:
        """Commit group after group of one lane, for ever."""
        while True:
            now = time.monotonic()
            if group := self._pushes.take(lane, now):
                began = time.time_ns()
                self._taken = _rung(self._taken)
                await self._commit_until_done(group, lane)
                self._finish(group)
                trace_accepted(group, began)
            else:
                for device, seconds in self._pushes.slowed(now).items():
                    device.make_wait(seconds)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pushes.pause(now)):
                        await self._some.wait()

    def _ring(self) -> None:
        self._some = _rung(self._some)

    def _finish(self, group: list[Batch]) -> None:
        self._pushes.done(group)
        decided = [batch for batch in group if not batch.held]
        for batch in decided:
            self._room.leave(batch.device.owner, batch.octets)
            if batch.rejected:
                self._on_rejected(batch.device, batch.rejected[-1])
        _answer(decided)
        for device in {batch.device for batch in group if batch.held}:
            self._hold(device, over=any(b.over for b in group if b.device is device))
        if self._pushes.empty:
            self._idle.set()
        self._ring()

    async def _commit_until_done(self, group: list[Batch], lane: Lane) -> None:
        """A database that is away is waited for: the group is idempotent."""
        began = time.monotonic()
        while True:
            try:
                await self._commit(group, lane)
                break
            except Exception as error:
                if not is_transient(error):
                    events.COMMIT_FAILED(raised=error)
                else:
                    events.COMMIT_WAITS(error=error)
                await asyncio.sleep(RETRY_SECONDS)
        _measure(group, began)

    async def _commit(self, group: list[Batch], lane: Lane) -> None:
        entries: list[Entry] = []
        for batch in group:
            batch.begin()
            entries += self._submits.of(batch)
            if len(batch.ops) > LITTLE:
                # Let those go ahead who have less to say.
                await asyncio.sleep(0)
        await self._write_in_turns(entries, lane)
        _hold_what_follows(group)
        await self._cancels.write([batch for batch in group if not batch.held])

    async def _write_in_turns(self, entries: Sequence[Entry], lane: Lane) -> None:
        """As many at a time as the others can bear, with rests between."""
        while entries:
            began = time.monotonic()
            most = self._pushes.most(lane, began)
            some, entries = entries[:most], entries[most:]
            await self._submits.write(some)
            # What a device said later must not be done before what is held of it.
            held = {entry.batch.device for entry in some if entry.batch.held}
            entries = [entry for entry in entries if entry.batch.device not in held]
            now = time.monotonic()
            await asyncio.sleep(self._pushes.rest(lane, now - began, now))

    def _hold(self, device: Device, *, over: bool) -> None:
        """What is held of this device is committed again a little later; it is idempotent."""
        if over:
            self._quota.count(partial(self._resume, device, counted=True))
        else:
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._resume, device)

    def _resume(self, device: Device, *, counted: bool = False) -> None:
        for batch in self._pushes.resume(device):
            batch.counted = batch.counted or (counted and batch.over)
        self._ring()


def _rung(bell: asyncio.Event) -> asyncio.Event:
    """Wakes all that wait for this; what is waited for next."""
    bell.set()
    return asyncio.Event()


def _measure(group: Sequence[Batch], began: float) -> None:
    metrics.COMMIT_SECONDS.observe(time.monotonic() - began)
    metrics.COMMIT_OPERATIONS.observe(sum(len(batch.ops) for batch in group))
    metrics.LAST_COMMIT.set_to_current_time()
    for batch in group:
        for refusal in batch.rejected:
            metrics.REJECTED.labels(refusal.code).inc()


def _hold_what_follows(group: Sequence[Batch]) -> None:
    """What a device said last must not be done first: it may cancel what is held."""
    held = set()
    for batch in group:
        batch.held = batch.held or batch.device in held
        if batch.held:
            held.add(batch.device)


def _answer(batches: Iterable[Batch]) -> None:
    devices = {}
    for batch in batches:
        batch.decided = True
        devices[id(batch.device)] = batch.device
    for device in devices.values():
        device.answer()
