"""What an idle connection costs a gateway: resident memory, with and without so many of them."""

import time

import psutil

from benchmarks.bench import Bench
from benchmarks.report import Bar, Figure, Reading, Readings

__all__ = ["measure"]

#: Connections before the first look, so that what the first ones load is not counted.
WARM_UP = 50
SETTLE_SECONDS = 2.0

MEMORY = Figure("memory: a gateway's idle connection", "kB", Bar(25.0), 1)


def measure(bench: Bench) -> Readings:
    """One repetition."""
    with bench.python("benchmarks.echo") as echo:
        raw = _per_connection(bench, "bare", echo.answer()["url"], echo.pid)
    with bench.database() as dsn, bench.gateway(dsn) as gateway:
        bench.settle(dsn)
        ours = _per_connection(bench, "jobferry", gateway.url, gateway.pid)
    return {MEMORY: Reading(ours, {"bare websockets server": raw})}


def _per_connection(bench: Bench, kind: str, url: str, pid: int) -> float:
    server = psutil.Process(pid)
    number = bench.sizes.connections
    with bench.python("benchmarks.fleet", kind, url) as fleet:
        fleet.ask(f"open {WARM_UP}")
        time.sleep(SETTLE_SECONDS)
        before = server.memory_info().rss
        fleet.ask(f"open {number}")
        time.sleep(SETTLE_SECONDS)
        return (server.memory_info().rss - before) / number / 1000
