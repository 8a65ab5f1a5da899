"""``job.connection``: effects and completion in one transaction."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from integration.database import Database, held_row
from integration.test_processor_handlers import finished, hurry, only, submitted
from jobferry_server import Job
from jobferry_server.processor.transaction import Transactions
from jobferry_shared.ids import new_id
from support.processes import eventually
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import Services

WRITE = "insert into effects (job, attempt) values ('{}', {})"


@pytest.fixture(autouse=True)
def _effects(db: Database) -> None:
    db.do("create table effects (job uuid, attempt int)")


def effects(db: Database) -> list[int]:
    return list(db.column("select attempt from effects order by attempt"))


def on_thread(then: Callable[[Job], object]) -> Callable[[Job], object]:
    def handler(job: Job) -> object:
        job.connection.execute(WRITE.format(job.id, job.attempt).encode())
        return then(job)

    return handler


def on_loop(then: Callable[[Job], object]) -> Callable[[Job], Any]:
    async def handler(job: Job) -> object:
        connection = await job.connection
        await connection.execute(WRITE.format(job.id, job.attempt))
        assert await job.connection is connection
        return then(job)

    return handler


Colour = Callable[[Callable[[Job], object]], Callable[[Job], Any]]


@pytest.fixture(params=[on_thread, on_loop], ids=["thread", "loop"])
def colour(request: pytest.FixtureRequest) -> Colour:
    return request.param  # type: ignore[no-any-return]


def test_what_a_handler_writes_is_there_with_its_completion(
    db: Database, services: Services, colour: Colour
) -> None:
    with services.processor(only(colour(lambda _: {"n": 1}))):
        row = finished(db, submitted(db))
        assert effects(db) == [1]
    assert (row["status"], row["result"], row["progress"]) == ("completed", {"n": 1}, 1)
    assert db.events(row["id"]) == ["submitted", "started", "completed"]
    db.assert_sound()


def test_what_a_failed_attempt_wrote_is_taken_back(
    db: Database, services: Services, colour: Colour
) -> None:
    def then(job: Job) -> None:
        if job.attempt == 1:
            raise ValueError

    with services.processor(only(colour(then))):
        job = submitted(db)
        eventually(lambda: db.status(job) == "retrying")
        assert effects(db) == []
        hurry(db)
        finished(db, job)
    assert effects(db) == [2]


@pytest.mark.parametrize("how", ["cancelled", "lease lost"])
def test_a_job_that_is_not_ours_any_more_leaves_nothing(
    db: Database, services: Services, colour: Colour, how: str
) -> None:
    def then(job: Job) -> None:
        with Database(db.dsn) as other:
            if how == "cancelled":
                other.cancel_batch(job.id)
            else:
                other.do("update jobferry.queue set locked_by = 'somebody else'")

    with services.processor(only(colour(then))):
        job = submitted(db)
        if how == "cancelled":
            assert finished(db, job)["status"] == "cancelled"
        else:
            eventually(lambda: db.value("select locked_by from jobferry.queue") == "somebody else")
    assert effects(db) == []
    assert db.status(job) == ("cancelled" if how == "cancelled" else "running")


def test_a_ledger_row_in_somebody_s_hands_is_waited_for(db: Database, services: Services) -> None:
    hold = threading.Event()
    with services.processor(only(on_thread(lambda _: hold.wait(10)))):
        job = submitted(db)
        eventually(lambda: db.status(job) == "running")
        with held_row(db.dsn, job):
            hold.set()
            waiting = (
                "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'"
                " and query like '%complete_held%'"
            )
            eventually(lambda: db.value(waiting))
        assert finished(db, job)["status"] == "completed"
    assert effects(db) == [1]


def test_a_transaction_that_is_broken_is_a_failed_attempt(db: Database, services: Services) -> None:
    def handler(job: Job) -> None:
        connection = job.connection
        connection.execute(WRITE.format(job.id, job.attempt).encode())
        if job.attempt == 1:
            with pytest.raises(psycopg.Error):
                connection.execute("no sql")

    with services.processor(only(handler)):
        job = submitted(db)
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        finished(db, job)
    assert effects(db) == [2]


@pytest.mark.parametrize("how", ["terminated", "refused"])
def test_a_connection_that_breaks_costs_the_attempt_and_not_the_worker(
    db: Database, services: Services, how: str
) -> None:
    async def handler(job: Job) -> None:
        if job.attempt == 1 and how == "refused":
            db.do(f"alter database {database} allow_connections false")
        try:
            connection = await job.connection
            if job.attempt == 1:
                await connection.execute("select pg_terminate_backend(pg_backend_pid())")
            await connection.execute(WRITE.format(job.id, job.attempt))
        finally:
            db.do(f"alter database {database} allow_connections true")

    database = db.value("select quote_ident(current_database())")
    with services.processor(only(handler), concurrency=1):
        job = submitted(db)
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        finished(db, job)
    assert effects(db) == [2]


async def test_a_transaction_that_did_not_come_to_begin_leaves_its_place_to_the_next(
    dsn: str,
) -> None:
    """There is one place, and a BEGIN on its way when the handler is cancelled."""
    job = Job(new_id(), "any", "{}", 1, None)
    with Proxy(postgres_target(dsn)) as proxy:
        async with Transactions(postgres_behind(proxy, dsn), lambda: "p", 1) as transactions:
            before = transactions.on_loop(job)
            await before.connection
            await before.end()
            proxy.freeze()
            given_up = transactions.on_loop(job)
            for _ in range(20):
                await asyncio.sleep(0)
            given_up.connection.cancel()
            proxy.thaw()
            await given_up.end()
            after = transactions.on_loop(job)
            assert await asyncio.wait_for(asyncio.shield(after.connection), 5)
            await after.end()


async def test_a_transaction_that_postgres_does_not_answer_leaves_its_place_to_the_next(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is dead without a word, while the handler waits for a statement."""
    monkeypatch.setattr("jobferry_server.processor.transaction.GIVE_BACK_SECONDS", 0.3)
    job = Job(new_id(), "any", "{}", 1, None)
    with Proxy(postgres_target(dsn)) as proxy:
        async with Transactions(postgres_behind(proxy, dsn), lambda: "p", 1) as transactions:
            before = transactions.on_loop(job)
            connection = await before.connection
            proxy.stall()
            statement = asyncio.ensure_future(connection.execute("select 1"))
            await asyncio.sleep(0)
            statement.cancel()
            await asyncio.wait_for(before.end(), 10)
            after = transactions.on_loop(job)
            assert await asyncio.wait_for(asyncio.shield(after.connection), 10)
            await after.end()


async def test_a_thread_s_connection_looks_for_signs_of_life(dsn: str) -> None:
    """But as the DSN says, if it says anything."""
    with Proxy(postgres_target(dsn)) as proxy:
        behind = postgres_behind(proxy, dsn)
        wished = make_conninfo(behind, keepalives_idle=3)
        async with Transactions(wished, lambda: "p", 1) as transactions:
            transaction = transactions.on_thread(Job(new_id(), "any", "{}", 1, None))
            found = transaction.connection.info.get_parameters()
            await transaction.end()
    assert (found["keepalives_idle"], found["tcp_user_timeout"]) == ("3", "30000")
