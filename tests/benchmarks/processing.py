"""Jobs that do nothing, results kept and audited: from the first claim until the queue is empty."""

import time
from typing import Any

import psycopg

from benchmarks import raw_postgres
from benchmarks.bench import Bench
from benchmarks.cpu import Meter
from benchmarks.jobs import rows
from benchmarks.process import MeasurementFailed
from benchmarks.report import Bar, Figure, Reading, Readings

__all__ = ["measure"]

MOST_SECONDS = 90.0
LOOK_SECONDS = 0.02

ONE = Figure("processing: one processor", "jobs/s", Bar(8_000, at_least=True), per="job")
TWO = Figure("processing: two processors", "jobs/s", per="job")

_LAST = "select job_id from jobferry.queue order by priority desc, run_at desc, job_id desc limit 1"
_ENDED = "select max(at) from public.background_job_events where event = 'completed'"
_KEPT = """
select (select count(*) from public.background_jobs where completed and result is not null),
  (select count(*) from public.background_job_events where event = 'completed')
"""

Connection = psycopg.Connection[tuple[Any, ...]]


def measure(bench: Bench) -> Readings:
    """One repetition."""
    return {ONE: _reading(bench, 1), TWO: _reading(bench, 2)}


def _reading(bench: Bench, processors: int) -> Reading:
    jobs = rows(bench.sizes.processing)
    with bench.database() as dsn:
        raw_postgres.queue_up(dsn, jobs)
        bench.settle(dsn)
        raw = raw_postgres.finish(dsn, processors)
    with bench.database() as dsn:
        raw_postgres.queue_up(dsn, jobs)
        bench.settle(dsn)
        seconds, cpu = _drain(bench, dsn, processors)
        _check(dsn, len(jobs))
    connections = "one connection" if processors == 1 else f"{processors} connections"
    return Reading(len(jobs) / seconds, {f"claim and flush alone, {connections}": raw}, cpu)


def _drain(bench: Bench, dsn: str, processors: int) -> tuple[float, dict[str, float]]:
    """Seconds and CPU from letting go until the last result was written."""
    with psycopg.connect(dsn) as gate, psycopg.connect(dsn, autocommit=True) as watcher:
        last = _row(watcher, _LAST)[0]
        # Nobody claims before all processors are there.
        gate.execute("lock table jobferry.queue in access exclusive mode")
        with bench.processors(dsn, processors) as pids:
            meter = Meter(dsn, {"processor": pids})
            began = _row(gate, "select clock_timestamp()")[0]
            gate.commit()
            _await_empty(watcher, last)
            cpu = meter.per_unit(bench.sizes.processing)
        return (_row(watcher, _ENDED)[0] - began).total_seconds(), cpu


def _await_empty(watcher: Connection, last: object) -> None:
    """Ask for one row by its key until that is gone: to count the others would cost them time."""
    end = time.monotonic() + MOST_SECONDS
    gone = "select not exists (select from jobferry.queue where job_id = %s)"
    empty = "select not exists (select from jobferry.queue)"
    while not (_row(watcher, gone, last)[0] and _row(watcher, empty)[0]):
        if time.monotonic() > end:
            raise MeasurementFailed("the queue was not emptied in time")
        time.sleep(LOOK_SECONDS)


def _check(dsn: str, number: int) -> None:
    with psycopg.connect(dsn) as connection:
        kept = _row(connection, _KEPT)
    if kept != (number, number):
        raise MeasurementFailed(f"{number} jobs were queued; results and events: {kept}")


def _row(connection: Connection, query: str, *values: object) -> tuple[Any, ...]:
    found = connection.execute(query.encode(), values).fetchone()
    assert found is not None
    return found
