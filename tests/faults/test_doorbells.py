"""LISTEN is a doorbell: when the wire to it is cut, the jobs still come, and it is mended."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from jobferry_client import JobClient
from jobferry_server.database import connect, open_pool
from jobferry_server.doorbell import Doorbell
from support.facts import Ledger
from support.processes import eventually
from support.services import token
from support.stack import Stack

LISTENERS = "application_name ~ '^jobferry_.* listening$' and datname = current_database()"
SOON = 20
#: What Postgres says when it ends a connection, as it says it.
_WORDS = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
FAREWELL = b"E" + (len(_WORDS) + 4).to_bytes(4, "big") + _WORDS


def listeners(facts: Ledger) -> dict[str, int]:
    """The backends that listen: whose they are, and their process ids."""
    rows = facts.ask(f"select application_name, pid from pg_stat_activity where {LISTENERS}")
    return {row["application_name"].removesuffix(" listening"): row["pid"] for row in rows}


@pytest.mark.parametrize("whose", ["jobferry_gateway", "jobferry_processor", "both"])
def test_jobs_flow_while_a_listener_is_gone_and_it_comes_back(
    whose: str, stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor()
    eventually(lambda: len(listeners(facts)) == 2)
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        client.sync(10)
        for _ in range(2):
            before = listeners(facts)
            struck = [pid for name, pid in before.items() if whose in (name, "both")]
            for pid in struck:
                facts.ask("select pg_terminate_backend(%(pid)s)", pid=pid)
            assert client.wait(client.submit("quick").id, timeout=SOON).completed
            eventually(lambda: len(listeners(facts)) == 2)
            now = listeners(facts)
            assert not set(struck) & set(now.values())
            assert client.wait(client.submit("quick").id, timeout=SOON).completed


def test_jobs_flow_though_every_connection_to_postgres_is_cut_again_and_again(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor()
    with JobClient(tmp_path / "till.db", gateway.url, token()) as client:
        client.sync(10)
        jobs = []
        for _ in range(4):
            jobs += [client.submit("default") for _ in range(20)]
            facts.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'jobferry%' and datname = current_database()"
            )
            assert client.wait(jobs[-1].id, timeout=SOON).completed
        assert all(client.wait(job.id, timeout=SOON).completed for job in jobs)
    assert facts.events("completed") == {str(job.id): 1 for job in jobs}
    assert facts.count(table="jobferry.queue") == 0


async def test_a_connection_that_ends_before_it_could_listen_is_replaced(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its backend has said farewell, and the end of the line has not come yet."""
    made = []

    async def connect_and_hear_of_the_end(
        dsn: str, role: str
    ) -> "asyncpg.Connection[asyncpg.Record]":
        connection = await connect(dsn, role)
        made.append(connection)
        if len(made) == 1:
            connection._protocol.data_received(FAREWELL)  # type: ignore[attr-defined]
        return connection

    monkeypatch.setattr("jobferry_server.doorbell.connect", connect_and_hear_of_the_end)
    pool = await open_pool(dsn, "jobferry_gateway", size=1)
    listening = asyncio.Event()
    bell = Doorbell(dsn, "jobferry_gateway", pool, {"any": print}, listening.set)
    ringing = asyncio.ensure_future(bell.run())
    await asyncio.wait_for(listening.wait(), 5)
    assert len(made) == 2
    ringing.cancel()
    pool.terminate()


class RungBetween(dict[str, Callable[[str], None]]):
    """Channels; before the next is listened to, somebody rings the first."""

    def __init__(self, dsn: str, channels: dict[str, Callable[[str], None]]) -> None:
        super().__init__(channels)
        self._dsn = dsn

    def __iter__(self) -> Iterator[str]:
        first, *others = super().__iter__()
        yield first
        with psycopg.connect(self._dsn, autocommit=True) as somebody:
            somebody.execute(f"notify {first}".encode())
        yield from others


async def test_a_connection_that_rings_while_it_is_still_told_to_listen_is_nobody_s(
    dsn: str,
) -> None:
    """A claim over it would get in the way."""
    pool = await open_pool(dsn, "jobferry_processor", size=1)
    rung, listening = asyncio.Event(), asyncio.Event()
    awake = []

    def ring(_: str) -> None:
        awake.append(bell.just_rung())
        rung.set()

    channels = RungBetween(dsn, {"first": ring, "second": print})
    bell = Doorbell(dsn, "jobferry_processor", pool, channels, listening.set)
    ringing = asyncio.ensure_future(bell.run())
    await asyncio.wait_for(rung.wait(), 5)
    assert awake == [None]
    await asyncio.wait_for(listening.wait(), 5)
    rung.clear()
    await pool.execute("notify first")
    await asyncio.wait_for(rung.wait(), 5)
    assert awake[1] is not None
    ringing.cancel()
    pool.terminate()
