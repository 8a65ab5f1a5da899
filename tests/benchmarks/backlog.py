"""An offline device's backlog: from connecting until Postgres has acknowledged every row of it."""

import psycopg

from benchmarks import raw_postgres
from benchmarks.bench import Bench
from benchmarks.cpu import Meter
from benchmarks.files import fill_file, rows_in
from benchmarks.jobs import OWNER, Row
from benchmarks.process import MeasurementFailed
from benchmarks.report import Bar, Figure, Reading, Readings
from support.services import token

__all__ = ["measure"]

RATE = Figure(
    "backlog: offline rows, acknowledged", "rows/s", Bar(20_000, at_least=True), per="row"
)


def measure(bench: Bench) -> Readings:
    """One repetition."""
    path = bench.path("backlog.db")
    fill_file(path, bench.sizes.backlog)
    rows = rows_in(path)
    raw = _raw(bench, rows)
    with bench.database() as dsn, bench.gateway(dsn) as gateway:
        bench.settle(dsn)
        meter = Meter(dsn, {"gateway": [gateway.pid]})
        with bench.python("benchmarks.device", "push", path, gateway.url, token(OWNER)) as device:
            answer = device.answer()
        cpu = meter.per_unit(len(rows), device=answer["cpu"])
        _check(dsn, len(rows))
    return {RATE: Reading(len(rows) / answer["seconds"], raw, cpu)}


def _raw(bench: Bench, rows: list[Row]) -> dict[str, float]:
    found = {}
    for name, write in (
        ("same table, foreign writer", raw_postgres.foreign_writer),
        ("bare copy, no triggers", raw_postgres.bare_copy),
        ("gateway's SQL alone", raw_postgres.queue_up),
    ):
        with bench.database() as dsn:
            bench.settle(dsn)
            found[name] = write(dsn, rows)
    return found


def _check(dsn: str, number: int) -> None:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select count(*) from jobferry.queue").fetchone()
    if found != (number,):
        raise MeasurementFailed(f"{number} rows were sent, {found} are there")
