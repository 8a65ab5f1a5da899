"""Whether the event loop comes to everything in time: what blocks it, blocks everybody."""

import asyncio
import time

from jobferry_server.metrics.definitions import LOOP_LAG

__all__ = ["watch_loop"]

EVERY_SECONDS = 0.5


async def watch_loop() -> None:
    """Sleep for ever, and see how much too long each time."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(EVERY_SECONDS)
        LOOP_LAG.observe(max(0.0, time.monotonic() - before - EVERY_SECONDS))
