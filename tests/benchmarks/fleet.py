"""Many devices in one process. ``python -m benchmarks.fleet KIND URL [OWNER]``, KIND jobferry or bare.

Each has an owner of its own, or all have OWNER. A line on standard input says what they shall do; a
JSON object, one a line, says what came of it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import uvloop
from websockets.exceptions import WebSocketException

from benchmarks.wire_device import BareDevice, WireDevice
from jobferry_client.connection import Timing

AT_ONCE = 50
LOOK_SECONDS = 0.005
#: Operations in a push of those who push much.
PUSH = 500

Answer = dict[str, Any]


class Fleet:
    """All devices of this process."""

    def __init__(self, kind: str, url: str, owner: str | None = None) -> None:
        self._make = BareDevice if kind == "bare" else WireDevice
        self._url = url
        self._owner = owner
        self.devices: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(self._beat())]

    async def open(self, number: int) -> Answer:
        """So many more are connected and in step."""
        for first in range(0, number, AT_ONCE):
            some = [self._new() for _ in range(min(AT_ONCE, number - first))]
            self._tasks += [asyncio.ensure_future(device.live()) for device in some]
            await _until(lambda some=some: all(device.in_step_at for device in some))  # type: ignore[misc]
        return {}

    async def news(self, since: float) -> Answer:
        """When each got its first news after a moment of the monotonic clock."""
        await _until(lambda: all(device.news_at > since for device in self.devices))
        return {"at": [device.news_at for device in self.devices]}

    async def in_step(self, since: float) -> Answer:
        """When each was in step again after a moment of the monotonic clock."""
        await _until(lambda: all(device.in_step_at > since for device in self.devices))
        return {"at": [device.in_step_at for device in self.devices]}

    async def push(self, total: int) -> Answer:
        """All together push so many jobs as fast as they are answered."""
        share = total // len(self.devices)
        texts = [device.texts(share, PUSH) for device in self.devices]
        began, cpu = time.monotonic(), time.process_time()
        both = zip(self.devices, texts, strict=True)
        await asyncio.gather(*(device.deliver(some) for device, some in both))
        seconds = time.monotonic() - began
        rejected = sum(device.rejected for device in self.devices)
        return {
            "number": share * len(self.devices) - rejected,
            "seconds": seconds,
            "cpu": time.process_time() - cpu,
        }

    async def flood(self) -> Answer:
        """All push without end. What that costs here is not to be at others' expense."""
        os.nice(19)
        self._tasks += [asyncio.ensure_future(_flood(device)) for device in self.devices]
        return {}

    async def submit(self, rate: float, seconds: float) -> Answer:
        """One job at a time, each device in turn, at a steady rate; how long each took, in ms."""
        for device in self.devices:
            device.acknowledged, device.done = [], []
        number, began = round(rate * seconds), time.monotonic()
        for n in range(number):
            await asyncio.sleep(began + n / rate - time.monotonic())
            await self.devices[n % len(self.devices)].submit()
        await _until(lambda: sum(len(device.acknowledged) for device in self.devices) == number)
        return {"acknowledged": [took for device in self.devices for took in device.acknowledged]}

    async def results(self, number: int) -> Answer:
        """How long it took until the results of the last jobs were here, in ms."""
        await _until(lambda: sum(len(device.done) for device in self.devices) == number)
        return {"done": [took for device in self.devices for took in device.done]}

    def _new(self) -> BareDevice:
        self.devices.append(self._make(self._url, self._owner or f"owner {len(self.devices)}"))
        found: BareDevice = self.devices[-1]
        return found

    async def _beat(self) -> None:
        """Each in turn, as often as an engine would."""
        for turn in count():
            await asyncio.sleep(Timing().heartbeat / max(1, len(self.devices)))
            if self.devices:
                with suppress(WebSocketException):
                    await self.devices[turn % len(self.devices)].beat()


async def _flood(device: WireDevice) -> None:
    while True:
        await device.deliver(device.texts(4 * PUSH, PUSH))


async def _until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 - many devices, no bell
        await asyncio.sleep(LOOK_SECONDS)


async def main(*arguments: str) -> None:
    """Do what the lines say."""
    fleet = Fleet(*arguments)
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, *numbers = line.split()
        method: Callable[..., Awaitable[Answer]] = getattr(fleet, name)
        print(json.dumps(await method(*map(_number, numbers))), flush=True)


def _number(word: str) -> float:
    return float(word) if "." in word else int(word)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
