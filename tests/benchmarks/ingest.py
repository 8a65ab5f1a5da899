"""Many devices that push at once, and one that pushes as much alone."""

from benchmarks import raw_postgres
from benchmarks.bench import Bench
from benchmarks.cpu import Meter
from benchmarks.jobs import rows
from benchmarks.process import MeasurementFailed
from benchmarks.report import Bar, Figure, Reading, Readings

__all__ = ["measure"]

RAW = "batches into the recipe's table"
BARE = "batches into a bare copy, no triggers"
SQL = "our SQL alone, no gateway"
ALONE = "one device alone"

RATE = Figure(
    "ingest: many devices at once", "rows/s", Bar(0.35, at_least=True, beside=RAW), per="row"
)
AGAIN = Figure("ingest: the same", "rows/s", Bar(1.0, at_least=True, beside=ALONE))


def measure(bench: Bench) -> Readings:
    """One repetition."""
    raw = {}
    for name, write in (
        (RAW, raw_postgres.recipe),
        (BARE, raw_postgres.bare_copy),
        (SQL, raw_postgres.queue_up),
    ):
        with bench.database() as dsn:
            bench.settle(dsn)
            raw[name] = write(dsn, rows(bench.sizes.ingest))
    alone, _ = _rate(bench, 1)
    together, cpu = _rate(bench, bench.sizes.pushing)
    return {RATE: Reading(together, raw, cpu), AGAIN: Reading(together, {ALONE: alone})}


def _rate(bench: Bench, devices: int) -> tuple[float, dict[str, float]]:
    with (
        bench.database() as dsn,
        bench.gateway(dsn) as gateway,
        bench.python("benchmarks.fleet", "jobferry", gateway.url) as fleet,
    ):
        fleet.ask(f"open {devices}")
        bench.settle(dsn)
        meter = Meter(dsn, {"gateway": [gateway.pid]})
        answer = fleet.ask(f"push {bench.sizes.ingest}")
        number = answer["number"]
        if number < bench.sizes.ingest - devices:
            raise MeasurementFailed(f"{bench.sizes.ingest} rows were pushed, {number} taken")
        return number / answer["seconds"], meter.per_unit(number, devices=answer["cpu"])
