"""What the dashboard knows and does: bounded questions to the database, and its administration.

One pool in one role: the auditor's, which only reads, or the administrator's where jobs may be changed.
Every question is asked in a read-only transaction that Postgres ends after some seconds; a page that is
made of several sees one state of the database.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg

from jobferry_server.dashboard.changes import Changes
from jobferry_server.database import AnyConnection, Pool, open_pool
from jobferry_server.doorbell import Bell, Doorbell, Rounds
from jobferry_server.logs import events
from jobferry_sql import query

__all__ = ["Reader", "Source"]

POOL = 4
#: How long a page waits for one of the pool's connections, in seconds.
WAIT_SECONDS = 5.0
#: The statements are planned for what is asked: a limit that is known keeps the planner from reading all.
BOUNDS = "set local statement_timeout = '5s'; set local plan_cache_mode = force_custom_plan"
CHANNELS = ("jobferry_changes", "jobferry_queue")
POLL_SECONDS = 3.0

Row = asyncpg.Record


class Reader:
    """Questions within one transaction."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def rows(self, name: str, *values: object) -> Sequence[Row]:
        """The rows of one of our queries."""
        return await self._connection.fetch(query(name), *values)

    async def row(self, name: str, *values: object) -> Row | None:
        """Its first row, if there is one."""
        return await self._connection.fetchrow(query(name), *values)

    async def avoid_scans(self) -> None:
        """Read by indexes from now on, though the planner would rather go through the whole ledger."""
        await self._connection.execute("set local enable_seqscan = off")

    async def figures(self) -> str:
        """What the metrics tell of the database, as JSON."""
        found: str = await self._connection.fetchval("select jobferry.figures()")
        return found


class Source:
    """The database behind the pages; connected to when it is first needed."""

    def __init__(
        self, dsn: str, changes: Changes, *, manage: bool, pooled: bool, listen_dsn: str | None
    ) -> None:
        self.dsn = dsn
        self.manage = manage
        self._role = "jobferry_admin" if manage else "jobferry_auditor"
        self._changes = changes
        self._pooled = pooled
        self._listen_dsn = listen_dsn
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._bell: asyncio.Task[None] | None = None

    async def open(self) -> Pool:
        """Connect now, if it is not yet. Raises what :func:`open_pool` does."""
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(self.dsn, self._role, size=POOL, pooled=self._pooled)
            return self._pool

    async def listen(self) -> None:
        """Ring the changes from now on."""
        pool = await self.open()
        if self._bell is None or self._bell.done():
            self._bell = asyncio.ensure_future(self._ringing(pool).run())
            self._bell.add_done_callback(_tell_why)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """One state of the database, for as long as the block."""
        async with (
            (await self.open()).acquire(timeout=WAIT_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(BOUNDS)
            yield Reader(connection)

    async def act(self, actor: str | None, call: str, *values: object) -> Sequence[Row]:
        """Call a function of the administration; the audit log says for whom."""
        async with (
            (await self.open()).acquire(timeout=WAIT_SECONDS) as connection,
            connection.transaction(),
        ):
            await connection.execute("select set_config('jobferry.actor', $1, true)", actor or "")
            return await connection.fetch(call, *values)

    async def close(self) -> None:
        """Let go of the database."""
        if self._bell is not None:
            self._bell.cancel()
            with suppress(asyncio.CancelledError):
                await self._bell
        if self._pool is not None:
            self._pool.terminate()

    def _ringing(self, pool: Pool) -> Bell:
        ring = self._changes.ring
        if self._pooled and self._listen_dsn is None:
            return Rounds(POLL_SECONDS, ring)
        return Doorbell(
            self._listen_dsn or self.dsn,
            self._role,
            pool,
            {channel: lambda _: ring() for channel in CHANNELS},
            ring,
        )


def _tell_why(bell: "asyncio.Task[None]") -> None:
    """It is not meant to end. The next browser begins it anew; meanwhile all are told from time to time."""
    if not bell.cancelled() and (error := bell.exception()) is not None:
        events.NOT_LISTENING(error=error)
