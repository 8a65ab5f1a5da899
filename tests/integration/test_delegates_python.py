"""The workers of Procrastinate and PgQueuer run handlers of ours; the page's examples among them."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import asyncpg
import pytest
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.types import QueueExecutionMode
from procrastinate import App, PsycopgConnector
from pydantic import BaseModel

from integration.database import Database, Spec
from integration.engines import (
    delegate,
    example,
    findings,
)
from jobferry_client import JobClient
from jobferry_server import Job, JobCancelled, Retry, TaskError
from jobferry_server.delegates import pgqueuer, procrastinate
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services, token

Handlers = dict[str, Callable[..., Any]]

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def run_procrastinate(dsn: str, handlers: Handlers) -> None:
    """A worker of Procrastinate's, until nothing is left to do."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=3))
    for name, handler in handlers.items():
        procrastinate.delegated(app, name, queue="q")(handler)
    async with app.open_async():
        await app.run_worker_async(queues=["q"], wait=False, concurrency=4)


async def run_pgqueuer(dsn: str, handlers: Handlers) -> None:
    """A worker of PgQueuer's, until nothing is left to do."""
    connection = await asyncpg.connect(dsn)
    pgq = PgQueuer(AsyncpgDriver(connection))
    for name, handler in handlers.items():
        pgqueuer.delegated(pgq, name)(handler)
    await pgq.run(mode=QueueExecutionMode.drain, dequeue_timeout=timedelta(seconds=0.2))
    await connection.close()


ENGINES: dict[str, tuple[Callable[[str, Handlers], Coroutine[Any, Any, None]], LiteralString]] = {
    "procrastinate": (
        run_procrastinate,
        "update procrastinate_jobs set scheduled_at = null where status = 'todo'",
    ),
    "pgqueuer": (
        run_pgqueuer,
        "update pgqueuer set execute_after = now() - interval '1 second' where status = 'queued'",
    ),
}


class Engine:
    """One of the two, with task ``away`` delegated to it."""

    def __init__(self, db: Database, name: str) -> None:
        self._run, self._due = ENGINES[name]
        self.db = db
        self.name = name
        delegate(db, "away", name, queue="q")

    def submit(self, payload: str = "{}", max_attempts: int = 25) -> UUID:
        """A job for it."""
        spec = Spec(task="away", payload=payload, max_attempts=max_attempts)
        assert self.db.submit(spec) == []
        return spec.id

    def run(self, handler: Callable[..., Any]) -> None:
        """All that is due, and what was put off."""
        self.db.do(self._due)
        asyncio.run(self._run(self.db.dsn, {"away": handler}))


@pytest.fixture
def dsn(server: TestServer, queues_template: str) -> Iterator[str]:
    """A database with both queues, of the test's own."""
    with server.database(copy=queues_template) as dsn:
        yield dsn


