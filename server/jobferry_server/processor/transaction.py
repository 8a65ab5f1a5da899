"""``job.connection``: what a handler writes to Postgres and its job's completion in one transaction."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from jobferry_server import pooler
from jobferry_server.database import STATEMENT_SECONDS
from jobferry_server.processor.job import Job, Transaction

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

__all__ = ["Transactions"]

#: Whatever the login is: completing a job is the processor's.
AS_PROCESSOR = "set local role jobferry_processor"
#: The handler's own statements are the login's, which behind a pooler drops to that role by itself.
AS_LOGIN = "set local role none"

#: How long Postgres may take to roll back.
GIVE_BACK_SECONDS = 5.0
#: By which a thread hears within half a minute that Postgres is gone; otherwise it might wait for hours.
SIGNS_OF_LIFE: dict[str, Any] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Transactions:
    """Opens them; connections are kept for the next, no more than there are workers."""

    def __init__(
        self, dsn: str, processor: Callable[[], str], most: int, *, pooled: bool = False
    ) -> None:
        self._processor = processor
        self._pooled = pooled
        self._sync = ConnectionPool(
            make_conninfo("", **SIGNS_OF_LIFE | conninfo_to_dict(dsn)),
            min_size=0,
            max_size=most,
            open=False,
            kwargs={"prepare_threshold": None} if pooled else None,
        )
        options = pooler.OPTIONS if pooled else {}
        self._async = asyncpg.create_pool(dsn, min_size=0, max_size=most, **options)

    def on_thread(self, job: Job) -> Transaction:
        """For a handler on a thread."""
        self._sync.open()
        return _ThreadTransaction(self._sync, self._pooled, self._processor(), job)

    def on_loop(self, job: Job) -> Transaction:
        """For a handler that is a coroutine."""
        return _LoopTransaction(self._async, self._pooled, self._processor(), job)

    async def __aenter__(self) -> Self:
        # Opens no connection yet.
        await self._async
        return self

    async def __aexit__(self, *_: object) -> None:
        self._async.terminate()
        await asyncio.to_thread(self._sync.close)


class _ThreadTransaction:
    def __init__(self, pool: ConnectionPool, pooled: bool, processor: str, job: Job) -> None:
        self._pool = pool
        self._job = job
        self._fence = processor, job.id, job.attempt
        self.connection: psycopg.Connection[Any] = pool.getconn()
        if pooled:
            self._be_the_login()

    async def complete(self, result: str | None) -> None:
        await asyncio.to_thread(self._complete, result)

    async def end(self) -> None:
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        if self._job.cancelled:
            # Its handler may be left behind, and still have the connection that the next one would get.
            self.connection.close()
        # Returned in whatever state: the pool rolls back, and drops what is broken.
        self._pool.putconn(self.connection)

    def _be_the_login(self) -> None:
        try:
            self.connection.execute(AS_LOGIN)
        except BaseException:
            self._pool.putconn(self.connection)
            raise

    def _complete(self, result: str | None) -> None:
        self.connection.execute(AS_PROCESSOR)
        self.connection.execute(
            "select jobferry.complete_held(%s, %s, %s::smallint, %s)", (*self._fence, result)
        )
        self.connection.commit()


class _LoopTransaction:
    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", pooled: bool, processor: str, job: Job
    ) -> None:
        self._pool = pool
        self._pooled = pooled
        self._fence = processor, job.id, job.attempt
        self.connection = asyncio.ensure_future(self._open())

    async def complete(self, result: str | None) -> None:
        connection = await self.connection
        async with asyncio.timeout(STATEMENT_SECONDS):
            await connection.execute(AS_PROCESSOR)
            await connection.execute(
                "select jobferry.complete_held($1, $2, $3, $4)", *self._fence, result
            )
            await self._transaction.commit()

    async def end(self) -> None:
        await asyncio.wait([self.connection])
        if not self.connection.cancelled() and self.connection.exception() is None:
            await self._give_back(self.connection.result())

    async def _open(self) -> "PoolConnectionProxy[asyncpg.Record]":
        connection = await self._pool.acquire()
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                self._transaction = connection.transaction()
                await self._transaction.start()
                if self._pooled:
                    await connection.execute(AS_LOGIN)
        except BaseException:
            # Or its place in the pool would be taken for ever.
            await self._give_back(connection)
            raise
        return connection

    async def _give_back(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        """In whatever state: the pool rolls back, and drops what is broken or not answered in time."""
        with suppress(TimeoutError):
            await self._pool.release(connection, timeout=GIVE_BACK_SECONDS)
