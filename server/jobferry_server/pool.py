"""A pool of connections to a Postgres that may fall silent, as behind a firewall that forgot them.

asyncpg ends a query that takes too long, or is not wanted any more, by asking Postgres to cancel it, and
waits for the answer. Of a silent one there is none: every part would wait for minutes, at its end too. So
a connection that was given up in the middle of a query is thrown away, and its sisters with it,
which are likely as dead.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.pool import PoolAcquireContext

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Proxy = PoolConnectionProxy[asyncpg.Record]
    _Pool = asyncpg.Pool[asyncpg.Record]
    _Lease = PoolAcquireContext[asyncpg.Record]
else:
    _Pool, _Lease = asyncpg.Pool, PoolAcquireContext

__all__ = ["Pool"]

#: How long it may take to connect, in seconds.
CONNECT_SECONDS = 10.0
#: As asyncpg's own pools have it.
IDLE_SECONDS = 300.0
QUERIES = 50_000


class Pool(_Pool):
    """``size`` connections at most, whose statements may take ``seconds``; the rest is asyncpg's."""

    def __init__(self, dsn: str, *, size: int, seconds: float, **options: Any) -> None:
        super().__init__(
            dsn,
            # With a floor asyncpg logs a traceback for each try to get back to it, beside what we say.
            min_size=0,
            max_size=size,
            max_queries=QUERIES,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            timeout=CONNECT_SECONDS,
            command_timeout=seconds,
            **options,
        )

    def acquire(self, *, timeout: float | None = None) -> "Lease":
        """A connection for a block."""
        return Lease(self, timeout)

    @asynccontextmanager
    async def transaction(self) -> "AsyncIterator[Proxy]":
        """A connection for a block that is one transaction."""
        async with self.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except (TimeoutError, asyncio.CancelledError):
                # Ended with its connection: to roll back would ask Postgres too.
                raise
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()


class Lease(_Lease):
    """A connection for a block; thrown away if the block did not wait for Postgres to answer."""

    async def __aexit__(self, *exc: object) -> None:
        error = exc[1]
        if isinstance(error, TimeoutError | asyncio.CancelledError):
            assert self.connection is not None
            # It may have ended by itself the same moment.
            with suppress(asyncpg.InterfaceError):
                self.connection.terminate()
            await self.pool.expire_connections()
        await super().__aexit__(*exc)
        if isinstance(error, TimeoutError):
            raise TimeoutError("Postgres has not answered in time") from error
