"""How long the dashboard's pages take beside millions of jobs, against one raw look at an index."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from benchmarks.bench import Bench
from benchmarks.report import Bar, Figure, Reading, Readings, percentile

__all__ = ["add_history", "fill", "measure"]

RAW = "select of 50 jobs by their key"
BAR = Bar(100)
ROUNDS = 15
#: Jobs in one statement while the database is filled.
CHUNK = 100_000
DEVICES = 10_000
TASKS = ["thumbnail", "summary", "checksum", "echo", "sleep"]

#: Every page, and the filters that ask most of it: what is rare, what is old, what is nowhere.
PAGES = {
    "overview": "/?span=day",
    "jobs": "/jobs",
    "jobs, a page in the middle": "/jobs?after={middle}",
    "jobs, failed": "/jobs?status=failed",
    "jobs, running": "/jobs?status=running",
    "jobs, waiting": "/jobs?status=queued",
    "jobs, of an owner": "/jobs?owner=owner+7",
    "jobs, of a rare task": "/jobs?task=rare",
    "jobs, of no such task": "/jobs?task=nowhere",
    "jobs, of a day ago": "/jobs?until={long_ago}",
    "jobs, by text": "/jobs?text=nowhere+to+be+found",
    "job": "/jobs/{job}",
    "devices": "/devices",
    "queues and schedules": "/queues",
    "processors": "/processors",
    "audit": "/audit",
    "audit, of an owner": "/audit?owner=owner+7",
}
FIGURES = {
    name: Figure(f"dashboard: {name}", "ms", None if name == "jobs, by text" else BAR, digits=1)
    for name in PAGES
}

#: A day's jobs of a thousand owners, all but a few done, with their events, as the parts leave them.
FINISHED = """
with job as materialized (
  select jobferry.new_id(n * 17) as id, n, 'owner ' || n %% 1000 as owner,
    now() - interval '1 day' + (n + %(wave)s * sin(n / %(wave)s / 1.5915)) * %(apart)s::interval as at,
    case when n %% 100003 = 1 then 'rare' else (%(tasks)s::text[])[n %% 5 + 1] end as task,
    case when n %% 499 = 0 then 'failed' when n %% 997 = 0 then 'cancelled' else 'completed' end as status
  from generate_series(%(first)s::bigint, %(last)s::bigint) n
),
done as (
  insert into public.background_jobs (id, "timestamp", payload, completed, cancelled, progress, result, error, task,
    status,
    attempts, received_at, run_at, started_at, finished_at, submitted_by)
  select id, at, jsonb_build_object('number', n), status = 'completed', status = 'cancelled', 1, '{"ok": true}',
    case status when 'failed' then '{"code": "handler_error", "message": "it did not work"}'::jsonb end,
    task, status, 1, at, at, at + interval '1 second', at + interval '1 second' * (1.1 + (n %% 20) / 20.0), owner
  from job
)
insert into public.background_job_events (at, job_id, owner, event, attempt, actor)
select at + interval '1 second' * place, id, owner, coalesce(event, status), 1, 'processor p' || n %% 4
from job, unnest(array['submitted', 'started', null], array[0, 1, 3]) said(event, place)
order by n, place
"""
WAITING = """
select count(*) from jobferry.add_jobs(array(
  select row((%(tasks)s::text[])[n %% 5 + 1], '{"n": 1}', null, null, null, null, null, null)::jobferry.job_spec
  from generate_series(1, %(number)s) n), owner := 'owner 7')
"""
OTHERS = """
insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at)
select gen_random_uuid(), 'owner ' || n %% 1000, '1.0', n %% 10, case when n %% 10 > 0 then now() end
from generate_series(1, %s) n
"""


def measure(bench: Bench) -> Readings:
    """One repetition."""
    with bench.database() as dsn:
        fill(dsn, bench.sizes.finished, bench.sizes.dashboard_waiting)
        bench.settle(dsn)
        return {FIGURES[name]: reading for name, reading in _readings(bench, dsn)}


def fill(dsn: str, finished: int, waiting: int) -> None:
    """Jobs of all kinds, some running, and devices."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        add_history(connection, finished)
        for first in range(0, waiting, CHUNK):
            number = min(CHUNK, waiting - first)
            connection.execute(WAITING, {"number": number, "tasks": TASKS})
        connection.execute(OTHERS, (DEVICES,))
        connection.execute("select jobferry.register_processor('p1', array['thumbnail'], '')")
        connection.execute(
            "select count(*) from jobferry.claim('p1', array['thumbnail'], '{}', 100)"
        )


def add_history(connection: "psycopg.Connection[tuple[object, ...]]", finished: int) -> None:
    """The last day's finished jobs, with busy and quiet hours."""
    connection.execute("set synchronous_commit = off")
    connection.execute("set role jobferry_engine")
    values: dict[str, object] = {
        "apart": f"{86_400_000_000 // finished} microseconds",
        "wave": finished / 40,
        "tasks": TASKS,
    }
    for first in range(0, finished, CHUNK):
        last = min(first + CHUNK, finished) - 1
        connection.execute(FINISHED, values | {"first": first, "last": last})
    connection.execute("reset role")


def _readings(bench: Bench, dsn: str) -> Iterator[tuple[str, Reading]]:
    raw = _timed(_raw(dsn))
    known = _known(dsn)
    with _served(bench, dsn) as url:
        for name, page in PAGES.items():
            yield name, Reading(_timed(partial(_get, url + page.format(**known))), {RAW: raw})


@contextmanager
def _served(bench: Bench, dsn: str) -> Iterator[str]:
    """The dashboard as a process, which remembers no figures from one look to the next."""
    command = ("dashboard", "--port", "0")
    environment = {"JOBFERRY_DSN": dsn, "JOBFERRY_DASHBOARD_FRESH_SECONDS": "0"}
    with bench.python("jobferry_client", *command, **environment) as found:
        yield found.line(30).removeprefix("listening on ").rstrip("/")


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()


def _timed(work: Callable[[], None]) -> float:
    """In ms: the median, what comes first being for the caches."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return percentile(times[1:], 50)


def _raw(dsn: str) -> Callable[[], None]:
    connection = psycopg.connect(dsn, autocommit=True)
    return lambda: _spend(connection)


def _spend(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    assert len(connection.execute("select * from background_jobs order by id limit 50").fetchall())


def _known(dsn: str) -> dict[str, object]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "select (select max(id) / 2 from background_job_events),"
            " (select id from background_jobs order by id limit 1),"
            " to_char(now() at time zone 'utc' - interval '23 hours', 'YYYY-MM-DD\"T\"HH24:MI')"
        ).fetchone()
    assert found is not None
    return dict(zip(("middle", "job", "long_ago"), found, strict=True))
