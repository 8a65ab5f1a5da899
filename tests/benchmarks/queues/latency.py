"""From enqueue to the handler, on a queue that is idle between two jobs."""

import asyncio
from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.queues.contender import Contender, seconds_until_empty
from benchmarks.report import Bar, Figure

__all__ = ["P50", "P99", "latencies"]

P50 = Figure("queue: enqueue to handler, p50", "ms", Bar(1, beside="PgQueuer"), digits=2)
P99 = Figure("queue: enqueue to handler, p99", "ms", digits=2)

#: Jobs one after the other, so far apart; all take turns, so that no one's turn is the better one.
ROUNDS = 6
TRICKLE = 100
TRICKLE_SECONDS = 0.02


def latencies(bench: Bench, contenders: Sequence[Contender]) -> dict[str, list[float]]:
    """In ms, of each one by its name."""
    taken: dict[str, list[float]] = {one.name: [] for one in contenders}
    for _ in range(ROUNDS):
        for one in contenders:
            taken[one.name] += _round(bench, one)
    return taken


def _round(bench: Bench, contender: Contender) -> list[float]:
    with contender.database(bench) as dsn:
        bench.settle(dsn)
        with contender.worker(bench, dsn) as worker:
            asyncio.run(contender.enqueue(dsn, TRICKLE, 1, TRICKLE_SECONDS))
            seconds_until_empty(contender, dsn)
            return [taken / 1e6 for taken in contender.taken(dsn, worker)]
