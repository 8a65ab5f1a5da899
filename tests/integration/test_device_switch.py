"""The offline switch is in force when it returns: from any thread, from asyncio, whatever goes on."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from integration.database import Database
from jobferry_client import AsyncJobClient, ConnectionState, JobClient
from support.processes import eventually
from support.proxy import Proxy
from support.services import Services, token

SOON = 20
ROUNDS = 10


@pytest.fixture
def proxy(services: Services) -> Iterator[Proxy]:
    """The way to a gateway; it knows when a connection has really ended."""
    with services.gateway() as url, Proxy(("127.0.0.1", int(url.rpartition(":")[2]))) as found:
        yield found


def stays_here(proxy: Proxy, db: Database, *jobs: UUID) -> None:
    """The connection ends, and these were not sent over it."""
    eventually(lambda: proxy.connections == 0, SOON, 0.001)
    assert db.rows("select id from background_jobs where id = any(%s)", list(jobs)) == []


def test_what_is_written_after_disconnect_stays_here(
    db: Database, proxy: Proxy, tmp_path: Path
) -> None:
    with JobClient(tmp_path / "till.db", proxy.url, token()) as client:
        for _ in range(ROUNDS):
            client.sync(SOON)
            client.disconnect()
            stays_here(proxy, db, client.submit().id)
            client.connect()
        assert client.sync(SOON).pending == 0
    assert db.value("select count(*) from background_jobs") == ROUNDS


async def test_awaited_it_is_in_force_too(db: Database, proxy: Proxy, tmp_path: Path) -> None:
    async with AsyncJobClient(tmp_path / "till.db", proxy.url, token()) as client:
        for _ in range(ROUNDS):
            await client.sync(SOON)
            await client.disconnect()
            job = await client.submit()
            await asyncio.to_thread(stays_here, proxy, db, job.id)
            await client.connect()
        assert (await client.sync(SOON)).pending == 0


def test_switched_off_on_one_thread_and_written_on_another(
    db: Database, proxy: Proxy, tmp_path: Path
) -> None:
    off, late = threading.Event(), list[UUID]()

    def write() -> None:
        while len(late) < ROUNDS:
            was_off = off.is_set()
            job = client.submit()
            if was_off:
                late.append(job.id)

    with JobClient(tmp_path / "till.db", proxy.url, token()) as client:
        writer = threading.Thread(target=write)
        writer.start()
        # In the midst of it.
        eventually(lambda: db.value("select count(*) from background_jobs") > 0, SOON, 0.001)
        client.disconnect()
        off.set()
        writer.join()
        stays_here(proxy, db, *late)
        client.connect()
        assert client.sync(SOON).pending == 0


def test_a_connection_that_is_just_made_does_not_show_once_it_is_switched_off(
    proxy: Proxy, tmp_path: Path
) -> None:
    with JobClient(tmp_path / "till.db", proxy.url, token()) as client:
        for number in range(ROUNDS):
            proxy.reach(number + 1)
            client.disconnect()
            shown = set()
            while proxy.connections:
                shown.add(client.status().state)
            assert shown <= {ConnectionState.DISCONNECTED}
            client.connect()
