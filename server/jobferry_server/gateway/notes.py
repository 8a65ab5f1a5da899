"""What is known of the devices, written down once a second for all of them."""

import asyncio

from jobferry_server.database import Pool, is_data_error
from jobferry_server.gateway.device import Device
from jobferry_server.logs import events
from jobferry_shared.messages import Heartbeat, Hello, Rejection

__all__ = ["Notes"]

EVERY_SECONDS = 1.0
#: How long the last notes of a gateway that ends may take.
LAST_SECONDS = 1.0
#: What a job says may be in the reason for its rejection.
MOST_REASON = 300

NOTE = "select jobferry.note_devices($1::uuid[], $2, $3, $4, $5, $6::uuid[], $7, $8::float8, $9, $10, $11)"


class Notes:
    """What is new of each device since the last writing; ``silence`` is how long one may be mute."""

    def __init__(self, pool: Pool, silence: float) -> None:
        self._pool = pool
        self._silence = silence
        self._latest: dict[tuple[str, str], Device] = {}
        self._rejected: dict[tuple[str, str], Rejection] = {}

    def heard(self, device: Device, message: Hello | Heartbeat) -> None:
        """Remember what a device has just said of itself."""
        device.heard(message)
        self.alive(device)

    def alive(self, device: Device) -> None:
        """It is there, though it may say nothing."""
        self._latest[device.name] = device

    def rejected(self, device: Device, rejection: Rejection) -> None:
        """An operation of it was not done."""
        self._rejected[device.name] = rejection
        self.alive(device)

    def left(self, device: Device) -> None:
        """Its connection has ended. It may have another, which has said something since."""
        device.gone = True
        other = self._latest.get(device.name)
        if other is None or other.gone:
            self._latest[device.name] = device

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write_last(self) -> None:
        """Write what is left, if that is possible now."""
        await self.write(LAST_SECONDS)

    async def write(self, seconds: float | None = None) -> None:
        """Write what is new, in so many seconds. What can't be written now is written the next time, if it ever can."""
        if not self._latest:
            return
        latest, self._latest = self._latest, {}
        rejected, self._rejected = self._rejected, {}
        try:
            async with asyncio.timeout(seconds):
                await self._write(latest, rejected)
        except Exception as error:
            events.NOTES_UNWRITTEN(error=error)
            if not is_data_error(error):
                self._latest = latest | self._latest
                self._rejected = rejected | self._rejected

    async def _write(
        self,
        latest: dict[tuple[str, str], Device],
        rejected: dict[tuple[str, str], Rejection],
    ) -> None:
        devices = latest.values()
        reasons = [rejected.get(name) for name in latest]
        await self._pool.execute(
            NOTE,
            [device.client_id for device in devices],
            [device.owner for device in devices],
            [device.client_version for device in devices],
            [device.pending for device in devices],
            [device.oldest_pending_at for device in devices],
            [device.socket.id for device in devices],
            [device.gone for device in devices],
            self._silence,
            [reason and reason.id for reason in reasons],
            [reason and reason.code for reason in reasons],
            [reason and reason.message[:MOST_REASON] for reason in reasons],
        )
