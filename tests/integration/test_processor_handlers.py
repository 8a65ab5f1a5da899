"""What handlers may do, well or badly, and what becomes of their jobs."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from integration.database import Database, Row, Spec
from jobferry_server import Job, Processor, Retry, Snooze, TaskError
from support.processes import Part, eventually, part
from support.services import Services


class Photo(BaseModel):
    width: int = Field(ge=1)
    name: str = "untitled"


class Thumb(BaseModel):
    half: int
    of: Photo


@pytest.fixture
def run(db: Database, services: Services) -> Callable[..., Row]:
    """Runs one job with one processor to its end; the ledger's row."""

    def run_one(processor: Processor, payload: object = None, **spec: Any) -> Row:
        with services.processor(processor):
            return finished(db, submitted(db, payload, **spec))

    return run_one


def submitted(db: Database, payload: object = None, **spec: Any) -> UUID:
    one = Spec(payload=json.dumps(payload), **spec)
    assert db.submit(one) == []
    return one.id


def finished(db: Database, job: UUID, seconds: float = 20) -> Row:
    eventually(lambda: db.job(job)["finished_at"] is not None, seconds, 0.01)
    return db.job(job)


def only(handler: Callable[..., Any], **options: Any) -> Processor:
    """A processor with one task."""
    processor = Processor()
    processor.task(**options)(handler)
    return processor


def hurry(db: Database) -> None:
    """Time passes: what waits to be tried again is due."""
    db.do("update jobferry.queue set run_at = now() where locked_by is null and attempts > 0")
    db.do("notify jobferry_queue")


# -- payload in, result out


def test_a_sync_handler_runs_on_a_thread(run: Callable[..., Row]) -> None:
    def handler(job: Job) -> object:
        return {
            "got": job.payload,
            "attempt": job.attempt,
            "owner": job.owner,
            "task": job.task,
            "main": threading.current_thread() is threading.main_thread(),
            "loop": "services" in threading.current_thread().name,
        }

    row = run(only(handler), {"ä": [1, None, 2.5]})
    assert row["status"] == "completed"
    assert row["result"] == {
        "got": {"ä": [1, None, 2.5]},
        "attempt": 1,
        "owner": "anna",
        "task": "default",
        "main": False,
        "loop": False,
    }


