"""Queues to be measured beside ours: PgQueuer and Procrastinate, each with the settings it is best at.

Run as a module it is a worker of one of them: it says "ready", works until SIGTERM, and then says
how long each timed job took from enqueue to its handler.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from procrastinate import App, PsycopgConnector

from benchmarks.jobs import payload

__all__ = ["PEERS", "Peer"]

#: As found by a sweep over each one's settings.
PGQUEUER_BATCH = 1000
PROCRASTINATE_CONCURRENCY = 10


@dataclass(frozen=True, slots=True)
class Peer:
    """How one queue is installed, filled, emptied and asked whether it is empty."""

    name: str
    #: Of a hundred thousand jobs it is given so many: the slow ones would take all day.
    share: float
    table: str
    unfinished: str
    install: Callable[[str], Coroutine[Any, Any, None]]
    #: Called with DSN, number of jobs, how many in one call, and the seconds between two calls.
    enqueue: Callable[[str, int, int, float], Coroutine[Any, Any, None]]
    work: Callable[[str, list[int]], Coroutine[Any, Any, None]]


async def _install_pgqueuer(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def _enqueue_pgqueuer(dsn: str, number: int, batch: int, pause: float) -> None:
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    for first in range(0, number, batch):
        bodies = [json.dumps(_timed(n)).encode() for n in range(first, first + batch)]
        await queries.enqueue(["noop"] * batch, list(bodies), [0] * batch)
        await asyncio.sleep(pause)
    await connection.close()


async def _work_pgqueuer(dsn: str, taken: list[int]) -> None:
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(dsn)))

    @queue.entrypoint("noop")
    async def noop(job: Job) -> None:
        _note(json.loads(job.payload or b"{}"), taken)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queue.shutdown.set)
    await queue.run(batch_size=PGQUEUER_BATCH)


def _app(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, min_size=2, max_size=12))


async def _install_procrastinate(dsn: str) -> None:
    async with _app(dsn).open_async() as app:
        await app.schema_manager.apply_schema_async()


async def _enqueue_procrastinate(dsn: str, number: int, batch: int, pause: float) -> None:
    async with _app(dsn).open_async() as app:
        task = app.configure_task("noop")
        for first in range(0, number, batch):
            bodies: list[Any] = [{"body": _timed(n)} for n in range(first, first + batch)]
            await task.batch_defer_async(*bodies)
            await asyncio.sleep(pause)


async def _work_procrastinate(dsn: str, taken: list[int]) -> None:
    app = _app(dsn)

    @app.task(name="noop")
    async def noop(body: dict[str, Any]) -> None:
        _note(body, taken)

    async with app.open_async():
        await app.run_worker_async(concurrency=PROCRASTINATE_CONCURRENCY)


def _timed(number: int) -> dict[str, object]:
    return payload(number) | {"sent": time.monotonic_ns()}


def _note(body: dict[str, Any], taken: list[int]) -> None:
    taken.append(time.monotonic_ns() - body["sent"])


PEERS = {
    "PgQueuer": Peer(
        "PgQueuer",
        1.0,
        "pgqueuer",
        "select from pgqueuer",
        _install_pgqueuer,
        _enqueue_pgqueuer,
        _work_pgqueuer,
    ),
    "Procrastinate": Peer(
        "Procrastinate",
        0.04,
        "procrastinate_jobs",
        "select from procrastinate_jobs where status in ('todo', 'doing')",
        _install_procrastinate,
        _enqueue_procrastinate,
        _work_procrastinate,
    ),
}


def main() -> None:
    """Work until SIGTERM."""
    taken: list[int] = []
    print("ready", flush=True)
    uvloop.run(PEERS[sys.argv[1]].work(os.environ["BENCH_DSN"], taken))
    print(json.dumps({"nanoseconds": taken[-10_000:]}), flush=True)


if __name__ == "__main__":
    main()
