"""The asyncio client is the same client, and never holds up the loop."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from jobferry_client import (
    AsyncJobClient,
    ClientClosed,
    ConnectionState,
    InvalidJSON,
    JobNotFound,
    NewJob,
    Status,
)
from jobferry_client.file import open_file, write
from jobferry_client.replica import Replica
from jobferry_shared.messages import Change
from support.services import Services, token

SOON = 20


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """Where the client's file is."""
    return device_file("till")


@pytest.fixture
async def client(path: Path) -> AsyncIterator[AsyncJobClient]:
    """A purely local client."""
    async with AsyncJobClient(path) as found:
        yield found


def finish(path: Path, *ids: object) -> None:
    """What the sync engine would write."""
    now = datetime.now(UTC)
    with closing(Replica(path)) as replica:
        done = [
            Change(
                id=str(job), status=Status.COMPLETED, received_at=now, run_at=now, finished_at=now
            )
            for job in ids
        ]
        replica.apply(done, "c", now)


async def test_everything_a_client_does_is_awaited(client: AsyncJobClient, path: Path) -> None:
    job = await client.submit("t", {"n": 1}, priority=3, flags=["a"])
    assert (job.task, job.payload, job.priority, job.flags) == ("t", {"n": 1}, 3, ("a",))
    many = await client.submit_many([NewJob(payload=2), NewJob(payload=3)])
    assert [found.payload for found in await client.jobs(limit=2)] == [3, 2]
    assert (await client.cancel(many[0].id)).cancel_requested
    assert await client.get(job.id) == job
    assert (await client.status()).pending == 4
    finish(path, job.id)
    assert (await client.wait(job.id, timeout=SOON)).completed


async def test_errors_are_those_of_the_client(client: AsyncJobClient) -> None:
    with pytest.raises(JobNotFound):
        await client.get(uuid4())
    with pytest.raises(InvalidJSON):
        await client.submit("t", float("nan"))
    job = await client.submit()
    with pytest.raises(TimeoutError, match="is still waiting to send after 0 s"):
        await client.wait(job.id, timeout=0)


async def test_the_loop_goes_on_while_a_submit_waits_for_the_file(
    client: AsyncJobClient, path: Path
) -> None:
    with closing(open_file(path)) as other:
        with write(other):
            submitting = asyncio.ensure_future(client.submit())
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert not submitting.done()
        assert (await submitting).status is Status.PENDING


async def test_many_may_wait_at_once_and_the_client_still_answers(
    client: AsyncJobClient, path: Path
) -> None:
    jobs = await client.submit_many([NewJob()] * 60)
    waiting = [asyncio.ensure_future(client.wait(job.id)) for job in jobs]
    async with asyncio.timeout(SOON):
        assert len(await client.jobs(limit=100)) == 60
        assert await asyncio.to_thread(lambda: "the loop's own threads are free") != ""
        finish(path, *(job.id for job in jobs))
        done = await asyncio.gather(*waiting)
    assert [job.id for job in done] == [job.id for job in jobs]


async def test_a_wait_that_is_cancelled_leaves_no_thread_waiting(client: AsyncJobClient) -> None:
    job = await client.submit()
    before = threading.active_count()
    for _ in range(20):
        waiting = asyncio.ensure_future(client.wait(job.id))
        await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # Its thread is free again, for this.
        await client.status()
    assert threading.active_count() < before + 10


FORGETFUL = """
import asyncio, sys
from jobferry_client import AsyncJobClient

async def main():
    client = AsyncJobClient(sys.argv[1])
    job = await client.submit()
    try:
        await asyncio.wait_for(client.wait(job.id), 0.05)
    except TimeoutError:
        pass
    watch = client.watch()
    await anext(watch)
    asyncio.ensure_future(anext(watch))
    asyncio.ensure_future(client.wait(job.id))
    await asyncio.sleep(0.05)

asyncio.run(main())
print("ended")
"""


def test_a_program_that_closes_nothing_ends_all_the_same(path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORGETFUL, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("ended\n", "", 0)


async def test_watch_is_an_asynchronous_iterator(client: AsyncJobClient) -> None:
    watch = client.watch()
    assert await anext(watch) == []
    following = asyncio.ensure_future(anext(watch))
    job = await client.submit()
    async with asyncio.timeout(SOON):
        assert await following == [job]


async def test_watch_ends_with_the_client(path: Path) -> None:
    client = AsyncJobClient(path)
    seen = []
    async with asyncio.timeout(SOON):
        async for jobs in client.watch():
            seen.append(jobs)
            await client.close()
    assert seen == [[]]


async def test_a_watch_that_is_cancelled_ends(client: AsyncJobClient) -> None:
    async def follow() -> None:
        async for _ in client.watch():
            pass

    following = asyncio.ensure_future(follow())
    await asyncio.sleep(0.05)
    following.cancel()
    async with asyncio.timeout(SOON):
        with pytest.raises(asyncio.CancelledError):
            await following
        await client.submit()


async def test_a_closed_client_says_so(path: Path) -> None:
    async with AsyncJobClient(path) as client:
        pass
    await client.close()
    with pytest.raises(ClientClosed):
        await client.jobs()


async def test_closing_raises_for_whoever_waits(path: Path) -> None:
    client = AsyncJobClient(path)
    job = await client.submit()
    waiting = asyncio.ensure_future(client.wait(job.id))
    await asyncio.sleep(0.02)
    await client.close()
    async with asyncio.timeout(SOON):
        with pytest.raises(ClientClosed):
            await waiting


async def test_it_syncs_and_has_a_switch(services: Services, path: Path) -> None:
    gateway = services.gateway()
    url = await asyncio.to_thread(gateway.__enter__)
    try:
        async with AsyncJobClient(path, url, token()) as client:
            job = await client.submit()
            assert (await client.sync(SOON)).state is ConnectionState.CONNECTED
            assert (await client.get(job.id)).status is Status.QUEUED
            await client.disconnect()
            with pytest.raises(TimeoutError, match="switched off"):
                await client.sync(0.2)
            await client.connect()
            assert (await client.sync(SOON)).pending == 0
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)
