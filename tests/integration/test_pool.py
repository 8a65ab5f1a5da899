"""What a silent Postgres does not answer is not waited for, and costs the next statement nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from integration.database import Database
from jobferry_server.database import Pool, open_pool
from support.proxy import Proxy, postgres_behind, postgres_target

#: Not waited for: what takes as long hangs.
FOR_EVER = 15.0
PATIENCE = 1.5

Ask = Callable[[Pool], Awaitable[object]]


@pytest.fixture
def between(dsn: str) -> Iterator[Proxy]:
    with Proxy(postgres_target(dsn)) as found:
        yield found


@asynccontextmanager
async def pool_behind(proxy: Proxy, dsn: str, seconds: float) -> AsyncIterator[Pool]:
    pool = await open_pool(postgres_behind(proxy, dsn), "jobferry_gateway", size=2, seconds=seconds)
    try:
        yield pool
    finally:
        pool.terminate()


async def statement(pool: Pool) -> object:
    return await pool.fetchval("select 1")


async def transaction(pool: Pool) -> object:
    async with pool.transaction() as connection:
        return await connection.fetchval("select 1")


async def insert_and_fail(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("insert into marks values (2)")
        await connection.fetchval("select 1 / 0")


async def close_and_be_cancelled(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.close()
        raise asyncio.CancelledError


@pytest.mark.parametrize("ask", [statement, transaction])
async def test_what_takes_too_long_is_given_up(dsn: str, between: Proxy, ask: Ask) -> None:
    async with pool_behind(between, dsn, PATIENCE) as pool, asyncio.timeout(FOR_EVER):
        await asyncio.gather(ask(pool), ask(pool))
        between.stall()
        with pytest.raises(TimeoutError, match="Postgres has not answered in time"):
            await ask(pool)
        assert await ask(pool) == 1, "its sister is not asked, which is as dead"


@pytest.mark.parametrize("ask", [statement, transaction])
async def test_what_is_not_wanted_any_more_is_given_up(dsn: str, between: Proxy, ask: Ask) -> None:
    async with pool_behind(between, dsn, FOR_EVER) as pool, asyncio.timeout(FOR_EVER):
        await ask(pool)
        between.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ask(pool)
        between.heal()
        assert await ask(pool) == 1


async def test_a_transaction_is_done_or_undone(db: Database, dsn: str, between: Proxy) -> None:
    db.do("create table marks (mark int)")
    db.do("grant all on marks to jobferry_gateway")
    async with pool_behind(between, dsn, FOR_EVER) as pool:
        async with pool.transaction() as connection:
            await connection.execute("insert into marks values (1)")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await insert_and_fail(pool)
        assert await pool.fetchval("select array_agg(mark) from marks") == [1]


async def test_a_transaction_of_somebody_who_has_vanished_keeps_no_locks(
    db: Database, dsn: str, between: Proxy
) -> None:
    db.do("create table marks (mark int)")
    db.do("grant all on marks to jobferry_gateway")
    async with pool_behind(between, dsn, PATIENCE) as pool:
        connection = await pool.acquire()
        await connection.execute("begin; lock table marks")
        between.stall()
        db.do("set lock_timeout = '15s'")
        db.do("insert into marks values (1)")
        connection.terminate()


async def test_a_connection_that_ends_as_it_is_given_up_hides_nothing(dsn: str) -> None:
    pool = await open_pool(dsn, "jobferry_gateway", size=1)
    with pytest.raises(asyncio.CancelledError):
        await close_and_be_cancelled(pool)
    assert await pool.fetchval("select 1") == 1
    pool.terminate()
