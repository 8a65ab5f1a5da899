"""Devices that do not read what they are sent: what each costs the gateway, and that it stays so."""

import json
import time
from datetime import UTC, datetime

import psutil
import psycopg

from benchmarks import raw_postgres
from benchmarks.bench import Bench
from benchmarks.jobs import OWNER, Row
from benchmarks.report import Bar, Figure, Reading, Readings
from jobferry_shared.ids import new_id

__all__ = ["measure"]

PAGE = "what was sent to it"
#: Rows of their owner, too large for the kernel to keep a page of them. There is more than one page.
ROWS = 200
PAYLOAD = json.dumps({"padding": "x" * 20_000})
SETTLE_SECONDS = 2.0

AT_FIRST = Figure("stalled: memory of a device that does not read", "kB", Bar(1.5, beside=PAGE), 1)
LATER = Figure(
    "stalled: the same, after their jobs went on changing", "kB", Bar(1.5, beside=PAGE), 1
)

CHANGE = "update public.background_jobs set progress = %s where finished_at is null"


def measure(bench: Bench) -> Readings:
    """One repetition."""
    number = bench.sizes.deaf
    with bench.database() as dsn, bench.gateway(dsn, JOBFERRY_OWNER_CONNECTIONS="0") as gateway:
        raw_postgres.queue_up(dsn, _rows())
        bench.settle(dsn)
        server = psutil.Process(gateway.pid)
        # Those before the first look, so that what the first ones load is not counted.
        with bench.python("benchmarks.deaf", gateway.url, OWNER, number // 10) as first:
            first.answer()
            before = _settled(server)
            with bench.python("benchmarks.deaf", gateway.url, OWNER, number) as deaf:
                deaf.answer()
                at_first = (_settled(server) - before) / number / 1000
                _go_on(dsn)
                later = (_settled(server) - before) / number / 1000
                sent = deaf.ask("read")["octets"] / 1000
    return {AT_FIRST: Reading(at_first, {PAGE: sent}), LATER: Reading(later, {PAGE: sent})}


def _rows() -> list[Row]:
    return [Row(new_id(), datetime.now(UTC), PAYLOAD) for _ in range(ROWS)]


def _settled(server: psutil.Process) -> int:
    """Its memory, once it does not grow any more."""
    found = -1
    while (now := server.memory_info().rss) > found:
        found = now
        time.sleep(SETTLE_SECONDS)
    return now


def _go_on(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(1, 10):
            connection.execute(CHANGE, [number / 10])
