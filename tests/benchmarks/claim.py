"""How long a claim takes beside millions of jobs, against the same with a thousand and no history."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.bench import Bench
from benchmarks.jobs import TASK
from benchmarks.report import Bar, Figure, Reading, Readings, percentile

__all__ = ["measure"]

FEW = "with 1,000 waiting and none finished"
BAR = Bar(1.3, beside=FEW)
#: By how many jobs a claim takes.
FIGURES = {
    number: Figure(f"claim: of {number}, beside the finished and waiting", "ms", BAR, digits=2)
    for number in (1, 100)
}

WAITING = 1_000
CLAIMS = 200
ROUNDS = 3
#: Jobs in one statement while a database is filled.
CHUNK = 50_000
PROCESSOR = "p"

#: Jobs that were done long ago, with their events, as a flush leaves them.
FINISHED = """
with done as (
  insert into public.background_jobs (id, "timestamp", payload, completed, progress, result, task, status,
    attempts, received_at, started_at, finished_at)
  select jobferry.new_id(%(from)s::bigint * 1000), now(), %(payload)s::jsonb, true, 1, '{"ok": true}', %(task)s,
    'completed', 1, now(), now(), now()
  from generate_series(1, %(number)s)
  returning id
)
insert into public.background_job_events (job_id, event, attempt, actor)
select id, event, 1, 'processor p' from done, unnest(array['submitted', 'started', 'completed']) event
"""
ADD = """
select count(*) from jobferry.add_jobs(array(
  select row(%(task)s, %(payload)s::json, null, null, null, null, null, null)::jobferry.job_spec
  from generate_series(1, %(number)s)))
"""
CLAIM = "select id, attempt from jobferry.claim(%s, array[%s], '{}', %s)"
COMPLETE = "select jobferry.complete_batch(%s, %s, %s::smallint[], %s)"

Connection = psycopg.Connection[tuple[Any, ...]]


def measure(bench: Bench) -> Readings:
    """One repetition."""
    with bench.database() as large, bench.database() as small:
        _fill(large, bench.sizes.finished, bench.sizes.waiting)
        _fill(small, 0, WAITING)
        bench.settle(large)
        bench.settle(small)
        return {figure: _reading(large, small, number) for number, figure in FIGURES.items()}


def _reading(large: str, small: str, number: int) -> Reading:
    """In turns: what slows the machine slows both."""
    taken: dict[str, list[float]] = {large: [], small: []}
    for _ in range(ROUNDS):
        for dsn, times in taken.items():
            times += _claims(dsn, number)
    return Reading(percentile(taken[large], 50), {FEW: percentile(taken[small], 50)})


def _fill(dsn: str, finished: int, waiting: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set role jobferry_engine")
        for first in range(0, finished, CHUNK):
            values = _values(min(CHUNK, finished - first))
            connection.execute(FINISHED, values | {"from": first})
        connection.execute("reset role")
        for first in range(0, waiting, CHUNK):
            connection.execute(ADD, _values(min(CHUNK, waiting - first)))


def _values(number: int) -> dict[str, object]:
    return {"number": number, "task": TASK, "payload": '{"kind": "noop"}'}


def _claims(dsn: str, number: int) -> list[float]:
    """In ms, of claims one after the other. For each job that is taken another one comes."""
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=0) as connection:
        connection.execute(
            "select jobferry.register_processor(%s, array[%s], '')", (PROCESSOR, TASK)
        )
        return [_claim(connection, number) for _ in range(CLAIMS)]


def _claim(connection: Connection, number: int) -> float:
    began = time.perf_counter()
    held = connection.execute(CLAIM, (PROCESSOR, TASK, number)).fetchall()
    taken = (time.perf_counter() - began) * 1000
    assert len(held) == number
    _complete(connection, held)
    connection.execute(ADD, _values(number))
    return taken


def _complete(connection: Connection, held: Sequence[tuple[UUID, int]]) -> None:
    ids, attempts = zip(*held, strict=True)
    connection.execute(COMPLETE, (PROCESSOR, list(ids), list(attempts), ["{}"] * len(ids)))
