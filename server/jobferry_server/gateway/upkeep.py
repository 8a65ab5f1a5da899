"""What a gateway looks after every few seconds: the dead, the expired, and what nobody rang for."""

import time
from collections.abc import Callable
from contextlib import suppress

from jobferry_server.database import DATABASE_ERRORS
from jobferry_server.doorbell import Bell
from jobferry_server.gateway.cancels import Cancels
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.history import History
from jobferry_server.gateway.notes import Notes
from jobferry_server.gateway.tls import Certificate
from jobferry_server.logs import events

__all__ = ["Upkeep"]

#: How often one looks within the silence that a device is allowed.
SWEEPS_PER_SILENCE = 9


class Upkeep:
    """``silence`` is how long a device may be mute, in seconds; ``look_at_everything`` makes up for
    rings that were missed.
    """

    def __init__(
        self,
        silence: float,
        history: History,
        feed: Feed,
        notes: Notes,
        cancels: Cancels,
        bell: Bell,
        look_at_everything: Callable[[], None],
        certificate: Certificate | None,
    ) -> None:
        self._silence = silence
        self._history = history
        self._feed = feed
        self._notes = notes
        self._cancels = cancels
        self._bell = bell
        self._look_at_everything = look_at_everything
        self._certificate = certificate

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await self._history.doubted_within(self._silence / SWEEPS_PER_SILENCE)
            for device in list(self._feed.devices):
                self._look_after(device)
            # Perhaps those of a gateway that is gone.
            self._cancels.look_for_postponed()
            if not self._bell.listening:
                self._look_at_everything()
            if self._certificate:
                self._certificate.refresh()
            with suppress(*DATABASE_ERRORS):
                await self._check_epoch()

    async def _check_epoch(self) -> None:
        """Perhaps Postgres came back as another database: then all devices must say hello again."""
        before = self._history.current
        if await self._history.epoch() != before:
            events.DATABASE_REPLACED()
            # It has its own list of what was revoked.
            self._look_at_everything()
            for device in list(self._feed.devices):
                device.say_hello_again()

    def _look_after(self, device: Device) -> None:
        assert device.identity is not None
        line = device.socket
        line.look()
        if device.held_up:
            self._reassure(device)
        elif time.monotonic() - line.heard > self._silence:
            device.hang_up()
        elif device.identity.expires_at < time.time():
            device.dismiss("unauthenticated", "the token has expired")
        elif line.heard > line.understood:
            # A message takes its time to come, and a heartbeat behind it waits: we live, too.
            self._reassure(device)

    def _reassure(self, device: Device) -> None:
        device.reassure()
        self._notes.alive(device)
