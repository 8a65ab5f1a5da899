"""Loops that run beside something else, none of which may die unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

__all__ = ["beside", "left_behind"]

#: How long something that was told to end may take, in seconds.
OBEY_SECONDS = 2.0

#: What did not end when it was told to: a handler that swallows its cancellation, a query that
#: Postgres does not answer. A process that wants to end must not wait for these.
left_behind: set["asyncio.Task[None]"] = set()


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
        ended, deaf = await asyncio.wait(tasks, timeout=OBEY_SECONDS)
        left_behind.update(deaf)
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
