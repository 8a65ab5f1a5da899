"""One job at a time: local INSERT, handler start, result in the local file."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.foreign import ForeignWriter
from benchmarks.jobs import OWNER
from benchmarks.raw_chain import Chain, chains
from benchmarks.report import Bar, Figure, Reading, Readings, percentile
from support.services import token

__all__ = ["RAW", "measure", "raw_chains"]

#: Where each kind of submit has to get, p50 in ms.
BARS = {"in process": 10.0, "by another process": 30.0}
P99 = Bar(60.0)
RAW = "its raw pieces in turn"

Samples = Sequence[Sequence[float]]


def measure(bench: Bench) -> Readings:
    """One repetition."""
    raw = raw_chains(bench)
    with bench.database() as dsn, bench.gateway(dsn) as gateway, bench.processors(dsn):
        bench.settle(dsn)
        inside = _by_the_client(bench, bench.path("inside.db"), gateway.url)
        outside = _by_plain_sql(bench, bench.path("outside.db"), gateway.url)
    # Before and after: a machine that changes its mood meanwhile shows in the floor too.
    raw += raw_chains(bench)
    return _readings("in process", inside, raw) | _readings("by another process", outside, raw)


def _by_the_client(bench: Bench, path: Path, url: str) -> Samples:
    how = (bench.sizes.rate, bench.sizes.latency_seconds)
    with bench.python("benchmarks.device", "submit", path, url, token(OWNER), *how) as device:
        samples: Samples = device.answer()["samples"]
        return samples


def _by_plain_sql(bench: Bench, path: Path, url: str) -> Samples:
    with bench.python("benchmarks.device", "hold", path, url, token(OWNER)) as device:
        device.answer()
        with closing(ForeignWriter(path)) as writer:
            return writer.submit_steadily(bench.sizes.rate, bench.sizes.latency_seconds)


def raw_chains(bench: Bench) -> list[Chain]:
    """One job at a time by the bare pieces."""
    with bench.database() as dsn, bench.python("benchmarks.echo") as echo:
        bench.settle(dsn)
        url = echo.answer()["url"]
        return chains(dsn, url, bench.path("chain.db"), bench.sizes.raw_chains)


def _readings(who: str, samples: Samples, raw: list[Chain]) -> Readings:
    whole, started = zip(*samples, strict=True)
    raw_whole = [chain.whole for chain in raw]
    raw_started = [chain.started for chain in raw]
    return (
        _reading(f"latency {who}: to result, p50", Bar(BARS[who]), whole, raw_whole, 50)
        | _reading(f"latency {who}: to result, p99", P99, whole, raw_whole, 99)
        | _reading(f"latency {who}: to handler, p50", None, started, raw_started, 50)
        | _reading(f"latency {who}: to handler, p99", None, started, raw_started, 99)
    )


def _reading(
    title: str, bar: Bar | None, ours: Sequence[float], raw: Sequence[float], percent: float
) -> Readings:
    pieces = {RAW: percentile(raw, percent)}
    return {Figure(title, "ms", bar, digits=1): Reading(percentile(ours, percent), pieces)}