def test_an_async_handler_runs_on_the_loop(run: Callable[..., Row]) -> None:
    async def handler(job: Job, payload: dict[str, int]) -> int:
        await asyncio.sleep(0)
        return payload["n"] + 1

    assert run(only(handler), {"n": 41})["result"] == 42


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_models_in_and_out(run: Callable[..., Row], colour: str) -> None:
    def handler(job: Job, photo: Photo) -> Thumb:
        return Thumb(half=photo.width // 2, of=photo)

    async def async_handler(job: Job, photo: Photo) -> Thumb:
        return handler(job, photo)

    row = run(only(handler if colour == "sync" else async_handler), {"width": 640})
    assert row["result"] == {"half": 320, "of": {"width": 640, "name": "untitled"}}
    assert row["progress"] == 1


COMPLAINTS: list[tuple[object, str]] = [
    ({"width": 0}, "width"),
    ({"width": "wide"}, "width"),
    ({"name": "x"}, "width: Field required"),
    ([1, 2], "object"),
    (None, "object"),
]


def test_a_payload_that_does_not_fit_fails_at_once_and_says_why(
    db: Database, services: Services
) -> None:
    def handler(job: Job, photo: Photo) -> None:
        raise AssertionError("never called")

    with services.processor(only(handler)):
        jobs = [submitted(db, payload) for payload, _ in COMPLAINTS]
        for job, (_, complaint) in zip(jobs, COMPLAINTS, strict=True):
            row = finished(db, job)
            assert (row["status"], row["attempts"]) == ("failed", 1)
            assert row["error"]["code"] == "invalid_payload"
            assert complaint in row["error"]["message"]
            assert "wide" not in row["error"]["message"]
            assert db.events(row["id"]) == ["submitted", "started", "failed"]


def test_results_of_every_kind(db: Database, services: Services) -> None:
    values: list[object] = [None, 0, "", [], {}, False, "ä\n😀", 1.5, [[["deep"]]]]
    with services.processor(only(lambda job: values[job.payload])):
        jobs = [submitted(db, number) for number in range(len(values))]
        for job, value in zip(jobs, values, strict=True):
            row = finished(db, job)
            assert (row["status"], row["result"]) == ("completed", value)


def nested(depth: int) -> object:
    value: object = None
    for _ in range(depth):
        value = [value]
    return value


def circular() -> object:
    value: list[object] = []
    value.append(value)
    return value


BAD_RESULTS: dict[str, Callable[[], object]] = {
    "an object": object,
    "NaN": lambda: float("nan"),
    "infinity": lambda: [float("inf")],
    "NUL": lambda: {"a": "\x00"},
    "a lone surrogate": lambda: "\ud800",
    "too deep": lambda: nested(200),
    "too large": lambda: "x" * 2_000_000,
    "a number beyond a double": lambda: 10**400,
}
#: What pydantic's own conversion stumbles on.
STRANGE_RESULTS: dict[str, Callable[[], object]] = {
    "octets that are no text": lambda: b"\xff\xfe",
    "itself": circular,
    "much too deep": lambda: nested(10_000),
}


@pytest.mark.parametrize(
    "kinds",
    [
        BAD_RESULTS,
        pytest.param(
            STRANGE_RESULTS,
        ),
    ],
    ids=["bad", "strange"],
)
def test_a_result_that_is_none_of_json_fails_for_good(
    db: Database, services: Services, kinds: dict[str, Callable[[], object]]
) -> None:
    with services.processor(only(lambda job: kinds[job.payload]())):
        jobs = {kind: submitted(db, kind) for kind in kinds}
        for kind, job in jobs.items():
            row = finished(db, job, 3)
            assert (row["status"], row["attempts"]) == ("failed", 1), kind
            assert row["error"]["code"] == "invalid_result", kind
            assert row["error"]["message"]
            assert row["result"] is None


def test_a_result_may_be_as_large_as_the_limit(db: Database, services: Services) -> None:
    with services.processor(only(lambda job: "x" * job.payload), result_bytes=1000):
        fits, above = submitted(db, 998), submitted(db, 999)
        assert finished(db, fits)["status"] == "completed"
        assert finished(db, above)["error"]["code"] == "invalid_result"


FAR: dict[str, Exception] = {
    "a retry that no calendar has": Retry(in_=timedelta(days=3_000_000)),
    "a retry beyond all time": Retry(in_=timedelta.max),
    "a pause that no calendar has": Snooze(timedelta(days=3_000_000)),
    "a pause beyond all time": Snooze(timedelta.max),
}


def test_a_time_that_is_none_fails_for_good_and_holds_up_nobody(
    db: Database, services: Services
) -> None:
    def handler(job: Job) -> None:
        if job.payload in FAR:
            raise FAR[job.payload]

    with services.processor(only(handler)):
        jobs = {kind: submitted(db, kind) for kind in FAR}
        good = submitted(db, "good")
        for kind, job in jobs.items():
            row = finished(db, job, 5)
            assert (row["status"], row["error"]["code"]) == ("failed", "invalid_result"), kind
        assert finished(db, good)["status"] == "completed"


def test_progress_arrives_while_the_handler_runs(db: Database, services: Services) -> None:
    go_on = threading.Event()

    def handler(job: Job) -> None:
        for fraction in (0.25, 0.5, 7, -3, 0.75):
            job.progress(fraction)
        go_on.wait(10)

    with services.processor(only(handler)):
        job = submitted(db)
        eventually(lambda: db.job(job)["progress"] == 0.75, 10, 0.01)
        assert db.status(job) == "running"
        go_on.set()
        assert finished(db, job)["progress"] == 1


def test_progress_that_is_no_number_is_the_handler_s_fault(run: Callable[..., Row]) -> None:
    row = run(only(lambda job: job.progress(float("nan"))), max_attempts=1)
    assert (row["status"], row["error"]["code"]) == ("failed", "handler_error")


# -- failing


def test_a_handler_that_raises_is_tried_again_until_it_does_not(
    db: Database, services: Services
) -> None:
    def handler(job: Job) -> int:
        if job.attempt < 3:
            raise RuntimeError("a secret of the server")
        return job.attempt

    with services.processor(only(handler)):
        job = submitted(db)
        for attempt in (1, 2):
            eventually(lambda: db.status(job) == "retrying", 10, 0.01)
            row = db.job(job)
            assert row["attempts"] == attempt
            assert row["error"] == {
                "code": "handler_error",
                "message": "the handler raised RuntimeError",
            }
            hurry(db)
            eventually(lambda attempt=attempt: db.job(job)["attempts"] > attempt, 10, 0.01)  # type: ignore[misc]
        assert finished(db, job)["result"] == 3
    assert db.events(job) == ["submitted", *["started", "retrying"] * 2, "started", "completed"]
    details = db.column("select detail from background_job_events where event = 'retrying'")
    assert {detail["raised"] for detail in details} == {"RuntimeError: a secret of the server"}


@pytest.mark.parametrize(("of_task", "of_job"), [(1, 25), (2, 25), (None, 2), (25, 1)])
def test_attempts_are_the_task_s_or_the_job_s_whichever_are_fewer(
    db: Database, services: Services, of_task: int | None, of_job: int
) -> None:
    def handler(job: Job) -> None:
        raise ValueError

    most = min(of_job, of_task or of_job)
    with services.processor(only(handler, max_attempts=of_task)):
        job = submitted(db, max_attempts=of_job)
        for attempt in range(1, most):
            eventually(lambda: db.status(job) == "retrying", 10, 0.01)
            hurry(db)
            eventually(lambda attempt=attempt: db.job(job)["attempts"] > attempt, 10, 0.01)  # type: ignore[misc]
        row = finished(db, job)
    assert (row["status"], row["attempts"]) == ("failed", most)


def test_a_task_s_own_words_reach_the_ledger(run: Callable[..., Row]) -> None:
    def handler(job: Job) -> None:
        raise TaskError("no such photo: ä", code="no_photo")

    row = run(only(handler), max_attempts=1)
    assert row["error"] == {"code": "no_photo", "message": "no such photo: ä"}


WORDS = ["nul \x00 nul", "surrogate \ud800", "\udcff.jpg", 'quote " \\', "ä\n😀", "x" * 100_000]


def test_words_that_can_not_be_stored_keep_no_job_from_failing(
    db: Database, services: Services
) -> None:
    """As the message of an OSError about a file whose name is no text."""
    kinds = [TaskError, ValueError, OSError]

    def handler(job: Job) -> None:
        raise kinds[job.payload["kind"]](WORDS[job.payload["words"]])

    with services.processor(only(handler)):
        jobs = [
            submitted(db, {"kind": kind, "words": words}, max_attempts=1)
            for kind in range(len(kinds))
            for words in range(len(WORDS))
        ]
        for job in jobs:
            row = finished(db, job, 3)
            assert row["status"] == "failed"
            assert row["error"]["message"]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_handler_that_takes_too_long_is_stopped_and_tried_again(
    db: Database, services: Services, colour: str
) -> None:
    def busy(job: Job) -> None:
        while True:
            pass

    async def sleepy(job: Job) -> None:
        await asyncio.sleep(60)

    with services.processor(only(busy if colour == "sync" else sleepy, timeout=0.2)):
        job = submitted(db, max_attempts=2)
        eventually(lambda: db.status(job) == "retrying", 10, 0.01)
        assert db.job(job)["error"]["code"] == "timed_out"
        hurry(db)
        row = finished(db, job)
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert "0.2" in row["error"]["message"]


def test_one_slow_task_stops_no_other(db: Database, services: Services) -> None:
    processor = Processor()
    go_on = threading.Event()

    @processor.task("slow")
    def slow(job: Job) -> None:
        go_on.wait(20)

    @processor.task("fast")
    def fast(job: Job) -> str:
        return "fast"

    with services.processor(processor, concurrency=3):
        slow_ones = [submitted(db, task="slow") for _ in range(2)]
        fast_ones = [submitted(db, task="fast") for _ in range(20)]
        for job in fast_ones:
            assert finished(db, job)["result"] == "fast"
        assert {db.status(job) for job in slow_ones} == {"running"}
        go_on.set()
        for job in slow_ones:
            assert finished(db, job)["status"] == "completed"


# -- being told to stop


def busy_handler(started: threading.Event, how: list[str]) -> Callable[[Job], None]:
    def handler(job: Job) -> None:
        started.set()
        try:
            while True:
                pass
        except BaseException as error:
            how.append(type(error).__name__)
            raise

    return handler


def reporting_handler(started: threading.Event, how: list[str]) -> Callable[[Job], None]:
    def handler(job: Job) -> None:
        started.set()
        try:
            while True:
                time.sleep(0.01)
                job.progress(0.5)
        except BaseException as error:
            how.append(type(error).__name__)
            raise

    return handler


def thick_skinned_handler(started: threading.Event, how: list[str]) -> Callable[[Job], None]:
    def handler(job: Job) -> None:
        started.set()
        try:
            while True:
                try:
                    job.progress(0.5)
                    time.sleep(0.001)
                except Exception:
                    how.append("swallowed as if it were an error")
        finally:
            how.append("over")

    return handler


def async_handler(started: threading.Event, how: list[str]) -> Callable[[Job], Any]:
    async def handler(job: Job) -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except BaseException as error:
            how.append(type(error).__name__)
            raise

    return handler


def stubborn_async_handler(started: threading.Event, how: list[str]) -> Callable[[Job], Any]:
    async def handler(job: Job) -> str:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            how.append("swallowed")
        await asyncio.sleep(0)
        return "done anyway"

    return handler


KINDS = [
    busy_handler,
    reporting_handler,
    thick_skinned_handler,
    async_handler,
    stubborn_async_handler,
]


@pytest.mark.parametrize("way", ["device", "plain UPDATE", "another's completion"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_running_handler_is_told_within_a_second(
    db: Database, services: Services, kind: Callable[..., Callable[[Job], Any]], way: str
) -> None:
    started, how = threading.Event(), list[str]()
    processor = only(kind(started, how))
    processor.task("next")(lambda _: "next")
    with services.processor(processor, concurrency=1):
        job = submitted(db)
        assert started.wait(10)
        began = time.monotonic()
        match way:
            case "device":
                db.cancel_batch(job)
            case "plain UPDATE":
                db.cancel(job)
            case _:
                db.do("update background_jobs set completed = true where id = %s", job)
        eventually(lambda: how, 5, 0.005)
        told = time.monotonic() - began
        # Its worker is free for others, and nothing of it is left.
        assert finished(db, submitted(db, task="next"), 5)["result"] == "next"
    assert told < 1.0
    row = db.job(job)
    assert row["status"] == ("completed" if way == "another's completion" else "cancelled")
    assert row["result"] is None
    db.assert_sound()


def test_a_job_cancelled_before_its_turn_never_runs(db: Database, services: Services) -> None:
    go_on, ran = threading.Event(), list[UUID]()

    def handler(job: Job) -> None:
        ran.append(job.id)
        go_on.wait(10)

    with services.processor(only(handler), concurrency=1):
        first = submitted(db, priority=-1)
        eventually(lambda: ran == [first], 10, 0.01)
        second = submitted(db)
        db.cancel_batch(second)
        go_on.set()
        finished(db, first)
        finished(db, submitted(db))
    assert second not in ran
    assert db.status(second) == "cancelled"


def test_a_lost_lease_stops_the_handlers_and_their_late_results_change_nothing(
    db: Database, services: Services
) -> None:
    begun: list[int] = []
    stopped, go_on = threading.Event(), threading.Event()

    def handler(job: Job) -> str:
        begun.append(job.attempt)
        if job.attempt == 1:
            try:
                while not go_on.is_set():
                    time.sleep(0.01)
                    job.check()
            except BaseException:
                stopped.set()
                go_on.wait(10)
                return "late"
        return "on time"

    with services.processor(only(handler), concurrency=2):
        job = submitted(db)
        eventually(lambda: begun == [1], 10, 0.01)
        assert db.reap() == 1
        # Whoever takes it next; here the same process, under a new name.
        assert stopped.wait(5)
        row = finished(db, job)
        go_on.set()
    assert (row["result"], row["attempts"]) == ("on time", 2)
    assert db.job(job) == row
    assert db.events(job) == ["submitted", "started", "retrying", "started", "completed"]


def test_a_processor_whose_row_is_gone_comes_back_under_another_name(
    db: Database, services: Services
) -> None:
    with services.processor(only(lambda _: 1), lease_seconds=1.0):
        before = db.column("select id from jobferry.processors")
        db.do("delete from jobferry.processors")
        assert finished(db, submitted(db))["result"] == 1
        after = db.column("select id from jobferry.processors")
    assert len(before) == len(after) == 1
    assert before != after
    assert db.value("select count(*) from jobferry.processors") == 0


def test_a_claim_that_is_carried_out_long_after_it_was_given_up_holds_no_job_for_ever(
    db: Database, services: Services
) -> None:
    """The network held it up; the processor has since made sure that it holds nothing unknown."""
    with services.processor(only(lambda _: 1), lease_seconds=0.5, poll_seconds=0.1):
        finished(db, submitted(db))
        with db.together():
            job = submitted(db)
            assert len(db.claim(db.value("select id from jobferry.processors"))) == 1
        finished(db, job)
    assert db.events(job) == ["submitted", "started", "released", "started", "completed"]


# -- what nobody can do


def test_unknown_tasks_stay_queued_and_are_reported(
    db: Database, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = [submitted(db, task="unheard of") for _ in range(3)]
    with caplog.at_level(logging.WARNING), services.processor(only(lambda _: 1)):
        assert finished(db, submitted(db))["result"] == 1
        eventually(lambda: "unheard of" in caplog.text, 10)
    assert "3 jobs wait for task 'unheard of'" in caplog.text
    assert {db.status(job) for job in strangers} == {"queued"}
    assert {row["attempts"] for row in db.queue().values()} == {0}


def test_jobs_that_waited_for_a_processor_are_found_without_a_ring(
    db: Database, services: Services
) -> None:
    jobs = [submitted(db, n) for n in range(1200)]
    with services.processor(only(lambda job: job.payload)):
        eventually(lambda: not db.queue(), 20)
    assert [db.job(job)["result"] for job in jobs[:3]] == [0, 1, 2]
    assert db.column("select distinct attempts from background_jobs") == [1]


# -- handlers that raise what is no Exception

MODULE = """
import asyncio
from jobferry_server import Processor

class Own(BaseException):
    pass

KINDS = {one.__name__: one for one in (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration,
    StopAsyncIteration, asyncio.CancelledError, Own)}
processor = Processor()

@processor.task("sync", max_attempts=1)
def sync(job, kind):
    raise KINDS[kind]("bye")

@processor.task("async", max_attempts=1)
async def coroutine(job, kind):
    await asyncio.sleep(0)
    raise KINDS[kind]("bye")

@processor.task("echo")
def echo(job):
    return job.payload
"""


@contextmanager
def process(tmp_path: Path, dsn: str) -> Iterator[Part]:
    """A processor of these tasks in a process of its own: what it raises must not end ours."""
    (tmp_path / "untamed.py").write_text(MODULE)
    with part(
        tmp_path / "processor.log",
        *("processor", "untamed:processor", "--dsn", dsn, "--concurrency", "2"),
        PYTHONPATH=str(tmp_path),
    ) as found:
        yield found


@pytest.mark.parametrize(
    "kinds",
    [
        ["SystemExit", "StopIteration", "StopAsyncIteration"],
        ["KeyboardInterrupt"],
        ["GeneratorExit"],
        ["CancelledError"],
        ["Own"],
    ],
    ids=str,
)
def test_whatever_a_handler_raises_is_its_job_s_end_and_nothing_else(
    db: Database, tmp_path: Path, kinds: list[str]
) -> None:
    with process(tmp_path, db.dsn):
        for kind in kinds:
            for colour in ("sync", "async"):
                for job in [submitted(db, kind, task=colour) for _ in range(3)]:
                    row = finished(db, job, 4)
                    assert (row["status"], row["error"]["code"]) == ("failed", "handler_error")
        assert finished(db, submitted(db, "still here", task="echo"), 4)["result"] == "still here"
