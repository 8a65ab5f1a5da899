"""Whose turn it is to get a page."""

import asyncio
import time
from dataclasses import dataclass, field

from jobferry_server.gateway.device import Device
from jobferry_server.gateway.turns import Turns

__all__ = ["Stream"]


@dataclass(slots=True)
class Stream:
    """The devices that wait for a tick of one kind; owners take turns."""

    #: Devices in one query.
    most: int
    #: Does it give way to those with little to write?
    gives_way: bool = False
    #: Each since when.
    waiting: dict[Device, float] = field(default_factory=dict)
    turns: Turns[Device] = field(default_factory=Turns)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, device: Device) -> None:
        """Serve this device, once."""
        if device not in self.waiting:
            self.waiting[device] = time.monotonic()
            self.turns.add(device.owner, device)
            self.some.set()

    def take(self) -> list[Device]:
        """The devices of the next tick: those that wait still and have applied what they got."""
        left = iter(range(self.most))
        taken = self.turns.take(lambda _: next(left, None) is not None)
        if not self.turns:
            self.some.clear()
        # One that went to the other stream and came back waits in its line twice, and is taken once.
        going = [device for device in taken if self.waiting.pop(device, None) is not None]
        # One that got a page since it was put down asks again, still dirty, when it has applied it.
        return [device for device in going if device.ready]
