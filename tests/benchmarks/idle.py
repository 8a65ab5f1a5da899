"""A connected engine with nothing to do: what it costs, and how soon it sees another program's INSERT."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.foreign import ForeignWriter
from benchmarks.jobs import OWNER
from benchmarks.process import Child
from benchmarks.raw_chain import chains
from benchmarks.report import Bar, Figure, Reading, Readings, percentile
from jobferry_client.connection import Timing
from support.services import token

__all__ = ["measure"]

SETTLE_SECONDS = 1.0
RAW = "its raw pieces in turn, and half a look"

CPU = Figure("idle: the engine's share of a core", "%", Bar(1.0), 2)
P50 = Figure("idle: another program's INSERT acknowledged, p50", "ms", None, 1)
P99 = Figure("idle: another program's INSERT acknowledged, p99", "ms", Bar(100.0), 1)


def measure(bench: Bench) -> Readings:
    """One repetition."""
    path = bench.path("idle.db")
    raw_cpu, raw_times = _raw_cpu(bench.path("look.db"), bench), _raw_times(bench)
    with bench.database() as dsn, bench.gateway(dsn) as gateway:
        bench.settle(dsn)
        with bench.python("benchmarks.device", "hold", path, gateway.url, token(OWNER)) as device:
            device.answer()
            cpu = _share(device, bench.sizes.idle_seconds)
            with closing(ForeignWriter(path)) as writer:
                times = writer.notice_times(bench.sizes.notices)
    return {
        CPU: Reading(cpu, {"a bare loop that looks as often": raw_cpu}),
        P50: Reading(percentile(times, 50), {RAW: percentile(raw_times, 50)}),
        P99: Reading(percentile(times, 99), {RAW: percentile(raw_times, 99)}),
    }


def _share(device: Child, seconds: float) -> float:
    """Percent of a core."""
    time.sleep(SETTLE_SECONDS)
    before, began = device.ask("")["cpu"], time.monotonic()
    time.sleep(seconds)
    return float(device.ask("")["cpu"] - before) / (time.monotonic() - began) * 100


def _raw_cpu(path: Path, bench: Bench) -> float:
    """The same look at the file as often as the engine's, and nothing else."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        before, began = time.thread_time(), time.monotonic()
        while time.monotonic() - began < bench.sizes.idle_seconds:
            file.execute("PRAGMA data_version").fetchone()
            time.sleep(Timing().watch)
        return (time.thread_time() - before) / (time.monotonic() - began) * 100


def _raw_times(bench: Bench) -> list[float]:
    half_a_look = Timing().watch / 2 * 1e3
    with bench.database() as dsn, bench.python("benchmarks.echo") as echo:
        bench.settle(dsn)
        url, path = echo.answer()["url"], bench.path("chain.db")
        found = chains(dsn, url, path, bench.sizes.raw_chains)
    return [half_a_look + chain.acknowledged for chain in found]
