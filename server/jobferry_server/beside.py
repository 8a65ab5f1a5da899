"""Loops that run beside something else, none of which may die unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

__all__ = ["beside"]


@asynccontextmanager
async def beside(stop: asyncio.Event, *work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run these within the block and no longer.

    None of them is meant to end by itself. One that does has met what it can't mend: it sets
    ``stop``, which whoever runs the block waits for, and its error is raised at the end.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    for task in tasks:
        task.add_done_callback(lambda ended: None if ended.cancelled() else stop.set())
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
