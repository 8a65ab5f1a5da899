"""The queue alone, beside other queues for Postgres on the same server in the same run.

Ours keeps ledger, result and audit log of every job; PgQueuer deletes what is done. Enqueue through
SQL, drain what is queued, enqueue to handler on an idle queue.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import asyncpg
import psycopg

from benchmarks.bench import BREATH_SECONDS, Bench
from benchmarks.jobs import TASK, payload
from benchmarks.peers import PEERS, Peer
from benchmarks.process import Child, MeasurementFailed
from benchmarks.report import Figure, Reading, Readings, percentile

__all__ = ["measure"]

LOOK_SECONDS = 0.02
MOST_SECONDS = 300.0
#: A job a call, so many of them; and jobs one after the other on an idle queue, so far apart.
SINGLE = 2_000
TRICKLE = 200
TRICKLE_SECONDS = 0.02

ONE_BY_ONE = Figure("queue: enqueue one by one", "jobs/s")
IN_BULK = Figure("queue: enqueue by 1,000", "jobs/s")
DRAIN = {
    1: Figure("queue: drain, one process", "jobs/s"),
    2: Figure("queue: drain, two processes", "jobs/s"),
}
P50 = Figure("queue: enqueue to handler, p50", "ms")
P99 = Figure("queue: enqueue to handler, p99", "ms")

ADD_ONE = "select id from jobferry.add_job($1, $2::text)"
ADD_MANY = """
select count(*) from jobferry.add_jobs(array(
  select row($1, body::json, null, null, null, null, null, null)::jobferry.job_spec from unnest($2::text[]) body))
"""
SENT = """
select result ->> 'at' as began, payload ->> 'sent' as sent from public.background_jobs where completed
"""


def measure(bench: Bench) -> Readings:
    """One repetition."""
    found = {
        ONE_BY_ONE: _beside(bench, _enqueue_ours(bench, SINGLE, 1), SINGLE, 1),
        IN_BULK: _beside(bench, _enqueue_ours(bench, bench.sizes.queue, 1000), 50_000, 1000),
    }
    for processes, figure in DRAIN.items():
        theirs = {peer.name: _drain_theirs(bench, peer, processes) for peer in PEERS.values()}
        found[figure] = Reading(_drain_ours(bench, processes), theirs)
    return found | _latencies(bench)


def _latencies(bench: Bench) -> Readings:
    ours = _latency_ours(bench)
    theirs = {peer.name: _latency_theirs(bench, peer) for peer in PEERS.values()}
    return {
        figure: Reading(
            percentile(ours, percent),
            {name: percentile(values, percent) for name, values in theirs.items()},
        )
        for figure, percent in ((P50, 50), (P99, 99))
    }


def _beside(bench: Bench, ours: float, number: int, batch: int) -> Reading:
    theirs = {
        peer.name: _enqueue_theirs(bench, peer, int(number * max(peer.share, 0.2)), batch)
        for peer in PEERS.values()
    }
    return Reading(ours, theirs)


# -- enqueue


def _enqueue_ours(bench: Bench, number: int, batch: int) -> float:
    with bench.database() as dsn:
        began = time.perf_counter()
        asyncio.run(_add(dsn, number, batch))
        return number / (time.perf_counter() - began)


async def _add(dsn: str, number: int, batch: int, pause: float = 0) -> None:
    connection = await asyncpg.connect(dsn)
    for first in range(0, number, batch):
        bodies = [json.dumps(_timed(n)) for n in range(first, first + batch)]
        if batch == 1:
            await connection.execute(ADD_ONE, TASK, bodies[0])
        else:
            await connection.execute(ADD_MANY, TASK, bodies)
        await asyncio.sleep(pause)
    await connection.close()


def _enqueue_theirs(bench: Bench, peer: Peer, number: int, batch: int) -> float:
    with _peers_database(bench, peer) as dsn:
        began = time.perf_counter()
        asyncio.run(peer.enqueue(dsn, number, batch, 0))
        return number / (time.perf_counter() - began)


# -- drain


def _drain_ours(bench: Bench, processes: int) -> float:
    number = bench.sizes.queue
    with bench.database() as dsn:
        asyncio.run(_add(dsn, number, 1000))
        bench.settle(dsn)
        with _held(dsn, "jobferry.queue") as gate, bench.processors(dsn, processes):
            return number / _seconds_until_empty(gate, dsn, "select from jobferry.queue")


def _drain_theirs(bench: Bench, peer: Peer, processes: int) -> float:
    number = int(bench.sizes.queue * peer.share)
    with _peers_database(bench, peer) as dsn, ExitStack() as stack:
        asyncio.run(peer.enqueue(dsn, number, 1000, 0))
        bench.settle(dsn)
        gate = stack.enter_context(_held(dsn, peer.table))
        for _ in range(processes):
            stack.enter_context(_worker(bench, peer, dsn))
        return number / _seconds_until_empty(gate, dsn, peer.unfinished)


@contextmanager
def _held(dsn: str, table: str) -> "Iterator[psycopg.Connection[tuple[object]]]":
    """Nobody works before this connection commits."""
    with psycopg.connect(dsn) as gate:
        gate.execute(f"lock table {table} in access exclusive mode".encode())
        yield gate


def _seconds_until_empty(
    gate: "psycopg.Connection[tuple[object]]", dsn: str, unfinished: str
) -> float:
    began = time.perf_counter()
    gate.commit()
    with psycopg.connect(dsn, autocommit=True) as watcher:
        while time.perf_counter() - began < MOST_SECONDS:
            found = watcher.execute(f"select exists ({unfinished})".encode()).fetchone()
            if found == (False,):
                return time.perf_counter() - began
            time.sleep(LOOK_SECONDS)
    raise MeasurementFailed("the queue was not emptied in time")


# -- latency


def _latency_ours(bench: Bench) -> list[float]:
    with bench.database() as dsn, bench.processors(dsn):
        asyncio.run(_add(dsn, TRICKLE, 1, TRICKLE_SECONDS))
        _seconds_until_empty(psycopg.connect(dsn), dsn, "select from jobferry.queue")
        with psycopg.connect(dsn) as connection:
            rows = connection.execute(SENT).fetchall()
    return [(int(began) - int(sent)) / 1e6 for began, sent in rows]


def _latency_theirs(bench: Bench, peer: Peer) -> list[float]:
    with _peers_database(bench, peer) as dsn, _worker(bench, peer, dsn) as worker:
        asyncio.run(peer.enqueue(dsn, TRICKLE, 1, TRICKLE_SECONDS))
        _seconds_until_empty(psycopg.connect(dsn), dsn, peer.unfinished)
        worker.terminate()
        return [taken / 1e6 for taken in worker.answer()["nanoseconds"]]


def _timed(number: int) -> dict[str, object]:
    return payload(number) | {"sent": time.monotonic_ns()}


# -- peers


@contextmanager
def _peers_database(bench: Bench, peer: Peer) -> Iterator[str]:
    with bench.server.database(migrated=False) as dsn:
        asyncio.run(peer.install(dsn))
        yield dsn


@contextmanager
def _worker(bench: Bench, peer: Peer, dsn: str) -> Iterator[Child]:
    with bench.python("benchmarks.peers", peer.name, BENCH_DSN=dsn) as worker:
        worker.line()
        time.sleep(2 * BREATH_SECONDS)
        yield worker
