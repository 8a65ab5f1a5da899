"""The full circle: submitted offline, until every result is back in the device's file."""

from benchmarks import raw_postgres, raw_sqlite
from benchmarks.bench import Bench
from benchmarks.cpu import Meter
from benchmarks.files import fill_file, rows_in
from benchmarks.jobs import OWNER, Row
from benchmarks.report import Figure, Reading, Readings
from support.services import token

__all__ = ["measure"]

RATE = Figure("full circle: offline jobs, results back", "jobs/s", per="job")


def measure(bench: Bench) -> Readings:
    """One repetition."""
    path = bench.path("circle.db")
    fill_file(path, bench.sizes.circle)
    rows = rows_in(path)
    raw = _raw(bench, rows)
    with (
        bench.database() as dsn,
        bench.gateway(dsn) as gateway,
        bench.processors(dsn) as processors,
    ):
        bench.settle(dsn)
        meter = Meter(dsn, {"gateway": [gateway.pid], "processor": processors})
        device = ("circle", path, gateway.url, token(OWNER))
        with bench.python("benchmarks.device", *device) as found:
            answer = found.answer()
        cpu = meter.per_unit(len(rows), device=answer["cpu"])
    return {RATE: Reading(len(rows) / answer["seconds"], raw, cpu)}


def _raw(bench: Bench, rows: list[Row]) -> dict[str, float]:
    """Submit, claim and flush, download: one after the other, on one connection each."""
    with bench.database() as dsn:
        bench.settle(dsn)
        rates = [raw_postgres.queue_up(dsn, rows), raw_postgres.finish(dsn)]
        rates.append(raw_sqlite.download(dsn, bench.path("circle-raw.db")))
    return {"its raw pieces in turn": 1 / sum(1 / rate for rate in rates)}
