"""The queue alone, beside other queues for Postgres on the same server in the same run.

Ours keeps ledger, result and audit log of every job; PgQueuer and Graphile Worker delete what is
done. All are told in the same words what to do, and each has the settings it is best at.
"""

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.queues.contender import Contender
from benchmarks.queues.drain import DRAIN, STEADY, drain, steady
from benchmarks.queues.enqueue import IN_BULK, ONE_BY_ONE, enqueue
from benchmarks.queues.graphile import graphile_worker
from benchmarks.queues.latency import P50, P99, latencies
from benchmarks.queues.ours import Ours
from benchmarks.queues.python import PEERS
from benchmarks.report import Figure, Reading, Readings, percentile

__all__ = ["measure"]

#: A job a call, so many of them.
SINGLE = 2_000
#: Not less than this of a number, for even the slowest.
LEAST_SHARE = 0.2


def measure(bench: Bench) -> Readings:
    """One repetition."""
    contenders = [Ours(), *PEERS.values(), *graphile_worker(bench)]
    return (
        _enqueue(bench, contenders, ONE_BY_ONE, SINGLE, 1)
        | _enqueue(bench, contenders, IN_BULK, bench.sizes.queue, 1000)
        | {
            figure: _reading([drain(bench, one, processes) for one in contenders], contenders)
            for processes, figure in DRAIN.items()
        }
        | {STEADY: _reading([steady(bench, one) for one in contenders], contenders)}
        | _latencies(bench, contenders)
    )


def _enqueue(
    bench: Bench, contenders: Sequence[Contender], figure: Figure, number: int, batch: int
) -> Readings:
    rates = [
        enqueue(bench, one, int(number * max(one.share, LEAST_SHARE)), batch) for one in contenders
    ]
    return {figure: _reading(rates, contenders)}


def _latencies(bench: Bench, contenders: Sequence[Contender]) -> Readings:
    taken = latencies(bench, contenders)
    return {
        figure: _reading([percentile(taken[one.name], percent) for one in contenders], contenders)
        for figure, percent in ((P50, 50), (P99, 99))
    }


def _reading(values: Sequence[float], contenders: Sequence[Contender]) -> Reading:
    """Ours comes first."""
    others = zip(contenders[1:], values[1:], strict=True)
    return Reading(values[0], {one.name: value for one, value in others})
