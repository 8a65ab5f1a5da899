"""Catching up: a new device reads all that its owner ever did."""

from benchmarks import raw_postgres, raw_sqlite
from benchmarks.bench import Bench
from benchmarks.cpu import Meter
from benchmarks.jobs import OWNER, rows
from benchmarks.process import MeasurementFailed
from benchmarks.report import Figure, Reading, Readings
from jobferry_client.file import sqlite3
from support.services import token

__all__ = ["measure"]

RATE = Figure("download: a new device catches up", "rows/s", per="row")


def measure(bench: Bench) -> Readings:
    """One repetition."""
    number = bench.sizes.download
    path = bench.path("download.db")
    with bench.database() as dsn:
        raw_postgres.queue_up(dsn, rows(number))
        raw_postgres.finish(dsn)
        bench.settle(dsn)
        raw = raw_sqlite.download(dsn, bench.path("download-raw.db"))
        with bench.gateway(dsn) as gateway:
            meter = Meter(dsn, {"gateway": [gateway.pid]})
            device = ("fetch", path, gateway.url, token(OWNER))
            with bench.python("benchmarks.device", *device) as found:
                answer = found.answer()
            cpu = meter.per_unit(number, device=answer["cpu"])
    _check(str(path), number)
    pieces = {"select, and insert into a bare file": raw}
    return {RATE: Reading(number / answer["seconds"], pieces, cpu)}


def _check(path: str, number: int) -> None:
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT count(*) FROM background_jobs WHERE completed AND result IS NOT NULL"
    ).fetchone()[0]
    connection.close()
    if found != number:
        raise MeasurementFailed(f"{number} rows are there, {found} came")
