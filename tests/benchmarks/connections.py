"""Thousands of idle devices on one gateway: what each costs, and how soon each hears of a row of its own."""

import time
from collections.abc import Callable

import psutil
import psycopg
from websockets.sync.client import connect

from benchmarks.bench import Bench
from benchmarks.echo import EVERYBODY
from benchmarks.process import Child
from benchmarks.report import Bar, Figure, Reading, Readings

__all__ = ["measure"]

BARE = "bare websockets server"
AND_SELECT = "the same, after one select of the rows"
WARM_UP = 50
SETTLE_SECONDS = 2.0

MEMORY = Figure("connections: memory of each, thousands of them idle", "kB", Bar(25.0), 1)
CPU = Figure("connections: the gateway's share of a core while all are idle", "%", None, 1)
FIRST = Figure("connections: one changed row to each, the first has it", "ms", None)
LAST = Figure("connections: one changed row to each, all have it", "ms", None)

#: A job of the server's own for each owner, in one transaction.
ONE_FOR_EACH = """
insert into public.background_jobs (id, "timestamp", payload, submitted_by)
select gen_random_uuid(), now(), '{"number": 0}', 'owner ' || n from generate_series(0, %s - 1) n
"""
ALL = "select id, payload::text, status, received_at from public.background_jobs"

Found = tuple[float, float, float, float]


def measure(bench: Bench) -> Readings:
    """One repetition."""
    number = bench.sizes.idle
    with (
        bench.python("benchmarks.echo") as echo,
        bench.python("benchmarks.fleet", "bare", url := echo.answer()["url"]) as fleet,
    ):
        bare = _costs(bench, echo.pid, fleet, lambda: _tell_everybody(url))
    with (
        bench.database() as dsn,
        bench.gateway(dsn, JOBFERRY_CONNECTIONS="0") as gateway,
        bench.python("benchmarks.fleet", "jobferry", gateway.url) as fleet,
    ):
        bench.settle(dsn)
        ours = _costs(bench, gateway.pid, fleet, lambda: _write(dsn, number))
        select = _select(dsn)
    reading = {
        figure: Reading(value, {BARE: raw})
        for figure, value, raw in zip((MEMORY, CPU, FIRST, LAST), ours, bare, strict=True)
    }
    reading[LAST] = Reading(ours[3], {BARE: bare[3], AND_SELECT: bare[3] + select})
    return reading


def _costs(bench: Bench, pid: int, fleet: Child, tell: Callable[[], float]) -> Found:
    """Memory of a connection in kB, share of a core in %, ms until the first and the last hears."""
    server, number = psutil.Process(pid), bench.sizes.idle
    fleet.ask(f"open {WARM_UP}")
    time.sleep(SETTLE_SECONDS)
    before = server.memory_info().rss
    fleet.ask(f"open {number - WARM_UP}")
    time.sleep(SETTLE_SECONDS)
    memory = (server.memory_info().rss - before) / (number - WARM_UP) / 1000
    share = _share(server, bench.sizes.idle_seconds)
    began = tell()
    at = fleet.ask(f"news {began}")["at"]
    return memory, share, (min(at) - began) * 1e3, (max(at) - began) * 1e3


def _share(server: psutil.Process, seconds: float) -> float:
    def spent() -> float:
        times = server.cpu_times()
        return times.user + times.system

    before, began = spent(), time.monotonic()
    time.sleep(seconds)
    return (spent() - before) / (time.monotonic() - began) * 100


def _tell_everybody(url: str) -> float:
    """Have the bare server send; when it was told."""
    with connect(url, compression=None) as socket:
        began = time.monotonic()
        socket.send(EVERYBODY + "x" * 300)
        socket.recv()
        return began


def _write(dsn: str, number: int) -> float:
    """Write the rows; when they could be seen."""
    with psycopg.connect(dsn) as connection:
        connection.execute(ONE_FOR_EACH, [number])
        began = time.monotonic()
        connection.commit()
        return began


def _select(dsn: str) -> float:
    with psycopg.connect(dsn) as connection:
        began = time.monotonic()
        connection.execute(ALL).fetchall()
        return (time.monotonic() - began) * 1e3
