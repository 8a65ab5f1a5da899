"""What comes down: each tick one query for all devices that have something to read.

A device is served when it is dirty (somebody wrote a row of its owner, or its walk is not at its
end) and ready (it has applied what it was sent). So nothing is queued per device: what it did not
fetch in time it gets as the latest state, later.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from itertools import groupby

import asyncpg

from jobferry_server.database import Pool, is_transient
from jobferry_server.gateway.changes import change_of
from jobferry_server.gateway.device import Device
from jobferry_shared.limits import Limits
from jobferry_sql import query

__all__ = ["Feed"]

log = logging.getLogger("jobferry.gateway")

RETRY_SECONDS = 0.2
#: Its commit is waited for, and all that was written before it with it.
TO_DISK = "select pg_logical_emit_message(true, 'jobferry', '')"
#: Devices in one query.
MOST_DEVICES = 500


class Feed:
    """Knows all connected devices and serves them."""

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits
        self._by_owner: dict[str, set[Device]] = {}
        self._waiting: dict[Device, None] = {}
        self._some = asyncio.Event()

    @property
    def devices(self) -> Iterable[Device]:
        """All that are connected and let in."""
        return (device for group in self._by_owner.values() for device in group)

    def join(self, device: Device) -> None:
        """Serve this device from now on."""
        self._by_owner.setdefault(device.owner, set()).add(device)
        self.wake(device)

    def leave(self, device: Device) -> None:
        """The device is gone."""
        group = self._by_owner.get(device.owner, set())
        group.discard(device)
        if not group:
            self._by_owner.pop(device.owner, None)
        self._waiting.pop(device, None)

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
        if device.dirty and device.session.ready:
            self._waiting[device] = None
            self._some.set()

    async def run(self) -> None:
        """Serve tick after tick, for ever."""
        while True:
            await self._some.wait()
            began = time.monotonic()
            try:
                if devices := self._take():
                    await self._tick(devices)
            except Exception as error:
                if not is_transient(error):
                    log.exception("the feed failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            # Rest as long as the tick took: rings fold meanwhile, and writers get their turn.
            await asyncio.sleep(time.monotonic() - began)

    def _take(self) -> list[Device]:
        taken = list(self._waiting)[:MOST_DEVICES]
        for device in taken:
            del self._waiting[device]
        if not self._waiting:
            self._some.clear()
        # One that got a page since it was put down asks again, still dirty, when it has applied it.
        return [device for device in taken if device.session.ready]

    async def _tick(self, devices: Sequence[Device]) -> None:
        for device in devices:
            device.dirty = False
        try:
            pages = await self._read(devices)
            if not pages[0]["durable"]:
                await self._pool.execute(TO_DISK)
        except BaseException:
            for device in devices:
                self.wake(device)
            raise
        for slot, rows in groupby(pages, key=lambda row: row["slot"]):
            self._serve_or_dismiss(devices[slot], list(rows))

    async def _read(self, devices: Sequence[Device]) -> list[asyncpg.Record]:
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
            self._limits.batch,
            self._limits.page_bytes,
            str(min(seen)) if seen else None,
        )

    def _serve_or_dismiss(self, device: Device, rows: list[asyncpg.Record]) -> None:
        """A page that can't be made is its own device's trouble, which is told, and nobody else's."""
        try:
            self._serve(device, rows)
        except Exception:
            log.exception("no page can be made for device %s", device.client_id)
            device.dismiss(
                "unavailable", "a page of changes can not be made; the gateway's log says why"
            )

    def _serve(self, device: Device, rows: list[asyncpg.Record]) -> None:
        if not device.session.ready:
            return
        now: str = rows[0]["now"]
        if reason := _lost(device, rows[0]):
            log.warning("device %s %s: it reads everything anew", device.client_id, reason)
            device.read_anew(device.cursor.epoch)
            self.wake(device)
            return
        found = [row for row in rows if row["id"] is not None]
        more = bool(found) and (len(found) >= self._limits.batch or found[-1]["room"] <= 0)
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
            device.post(self._page(device, found, complete))
        else:
            self.applied(device)

    def _page(self, device: Device, found: Sequence[asyncpg.Record], complete: bool) -> str:
        most = self._limits.stored_bytes
        changes = [change_of(row, most) for row in found if not _is_tombstone(row)]
        gone = [row["id"] for row in found if _is_tombstone(row)]
        return device.session.changes(changes, str(device.cursor), complete=complete, gone=gone)


def _lost(device: Device, row: asyncpg.Record) -> str | None:
    """Why a device can't go on from its cursor, if it can't."""
    cursor = device.cursor
    if cursor.horizon > _horizon(row["now"]):
        return "has read further than this database has come"
    forgotten = row["forgotten"]
    if forgotten is not None and cursor.oldest is not None and cursor.oldest <= int(forgotten):
        return "was away for longer than tombstones are kept"
    return None


def _is_tombstone(row: asyncpg.Record) -> bool:
    return row["status"] is None


def _horizon(snapshot: str) -> int:
    return int(snapshot.split(":")[1])
