"""Adding jobs, with nobody there to take them."""

import asyncio
import time

from benchmarks.bench import Bench
from benchmarks.queues.contender import Contender
from benchmarks.report import Figure

__all__ = ["IN_BULK", "ONE_BY_ONE", "enqueue"]

ONE_BY_ONE = Figure("queue: enqueue one by one", "jobs/s")
IN_BULK = Figure("queue: enqueue by 1,000", "jobs/s")


def enqueue(bench: Bench, contender: Contender, number: int, batch: int) -> float:
    """Jobs a second over one connection."""
    with contender.database(bench) as dsn:
        began = time.perf_counter()
        asyncio.run(contender.enqueue(dsn, number, batch))
        return number / (time.perf_counter() - began)
