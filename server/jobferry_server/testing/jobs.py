"""Running what is due, to the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from jobferry_server.administration import AdminConnection, connect_admin
from jobferry_server.errors import JobFailed, JobsLeft
from jobferry_server.processor.job import Job as RunningJob
from jobferry_server.processor.processor import Processor
from jobferry_server.settings import ProcessorSettings, without_environment
from jobferry_server.testing.background import Background
from jobferry_shared.job import Job, JobError
from jobferry_shared.states import Status
from jobferry_sql import query

__all__ = ["run_jobs"]

LOOK_SECONDS = 0.02
GRACE_SECONDS = 1.0

RETRY: LiteralString = "select jobferry.reschedule_jobs(%s::uuid[], run_at => now())"

Row = dict[str, Any]


def run_jobs(
    background: Background, dsn: str, processor: Processor, *, check: bool, timeout: float
) -> list[Job]:
    """See :meth:`jobferry_server.testing.server.JobferryServer.run_jobs`."""
    raised: dict[UUID, Exception] = {}
    with connect_admin(dsn) as connection:
        since = _row(connection, "select pg_current_snapshot()::text as now", {})["now"]
        with _processing(background, dsn, processor, raised) as stop:
            _until_idle(connection, list(processor.tasks), stop, timeout)
        finished = _finished(connection, since)
    if check:
        _raise_failures(finished, raised)
    return finished


@contextmanager
def _processing(
    background: Background, dsn: str, processor: Processor, raised: dict[UUID, Exception]
) -> Iterator[asyncio.Event]:
    async def catch(job: RunningJob, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except Exception as error:
            raised[job.id] = error
            raise

    stop = asyncio.Event()
    settings = without_environment(
        ProcessorSettings, flush_seconds=LOOK_SECONDS, grace_seconds=GRACE_SECONDS
    )
    service = processor.service(dsn, settings, around=[catch])
    with background.within(service.running(stop)):
        yield stop


def _until_idle(
    connection: AdminConnection, tasks: list[str], stop: asyncio.Event, timeout: float
) -> None:
    """Return once nothing is due; or the processor has ended, and will say why."""
    end = time.monotonic() + timeout
    while not stop.is_set():
        left = _row(connection, query("testing_left"), {"tasks": tasks})
        if left["unserved"]:
            raise JobsLeft(f"the processor has no handler for task {left['unserved'][0]!r}")
        if left["retrying"]:
            connection.execute(RETRY, (left["retrying"],))
        elif not left["unfinished"]:
            return
        if time.monotonic() > end:
            raise JobsLeft(f"not done after {timeout:g} s: {', '.join(left['unfinished'])}")
        time.sleep(LOOK_SECONDS)


def _finished(connection: AdminConnection, since: str) -> list[Job]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query("testing_finished").encode(), {"since": since})
        return [_job(row) for row in cursor]


def _job(row: Row) -> Job:
    error = JobError.parse(row.pop("error"))
    flags = tuple(row.pop("flags") or ())
    status = Status(row.pop("status"))
    return Job(**row, status=status, error=error, flags=flags, cancel_requested=False)


def _raise_failures(finished: list[Job], raised: dict[UUID, Exception]) -> None:
    failures = []
    for job in finished:
        if job.status is Status.FAILED:
            failure = JobFailed(f"job {job.id} of task {job.task!r}: {job.state}")
            failure.__cause__ = raised.get(job.id)
            failures.append(failure)
    if failures:
        raise ExceptionGroup("jobs failed", failures)


def _row(connection: AdminConnection, statement: str, values: Row) -> Row:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(statement.encode(), values).fetchone()
    assert found is not None
    return found
