"""A thousand devices at work, a job each every ten seconds: how long it is until the result is there.

Most of them are connections without a file. A real one among them, with its file and engine, tells the
whole way from the local INSERT to the local result.
"""

from benchmarks.bench import Bench
from benchmarks.jobs import OWNER
from benchmarks.latency import RAW, raw_chains
from benchmarks.report import Figure, Reading, Readings, percentile
from support.services import token

__all__ = ["measure"]

EVERY_SECONDS = 10.0
#: Jobs of the real device, a second.
REAL_RATE = 2.0

ACKNOWLEDGED = {
    50: Figure("active: a thousand devices, acknowledged, p50", "ms", digits=1),
    99: Figure("active: a thousand devices, acknowledged, p99", "ms", digits=1),
}
DONE = {
    50: Figure("active: a thousand devices, push to result, p50", "ms", digits=1),
    99: Figure("active: a thousand devices, push to result, p99", "ms", digits=1),
}
REAL = {
    50: Figure("active: a real one among them, INSERT to result, p50", "ms", digits=1),
    99: Figure("active: a real one among them, INSERT to result, p99", "ms", digits=1),
}


def measure(bench: Bench) -> Readings:
    """One repetition."""
    raw = [chain.whole for chain in raw_chains(bench)]
    seconds = bench.sizes.active_seconds
    rate = bench.sizes.active / EVERY_SECONDS
    with (
        bench.database() as dsn,
        bench.gateway(dsn) as gateway,
        bench.processors(dsn),
        bench.python("benchmarks.fleet", "jobferry", gateway.url) as fleet,
    ):
        fleet.ask(f"open {bench.sizes.active}")
        bench.settle(dsn)
        how = ("submit", bench.path("real.db"), gateway.url, token(OWNER), REAL_RATE, seconds)
        with bench.python("benchmarks.device", *how) as real:
            acknowledged = fleet.ask(f"submit {rate} {seconds}")["acknowledged"]
            done = fleet.ask(f"results {len(acknowledged)}")["done"]
            whole = [sample[0] for sample in real.answer()["samples"]]
    return {
        figure: Reading(percentile(samples, percent), {RAW: percentile(raw, percent)})
        for figures, samples in ((ACKNOWLEDGED, acknowledged), (DONE, done), (REAL, whole))
        for percent, figure in figures.items()
    }
