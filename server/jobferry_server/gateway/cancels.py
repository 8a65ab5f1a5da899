"""The cancels of a group, and those that could not be done at once.

A cancel whose row is being written by somebody else this moment is postponed: it is accepted, and
tried again beside the groups of everybody else.
"""

import asyncio
from collections.abc import Sequence

from jobferry_server.database import Pool
from jobferry_server.gateway.device import Batch
from jobferry_server.logs import events

__all__ = ["Cancels"]

#: Before the first further attempt; then twice as long each time, up to a bound.
POSTPONED_SECONDS = 0.02
MOST_POSTPONED_SECONDS = 0.5

CANCEL = "select number, code from jobferry.cancel_batch($1::uuid[], $2, $3::uuid[])"
NOT_FOUND = "there is no such job of yours"


class Cancels:
    """Cancels jobs for their owners."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._postponed = asyncio.Event()

    async def write(self, batches: Sequence[Batch]) -> None:
        """Do all cancels in these batches."""
        cancels = [(batch, op.id) for batch in batches for op in batch.ops if op.op == "cancel"]
        if not cancels:
            return
        left = await self._pool.fetch(
            CANCEL,
            [job for _, job in cancels],
            [batch.device.owner for batch, _ in cancels],
            [batch.device.client_id for batch, _ in cancels],
        )
        for number, code in left:
            batch, job = cancels[number - 1]
            if code == "postponed":
                self.look_for_postponed()
            else:
                batch.reject(job, code, NOT_FOUND)

    def look_for_postponed(self) -> None:
        """There are, or may be, cancels that could not be done at once."""
        self._postponed.set()

    async def run(self) -> None:
        """Try postponed cancels again, for ever."""
        while True:
            await self._postponed.wait()
            self._postponed.clear()
            pause = POSTPONED_SECONDS
            while await self._try_postponed():
                await asyncio.sleep(pause)
                pause = min(2 * pause, MOST_POSTPONED_SECONDS)

    async def _try_postponed(self) -> int:
        """How many are left, as far as we know."""
        try:
            left: int = await self._pool.fetchval("select jobferry.cancel_postponed()")
        except Exception as error:
            events.CANCELS_POSTPONED(error=error)
            return 1
        return left
