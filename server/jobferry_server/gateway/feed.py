"""What comes down: each tick one query for many devices that have something to read.

A device is served when it is dirty (somebody wrote a row of its owner, or its walk is not at its
end) and ready (it has applied what it was sent). So nothing is queued per device: what it did not
fetch in time it gets as the latest state, later.

Two streams are served side by side: news for the devices that are in step, and the walks of those that
are not. So nobody's news waits for somebody's first sync. What a tick reads is bounded however many
devices there are: the more, the smaller their pages.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import groupby

import asyncpg

from jobferry_server.database import Pool, is_transient
from jobferry_server.gateway.changes import change_of
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.history import History
from jobferry_server.gateway.starts import RETRY_SECONDS, TO_DISK, Starts
from jobferry_server.gateway.stream import Stream
from jobferry_server.gateway.way import Way
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Change
from jobferry_sql import query

__all__ = ["Feed"]

#: What one tick reads at most, in rows and in pages' octets, and what a device gets in any case.
TICK_ROWS = 1000
GIVING_WAY_ROWS = 40
TICK_PAGES = 4
LEAST_ROWS = 20
#: Rows that are written into a page without letting others have a turn; a millisecond.
ROWS_AT_ONCE = 100
#: Why a device can't go on: its transactions are not ours, or not any more.
AHEAD = "has read further than this database has come"


class Feed:
    """Knows all connected devices and serves them."""

    def __init__(self, pool: Pool, limits: Limits, way: Way, history: History) -> None:
        self._pool = pool
        self._limits = limits
        self._way = way
        self._history = history
        self._by_owner: dict[str, set[Device]] = {}
        #: News are small and wanted at once; of walks a few at a time.
        self._news = Stream(most=100)
        self._walks = Stream(most=20, gives_way=True)
        self._starts = Starts(pool, self.wake, self._astray)

    @property
    def devices(self) -> Iterable[Device]:
        """All that are connected and let in."""
        return (device for group in self._by_owner.values() for device in group)

    @property
    def waiting(self) -> int:
        """How many wait for a page."""
        return len(self._starts) + len(self._news.waiting) + len(self._walks.waiting)

    def join(self, device: Device) -> None:
        """Serve this device from now on."""
        self._by_owner.setdefault(device.owner, set()).add(device)
        if device.cursor.begun:
            self.wake(device)
        else:
            self._starts.add(device)

    def leave(self, device: Device) -> None:
        """The device is gone."""
        group = self._by_owner.get(device.owner, set())
        group.discard(device)
        if not group:
            self._by_owner.pop(device.owner, None)
        for stream in (self._news, self._walks):
            stream.waiting.pop(device, None)
        self._starts.leave(device)

    async def may_push(self, device: Device) -> None:
        """Return once what the device has just pushed may be done; see :mod:`.starts`."""
        await self._starts.wait(device)

    def owner_changed(self, owner: str) -> None:
        """Somebody wrote a row of this owner."""
        for device in self._by_owner.get(owner, ()):
            self.wake(device)

    def everything_changed(self) -> None:
        """Rings may have been missed: look for everybody."""
        for device in self.devices:
            self.wake(device)

    def wake(self, device: Device) -> None:
        """There is something for this device, or may be."""
        device.dirty = True
        self.applied(device)

    def applied(self, device: Device) -> None:
        """The device can take a page; give it one if there is any."""
        if device.dirty and device.ready:
            # In one of them alone: two ticks at once would each take the other's ring for answered. The
            # cursor of one that is being read for stays, and so does its stream.
            resting = device.cursor.resting
            (self._walks if resting else self._news).waiting.pop(device, None)
            (self._news if resting else self._walks).add(device)

    async def run_starts(self) -> None:
        """Let the devices begin that read from the start, for ever."""
        await self._starts.run()

    async def run_news(self) -> None:
        """Serve the devices that are in step, for ever."""
        await self._run(self._news)

    async def run_walks(self) -> None:
        """Serve the devices that have much to read, for ever."""
        await self._run(self._walks)

    async def _run(self, stream: Stream) -> None:
        while True:
            await stream.some.wait()
            began = time.monotonic()
            since = next(iter(stream.waiting.values()), began)
            devices = stream.take()
            owners = len({device.owner for device in devices})
            try:
                if devices:
                    await self._tick(devices, self._rows(stream, owners, began))
                    _measure(began, since)
            except Exception as error:
                if not is_transient(error):
                    events.FEED_FAILED(raised=error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            now = time.monotonic()
            await asyncio.sleep(self._rest(stream, owners, now - began, now))

    def _rows(self, stream: Stream, owners: int, now: float) -> int:
        """How many rows a tick may read."""
        if stream.gives_way and self._way.given(now):
            return min(TICK_ROWS, GIVING_WAY_ROWS * owners)
        return TICK_ROWS

    def _rest(self, stream: Stream, owners: int, took: float, now: float) -> float:
        """As long as the tick took, at least: rings fold meanwhile, and writers get their turn."""
        if stream.gives_way and owners:
            return max(took, self._way.rest(took, now, owners=owners))
        return took

    async def _tick(self, devices: Sequence[Device], most: int) -> None:
        for device in devices:
            device.dirty = False
        rows = max(LEAST_ROWS, min(self._limits.batch, most // len(devices)))
        try:
            pages = await self._read(devices, rows)
            if not pages[0]["durable"]:
                await self._pool.execute(TO_DISK)
        except BaseException:
            for device in devices:
                self.wake(device)
            raise
        for slot, found in groupby(pages, key=lambda row: row["slot"]):
            await self._serve_or_dismiss(devices[slot], list(found), rows)

    async def _changes(self, page: Sequence[asyncpg.Record]) -> list[Change]:
        """What the rows of a page say. To write a large one takes its time; let the others have theirs."""
        changes: list[Change] = []
        for row in page:
            if row["id"] is not None and not _is_tombstone(row):
                changes.append(change_of(row, self._limits.stored_bytes))
                if len(changes) % ROWS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        return changes

    async def _read(self, devices: Sequence[Device], rows: int) -> list[asyncpg.Record]:
        cursors = [device.cursor for device in devices]
        seen = [cursor.oldest for cursor in cursors if cursor.oldest is not None]
        return await self._pool.fetch(
            query("gateway_feed"),
            list(range(len(devices))),
            [device.owner for device in devices],
            [device.client_id for device in devices],
            [cursor.since for cursor in cursors],
            [cursor.target for cursor in cursors],
            [cursor.version for cursor in cursors],
            [cursor.id for cursor in cursors],
            [cursor.active for cursor in cursors],
            [cursor.gone for cursor in cursors],
            rows,
            min(self._limits.page_bytes, TICK_PAGES * self._limits.page_bytes // len(devices)),
            str(min(seen)) if seen else None,
        )

    async def _serve_or_dismiss(
        self, device: Device, page: list[asyncpg.Record], most: int
    ) -> None:
        """A page that can't be made is its own device's trouble, which is told, and nobody else's."""
        try:
            self._serve(device, page, await self._changes(page), most)
        except Exception as error:
            events.NO_PAGE(device=device.client_id, raised=error)
            device.dismiss(
                "unavailable", "a page of changes can not be made; the gateway's log says why"
            )

    def _serve(
        self, device: Device, rows: list[asyncpg.Record], changes: list[Change], most: int
    ) -> None:
        if not device.ready:
            return
        if device.cursor.since is None and device.cursor.epoch != rows[0]["epoch"]:
            self._astray(device)
            return
        now: str = rows[0]["now"]
        if reason := _lost(device, rows[0]):
            events.READS_ANEW(device=device.client_id, reason=reason)
            device.read_anew(device.cursor.epoch, restored=reason == AHEAD)
            self._starts.add(device)
            return
        found = [row for row in rows if row["id"] is not None]
        more = bool(found) and (len(found) >= most or found[-1]["room"] <= 0)
        was_resting = device.cursor.resting
        # A walk reads up to where it was when it began: a ring that came meanwhile is not answered.
        unanswered = device.cursor.target is not None
        if more:
            last = found[-1]
            device.cursor = device.cursor.after(
                now, last["version"], last["id"], gone=_is_tombstone(last)
            )
        else:
            device.cursor = device.cursor.walked(now)
        complete = device.cursor.resting
        device.dirty = device.dirty or unanswered or not complete
        # The first page says that there is nothing; later a ring for nothing is not worth a word.
        if found or not was_resting or not device.greeted:
            device.greeted = True
            gone = [row["id"] for row in found if _is_tombstone(row)]
            metrics.FEED_ROWS.inc(len(found))
            cursor = str(device.cursor)
            device.post(device.session.changes(changes, cursor, complete=complete, gone=gone))
        else:
            self.applied(device)

    def _astray(self, device: Device) -> None:
        """It reads from the start, and this is not the database that let it in."""
        self._history.doubt()
        device.say_hello_again()


def _lost(device: Device, row: asyncpg.Record) -> str | None:
    """Why a device can't go on from its cursor, if it can't."""
    cursor = device.cursor
    if cursor.horizon > _horizon(row["now"]):
        return AHEAD
    forgotten = row["forgotten"]
    if forgotten is not None and cursor.oldest is not None and cursor.oldest <= int(forgotten):
        return "was away for longer than tombstones are kept"
    return None


def _measure(began: float, since: float) -> None:
    now = time.monotonic()
    metrics.FEED_SECONDS.observe(now - began)
    metrics.FEED_LAG.observe(now - since)
    metrics.LAST_PAGE.set_to_current_time()


def _is_tombstone(row: asyncpg.Record) -> bool:
    return row["status"] is None


def _horizon(snapshot: str) -> int:
    return int(snapshot.split(":")[1])
