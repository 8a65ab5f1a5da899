"""What a flood of one owner's does to the others: how long each of their jobs takes to be acknowledged.

The others submit one job at a time at a steady rate, first alone and then beside the flood. The flood
is nicer to the processor than all the rest, as it would be on a machine of its own.
"""

from contextlib import ExitStack

from benchmarks.bench import Bench, Gateway
from benchmarks.process import Child
from benchmarks.report import Bar, Figure, Reading, Readings, percentile

__all__ = ["measure"]

OTHERS = 20
#: Devices of the owner who floods, each with all under way that it may have.
FLOODING = 4
ALONE = "without the flood"
#: What comes first is not measured.
WARM_UP_SECONDS = 1.0

P50 = Figure("fairness: the others' acknowledgement beside a flood, p50", "ms", digits=1)
P99 = Figure(
    "fairness: the others' acknowledgement beside a flood, p99", "ms", Bar(2.0, beside=ALONE), 1
)


def measure(bench: Bench) -> Readings:
    """One repetition."""
    with bench.database() as dsn, bench.gateway(dsn) as gateway, ExitStack() as stack:
        others = stack.enter_context(bench.python("benchmarks.fleet", "jobferry", gateway.url))
        others.ask(f"open {OTHERS}")
        bench.settle(dsn)
        alone = _times(bench, others)
        _flood(bench, gateway, stack)
        beside = _times(bench, others)
    return {
        figure: Reading(percentile(beside, percent), {ALONE: percentile(alone, percent)})
        for figure, percent in ((P50, 50), (P99, 99))
    }


def _flood(bench: Bench, gateway: Gateway, stack: ExitStack) -> None:
    flood = stack.enter_context(bench.python("benchmarks.fleet", "jobferry", gateway.url, "flood"))
    flood.ask(f"open {FLOODING}")
    flood.ask("flood")


def _times(bench: Bench, others: Child) -> list[float]:
    rate, seconds = bench.sizes.fair_rate, bench.sizes.fair_seconds
    others.ask(f"submit {rate} {WARM_UP_SECONDS}")
    found: list[float] = others.ask(f"submit {rate} {seconds}")["acknowledged"]
    return found
