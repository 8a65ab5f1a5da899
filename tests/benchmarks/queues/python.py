"""PgQueuer and Procrastinate, each with the settings it is best at.

Run as a module it is a worker of one of them: it says "ready", works until SIGTERM, and then says
how long each timed job took from enqueue to its handler.
"""

import asyncio
import json
import os
import signal
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from procrastinate import App, PsycopgConnector

from benchmarks.bench import BREATH_SECONDS, Bench
from benchmarks.process import Child
from benchmarks.queues.contender import TASK, Contender, bodies, timed

__all__ = ["PEERS"]

#: As found by a sweep over each one's settings.
PGQUEUER_BATCH = 1000
PROCRASTINATE_CONCURRENCY = 10


class PythonPeer(Contender):
    """A queue whose worker is this module."""

    @contextmanager
    def database(self, bench: Bench) -> Iterator[str]:
        """Installed by itself."""
        with bench.server.database(migrated=False) as dsn:
            asyncio.run(self.install(dsn))
            yield dsn

    @abstractmethod
    async def install(self, dsn: str) -> None:
        """Make its tables."""

    @abstractmethod
    async def work(self, dsn: str, taken: list[int]) -> None:
        """Work until SIGTERM."""

    @contextmanager
    def worker(self, bench: Bench, dsn: str) -> Iterator[Child]:
        """A process of its own."""
        with bench.python("benchmarks.queues.python", self.name, BENCH_DSN=dsn) as worker:
            worker.line()
            time.sleep(2 * BREATH_SECONDS)
            yield worker


class WithPgQueuer(PythonPeer):
    """PgQueuer on asyncpg and uvloop."""

    name = "PgQueuer"
    table = "pgqueuer"
    unfinished = "select from pgqueuer"

    async def install(self, dsn: str) -> None:
        """Its own installation."""
        connection = await asyncpg.connect(dsn)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    async def enqueue(self, dsn: str, number: int, batch: int, pause: float = 0) -> None:
        """By its queries."""
        connection = await asyncpg.connect(dsn)
        queries = Queries(AsyncpgDriver(connection))
        for first in range(0, number, batch):
            texts = [text.encode() for text in bodies(first, batch)]
            await queries.enqueue([TASK] * batch, list(texts), [0] * batch)
            await asyncio.sleep(pause)
        await connection.close()

    async def work(self, dsn: str, taken: list[int]) -> None:
        """With its largest batches."""
        queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(dsn)))

        @queue.entrypoint(TASK)
        async def noop(job: Job) -> None:
            _note(json.loads(job.payload or b"{}"), taken)

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queue.shutdown.set)
        await queue.run(batch_size=PGQUEUER_BATCH)


class WithProcrastinate(PythonPeer):
    """Procrastinate on psycopg."""

    name = "Procrastinate"
    share = 0.04
    table = "procrastinate_jobs"
    unfinished = "select from procrastinate_jobs where status in ('todo', 'doing')"

    async def install(self, dsn: str) -> None:
        """Its own schema."""
        async with _app(dsn).open_async() as app:
            await app.schema_manager.apply_schema_async()

    async def enqueue(self, dsn: str, number: int, batch: int, pause: float = 0) -> None:
        """By ``batch_defer``."""
        async with _app(dsn).open_async() as app:
            task = app.configure_task(TASK)
            for first in range(0, number, batch):
                jobs: list[Any] = [{"body": timed(n)} for n in range(first, first + batch)]
                await task.batch_defer_async(*jobs)
                await asyncio.sleep(pause)

    async def work(self, dsn: str, taken: list[int]) -> None:
        """With several workers in the process."""
        app = _app(dsn)

        @app.task(name=TASK)
        async def noop(body: dict[str, Any]) -> None:
            _note(body, taken)

        async with app.open_async():
            await app.run_worker_async(concurrency=PROCRASTINATE_CONCURRENCY)


def _app(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, min_size=2, max_size=12))


def _note(body: dict[str, Any], taken: list[int]) -> None:
    taken.append(time.monotonic_ns() - body["sent"])


PEERS: dict[str, PythonPeer] = {peer.name: peer for peer in (WithPgQueuer(), WithProcrastinate())}


def main() -> None:
    """Work until SIGTERM."""
    taken: list[int] = []
    print("ready", flush=True)
    uvloop.run(PEERS[sys.argv[1]].work(os.environ["BENCH_DSN"], taken))
    print(json.dumps({"nanoseconds": taken[-10_000:]}), flush=True)


if __name__ == "__main__":
    main()