@pytest.fixture(params=ENGINES)
def engine(db: Database, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two."""
    found = Engine(db, request.param)
    yield found
    assert findings(db) == {}
    db.assert_sound()


class Words(BaseModel):
    text: str


def test_an_outcome_that_postgres_does_not_take_is_a_failure_for_good(engine: Engine) -> None:
    """It was run again every ten seconds, for ever."""

    def far_away(job: Job) -> None:
        raise Retry(in_=timedelta(days=2_920_000))

    job = engine.submit()
    engine.run(far_away)
    failed = engine.db.job(job)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_result")


def test_payload_and_result_are_typed_for_def_and_async_def(engine: Engine) -> None:
    async def shout(job: Job, words: Words) -> Words:
        assert (job.owner, job.attempt, job.task) == ("anna", 1, "away")
        return Words(text=words.text.upper())

    def whisper(job: Job, words: Words) -> Words:
        return Words(text=words.text.lower())

    loud = engine.submit('{"text": "Hé"}')
    engine.run(shout)
    soft = engine.submit('{"text": "Hé"}')
    engine.run(whisper)
    assert engine.db.job(loud)["result"] == {"text": "HÉ"}
    assert engine.db.job(soft)["result"] == {"text": "hé"}
    assert engine.db.events(loud) == ["submitted", "handed_over", "started", "completed"]


def test_the_attempt_belongs_to_the_trace_of_the_submit(engine: Engine) -> None:
    with engine.db.together():
        traced = engine.submit()
        engine.db.value(
            "select jobferry.note_traces(array[%s::uuid], array[%s])::text", traced, TRACE
        )
    alone = engine.submit()
    engine.run(lambda job: job.traceparent)
    assert [engine.db.job(job)["result"] for job in (traced, alone)] == [TRACE, None]


def test_the_ledger_counts_attempts_and_the_engine_runs_them(engine: Engine) -> None:
    seen: list[int] = []

    def fail(job: Job) -> None:
        seen.append(job.attempt)
        if job.attempt == 1:
            raise ValueError("secret")
        raise TaskError("no such picture")

    job = engine.submit(max_attempts=2)
    # PgQueuer waits for the second attempt; Procrastinate's worker has gone home.
    for _ in range(3):
        engine.run(fail)
    row = engine.db.job(job)
    assert seen == [1, 2]
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert row["error"] == {"code": "handler_error", "message": "no such picture"}
    assert engine.db.events(job)[2:] == ["started", "retrying", "started", "failed"]
    assert engine.db.value(
        "select detail from background_job_events where job_id = %s and event = 'retrying'", job
    ) == {
        "code": "handler_error",
        "message": "the handler raised ValueError",
        "raised": "ValueError: secret",
    }


def test_a_payload_that_does_not_fit_is_not_tried_again(engine: Engine) -> None:
    def shout(job: Job, words: Words) -> None: ...

    job = engine.submit('{"txt": 1}')
    engine.run(shout)
    engine.run(shout)
    row = engine.db.job(job)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert row["error"]["code"] == "invalid_payload"


def test_a_finished_job_that_is_given_out_again_does_not_run(engine: Engine) -> None:
    ran: list[UUID] = []
    job = engine.submit()
    # As after a worker that died between its report and its own queue's.
    assert engine.db.value("select attempt from jobferry.delegated_started(%s)", job) == 1
    assert engine.db.value("select jobferry.delegated_completed(%s, 1)", job)
    engine.run(lambda job: ran.append(job.id))
    assert ran == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_progress_is_seen_and_a_cancel_reaches_the_handler(engine: Engine, kind: str) -> None:
    stopped = threading.Event()

    def compute(job: Job) -> None:
        job.progress(0.5)
        try:
            while True:
                job.id.hex  # noqa: B018 - a handler that never looks
        except JobCancelled:
            stopped.set()
            raise

    async def wait(job: Job) -> None:
        job.progress(0.5)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise

    job = engine.submit()

    def watch() -> None:
        with Database(engine.db.dsn) as device:
            eventually(lambda: device.job(job)["progress"] == 0.5)
            device.cancel_batch(job)

    watcher = threading.Thread(target=watch)
    watcher.start()
    engine.run(compute if kind == "sync" else wait)
    watcher.join()
    assert stopped.is_set()
    assert engine.db.status(job) == "cancelled"
    assert engine.db.events(job)[-2:] == ["started", "cancelled"]


def test_a_cancelled_job_is_not_begun(engine: Engine) -> None:
    ran: list[UUID] = []
    job, other = engine.submit(), engine.submit()
    engine.db.cancel_batch(job)
    engine.run(lambda job: ran.append(job.id))
    assert ran == [other]


def test_procrastinate_stopping_hands_the_job_back(db: Database) -> None:
    engine = Engine(db, "procrastinate")
    job = engine.submit()

    async def stop_in_the_middle() -> None:
        begun = asyncio.Event()

        async def wait(job: Job) -> None:
            begun.set()
            await asyncio.sleep(60)

        app = App(connector=PsycopgConnector(conninfo=db.dsn, min_size=1, max_size=3))
        procrastinate.delegated(app, "away", queue="q")(wait)
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(queues=["q"], shutdown_graceful_timeout=0)
            )
            await begun.wait()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    asyncio.run(stop_in_the_middle())
    assert db.status(job) == "retrying"
    assert db.job(job)["error"]["code"] == "processor_lost"
    assert db.value("select status from procrastinate_jobs") == "todo"
    engine.run(lambda _job: "done")
    assert db.job(job)["result"] == "done"


def on_the_device(services: Services, path: Path, work: Callable[[], None]) -> object:
    """Submit as the page says, let the worker work, and the result that comes back."""
    with services.gateway() as url, JobClient(path, url, token()) as client:
        job = client.submit("shout", {"text": "hello"})
        with Database(services.dsn) as db:
            eventually(lambda: db.rows("select from jobferry.delegated"))
        work()
        done = client.wait(job.id, timeout=30)
        assert done.attempts == 1
        return done.result


@pytest.fixture
def environment(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page's examples take from it."""
    monkeypatch.setenv("JOBFERRY_DSN", dsn)


@pytest.mark.usefixtures("environment")
def test_procrastinate_s_example(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    delegate(db, "shout", "procrastinate")
    names: dict[str, Any] = {"__name__": "procrastinate_worker"}
    exec(example("procrastinate_worker.py"), names)

    async def work() -> None:
        async with names["app"].open_async():
            await names["app"].run_worker_async(wait=False)

    result = on_the_device(services, device_file("till"), lambda: asyncio.run(work()))
    assert result == {"text": "HELLO"}


@pytest.mark.usefixtures("environment")
def test_pgqueuer_s_example(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    delegate(db, "shout", "pgqueuer")
    names: dict[str, Any] = {"__name__": "pgqueuer_worker"}
    exec(example("pgqueuer_worker.py"), names)

    async def work() -> None:
        pgq = await names["main"]()
        await pgq.run(mode=QueueExecutionMode.drain)
        await pgq.connection._connection.close()

    result = on_the_device(services, device_file("till"), lambda: asyncio.run(work()))
    assert result == {"text": "HELLO"}


def test_the_statements_for_any_language(db: Database) -> None:
    delegate(db, "away", "procrastinate")
    job = UUID("0197a000-0000-7000-8000-000000000009")
    assert db.submit(Spec(id=job, task="away")) == []
    block = example("no row: leave the job alone, it was cancelled or is done with")
    *before, last = [statement for statement in block.split(";\n") if statement.strip()]
    for statement in before:
        db.do(statement)
    assert db.value("select attempt from jobferry.delegated_started(%s)", job) == 2
    assert db.value(last) is True
    assert db.events(job)[2:] == ["started", "retrying", "started", "completed"]
