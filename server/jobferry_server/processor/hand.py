"""The jobs that this process has in hand: taken from the queue and not yet ended."""

import asyncio

from jobferry_server.processor.attempt import Attempt

__all__ = ["Hand"]


class Hand:
    """What was claimed: ready to run, then running, then gone."""

    def __init__(self) -> None:
        self.ready: asyncio.Queue[Attempt] = asyncio.Queue()
        self.held: set[Attempt] = set()
        #: How many attempts have ended since the start.
        self.ended = 0
        #: May there be something in the queue that we have not seen?
        self.rung = True
        #: Set whenever an attempt has ended or somebody rang.
        self.changed = asyncio.Event()

    def ring(self) -> None:
        """There is, or may be, something in the queue."""
        self.rung = True
        self.changed.set()

    def take(self, attempt: Attempt) -> None:
        """A job was claimed."""
        self.held.add(attempt)
        self.ready.put_nowait(attempt)

    def drop(self, attempt: Attempt) -> bool:
        """An attempt has ended; ``False`` if it was given up before."""
        if attempt not in self.held:
            return False
        self.held.discard(attempt)
        self.ended += 1
        self.changed.set()
        return True

    def stop_all(self, reason: str) -> None:
        """Tell every handler to stop."""
        for attempt in list(self.held):
            attempt.stop(reason)

    async def change_within(self, seconds: float) -> None:
        """Wait until :attr:`changed` is set, which it is after so many seconds at the latest."""
        timer = asyncio.get_running_loop().call_later(seconds, self.changed.set)
        try:
            await self.changed.wait()
        finally:
            timer.cancel()
