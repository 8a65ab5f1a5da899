"""Telling browsers when to look again: server-sent events, rung by the database.

One LISTEN serves all browsers of the process. Whatever rings in between, each is told at most once a
second, and at least every few: not everything that changes rings.
"""

import asyncio
from collections.abc import AsyncIterator

__all__ = ["Changes"]

#: Between two words to a browser, at least and at most, in seconds.
APART_SECONDS = 1.0
SLOW_SECONDS = 5.0
#: After so many milliseconds a browser whose stream broke comes again.
COME_AGAIN = "retry: 2000\n\n"


class Changes:
    """What rings, and who hears it; no more than ``most`` browsers at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hearing = 0
        self._closed = False
        self._rung = asyncio.Event()

    @property
    def full(self) -> bool:
        """Is there no place for another browser?"""
        return self._hearing >= self._most

    def ring(self) -> None:
        """Something changed."""
        self._rung.set()
        self._rung = asyncio.Event()

    def close(self) -> None:
        """Let every browser go."""
        self._closed = True
        self.ring()

    async def stream(self) -> AsyncIterator[str]:
        """For one browser, until it or we have gone: the lines of the stream."""
        self._hearing += 1
        try:
            yield COME_AGAIN
            while not self._closed:
                rung = self._rung
                yield "event: changed\ndata: look\n\n"
                await _either(rung, APART_SECONDS, SLOW_SECONDS)
        finally:
            self._hearing -= 1


async def _either(rung: asyncio.Event, least: float, most: float) -> None:
    """Wait until it was rung, but not shorter or longer than this."""
    await asyncio.sleep(least)
    try:
        async with asyncio.timeout(most - least):
            await rung.wait()
    except TimeoutError:
        pass
