"""Doing jobs: those that wait, and those that keep coming."""

import asyncio
import time
from contextlib import ExitStack

import psycopg

from benchmarks.bench import Bench
from benchmarks.queues.contender import Contender, seconds_until_empty
from benchmarks.report import Bar, Figure

__all__ = ["DRAIN", "STEADY", "drain", "steady"]

DRAIN = {
    1: Figure("queue: drain, one process", "jobs/s", Bar(1, at_least=True, beside="PgQueuer")),
    2: Figure("queue: drain, two processes", "jobs/s", Bar(1, at_least=True, beside="PgQueuer")),
}
STEADY = Figure("queue: steady state, one producer, one process", "jobs/s")
#: Of the jobs of a drain, so many come while the worker is up, so many in a call.
STEADY_SHARE = 0.6
STEADY_BATCH = 100


def drain(bench: Bench, contender: Contender, processes: int) -> float:
    """Jobs a second, from the moment the workers are let go."""
    number = int(bench.sizes.queue * contender.share)
    with contender.database(bench) as dsn, ExitStack() as stack:
        asyncio.run(contender.enqueue(dsn, number, 1000))
        bench.settle(dsn)
        gate = stack.enter_context(psycopg.connect(dsn))
        gate.execute(f"lock table {contender.table} in access exclusive mode".encode())
        for _ in range(processes):
            stack.enter_context(contender.worker(bench, dsn))
        gate.commit()
        return number / seconds_until_empty(contender, dsn)


def steady(bench: Bench, contender: Contender) -> float:
    """Jobs a second, from the first call until nothing is left."""
    number = int(bench.sizes.queue * STEADY_SHARE * contender.share)
    with contender.database(bench) as dsn, contender.worker(bench, dsn):
        began = time.perf_counter()
        asyncio.run(contender.enqueue(dsn, number, STEADY_BATCH))
        seconds_until_empty(contender, dsn)
        return number / (time.perf_counter() - began)
