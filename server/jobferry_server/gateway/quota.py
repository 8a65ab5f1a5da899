"""The quota: how many unfinished jobs an owner may have. The rule is in 0024_owner_jobs.sql.

A push that would go over it is held until the jobs have been counted, and decided then.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from jobferry_server.database import AnyConnection, Pool
from jobferry_server.logs import events

__all__ = ["Quota"]

OVER = "select number, code from jobferry.over_limit($1::uuid[], $2, $3, $4, $5)"
COUNT = "select jobferry.count_owner_jobs()"

#: What nobody asked to be counted is counted so often, in seconds.
EVERY_SECONDS = 60.0
#: Between two counts, in seconds, and as a multiple of what the last one took.
REST_SECONDS = 0.1
REST_TIMES = 20


class Quota:
    """``most`` unfinished jobs of each owner; 0 is no limit."""

    def __init__(self, pool: Pool, most: int) -> None:
        self.most = most
        self._pool = pool
        self._asked: list[Callable[[], None]] = []
        self._some = asyncio.Event()

    async def over(
        self,
        connection: AnyConnection,
        ids: Sequence[str],
        owners: Sequence[str],
        cancels: Sequence[bool],
        counted: Sequence[bool],
    ) -> dict[int, str]:
        """Which of these submits are too many: code by place, from 0. The others are let in.

        To be called in the transaction that writes them, before anything else.
        """
        rows = await connection.fetch(OVER, ids, owners, cancels, counted, self.most)
        return {row["number"] - 1: row["code"] for row in rows}

    def count(self, then: Callable[[], None]) -> None:
        """Call ``then`` once the jobs were counted, all over again."""
        self._asked.append(then)
        self._some.set()

    async def run(self) -> None:
        """Count when asked to, for ever."""
        while True:
            self._some.clear()
            asked, self._asked = self._asked, []
            began = time.monotonic()
            if self.most:
                asked = await self._count(asked)
            for then in asked:
                then()
            await asyncio.sleep(max(REST_SECONDS, REST_TIMES * (time.monotonic() - began)))
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._some.wait()

    async def _count(self, asked: list[Callable[[], None]]) -> list[Callable[[], None]]:
        """Those who may go on now."""
        try:
            await self._pool.execute(COUNT)
        except Exception as error:
            events.JOBS_UNCOUNTED(error=error)
            self._asked += asked
            self._some.set()
            return []
        return asked
