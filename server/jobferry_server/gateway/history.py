"""Whether the database is still the one it was: restored, replaced, or put back to an earlier state."""

import asyncio
from contextlib import suppress

import asyncpg

from jobferry_server.database import Pool
from jobferry_server.logs import events

__all__ = ["History"]

#: A restored ledger of many million rows is gone through once, before anybody is served.
SETTLE_SECONDS = 24 * 3600.0

#: A crash may take transaction ids back, but nothing of the log that was on disk.
LOOK = """
select jobferry.epoch() as epoch, (pg_current_wal_flush_lsn() - '0/0')::bigint as on_disk,
  i.cluster is not distinct from (select system_identifier from pg_control_system()) as settled
from jobferry.identity i
"""


class History:
    """Follows one database's log, which only ever grows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen = ("", 0)
        self._doubt = asyncio.Event()

    @property
    def current(self) -> str:
        """The epoch when it was last looked at."""
        return self._seen[0]

    def doubt(self) -> None:
        """An answer came from another database than the current: look at once."""
        self._doubt.set()

    async def doubted_within(self, seconds: float) -> None:
        """Return when it is in doubt, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._doubt.wait()
        self._doubt.clear()

    async def epoch(self) -> str:
        """What tells this database from every other, once it is fit to be served from."""
        found = await self._look()
        if not found["settled"]:
            await self._settle()
            found = await self._look()
        before, reached = self._seen
        if found["epoch"] == before and found["on_disk"] < reached:
            events.DATABASE_PUT_BACK()
            await self._pool.execute("select jobferry.begin_epoch($1)", before)
            found = await self._look()
        self._seen = found["epoch"], found["on_disk"]
        return self._seen[0]

    async def _settle(self) -> None:
        # Only here may an answer take long: a line that is dead must be found out soon.
        settled: int = await self._pool.fetchval(
            "select jobferry.settle_restored()", timeout=SETTLE_SECONDS
        )
        events.JOBS_TOLD_ANEW(jobs=settled)

    async def _look(self) -> asyncpg.Record:
        found = await self._pool.fetchrow(LOOK)
        assert found is not None
        return found
