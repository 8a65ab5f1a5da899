"""What the devices say of themselves, written down once a second for all of them."""

import asyncio

from jobferry_server.database import Pool
from jobferry_server.gateway.device import Device
from jobferry_server.logs import events
from jobferry_shared.messages import Heartbeat, Hello

__all__ = ["Notes"]

EVERY_SECONDS = 1.0

NOTE = "select jobferry.note_devices($1::uuid[], $2, $3, $4, $5)"


class Notes:
    """The latest word of each device since the last writing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._latest: dict[tuple[str, str], tuple[str | None, Hello | Heartbeat]] = {}

    def note(self, device: Device, message: Hello | Heartbeat) -> None:
        """Remember what a device has just said."""
        version = message.client_version if isinstance(message, Hello) else None
        self._latest[device.client_id, device.owner] = version, message

    async def run(self) -> None:
        """Write for ever. A note that is lost is said again with the next heartbeat."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if not self._latest:
                continue
            latest, self._latest = self._latest, {}
            try:
                await self._write(latest)
            except Exception as error:
                events.NOTES_UNWRITTEN(error=error)

    async def _write(
        self, latest: dict[tuple[str, str], tuple[str | None, Hello | Heartbeat]]
    ) -> None:
        await self._pool.execute(
            NOTE,
            [client_id for client_id, _ in latest],
            [owner for _, owner in latest],
            [version for version, _ in latest.values()],
            [message.pending for _, message in latest.values()],
            [message.oldest_pending_at for _, message in latest.values()],
        )
