"""Whether the database is still the one it was: restored, replaced, or put back to an earlier state."""

import logging

from jobferry_server.database import Pool

__all__ = ["History"]

log = logging.getLogger("jobferry.gateway")

#: A restored ledger of many million rows is gone through once, before anybody is served.
SETTLE_SECONDS = 24 * 3600.0

#: A crash may take transaction ids back, but nothing of the log that was on disk.
LOOK = "select jobferry.epoch() as epoch, (pg_current_wal_flush_lsn() - '0/0')::bigint as on_disk"


class History:
    """Follows one database's log, which only ever grows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen = ("", 0)

    async def epoch(self) -> str:
        """What tells this database from every other, once it is fit to be served from."""
        if settled := await self._settle():
            log.warning("%d jobs were restored from another cluster and are told anew", settled)
        epoch, on_disk = await self._look()
        before, reached = self._seen
        if epoch == before and on_disk < reached:
            log.error("the database was put back to an earlier state")
            await self._pool.execute("select jobferry.begin_epoch($1)", epoch)
            epoch, on_disk = await self._look()
        self._seen = epoch, on_disk
        return epoch

    async def _settle(self) -> int:
        settled: int = await self._pool.fetchval(
            "select jobferry.settle_restored()", timeout=SETTLE_SECONDS
        )
        return settled

    async def _look(self) -> tuple[str, int]:
        row = await self._pool.fetchrow(LOOK)
        assert row is not None
        return row["epoch"], row["on_disk"]
