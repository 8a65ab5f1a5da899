"""How an attempt may end, by the handler's own word, and what its next attempt finds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, hurry, only, submitted
from jobferry_server import Backoff, Fail, ItemsFailed, Job, Processor, Retry, Snooze
from support.processes import eventually
from support.services import Services


def failed_as_often(db: Database, job: UUID, attempts: int) -> bool:
    row = db.job(job)
    return bool((row["status"], row["attempts"]) == ("retrying", attempts))


def wait_in_seconds(db: Database, job: object) -> float:
    """How long until a job runs, by the database's clock."""
    return float(
        db.value(
            "select extract(epoch from run_at - now()) from jobferry.queue where job_id = %s", job
        )
    )


# -- when it is tried again


@pytest.mark.parametrize("in_", [600, timedelta(minutes=10)])
def test_retry_says_when(db: Database, services: Services, in_: Any) -> None:
    def handler(job: Job) -> None:
        raise Retry("the printer is warming up", in_=in_)

    with services.processor(only(handler)):
        job = submitted(db)
        eventually(lambda: db.status(job) == "retrying")
    assert 590 < wait_in_seconds(db, job) <= 600
    assert db.job(job)["error"]["message"] == "the printer is warming up"


def test_fail_is_for_good(db: Database, services: Services) -> None:
    def handler(job: Job) -> None:
        raise Fail("no_such_customer", "there is no customer 7")

    with services.processor(only(handler)):
        row = finished(db, submitted(db))
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert row["error"] == {"code": "no_such_customer", "message": "there is no customer 7"}


def test_snooze_is_no_attempt(db: Database, services: Services) -> None:
    def handler(job: Job) -> int:
        if not job.earlier.checkpoint:
            job.checkpoint("seen")
            raise Snooze(600)
        return job.attempt

    with services.processor(only(handler)):
        job = submitted(db, max_attempts=1)
        eventually(lambda: db.status(job) == "scheduled")
        assert 590 < wait_in_seconds(db, job) <= 600
        assert db.job(job)["attempts"] == 0
        db.do("update background_jobs set run_at = now() where id = %s", job)
        row = finished(db, job)
    assert (row["status"], row["result"]) == ("completed", 1)
    assert db.events(job)[:3] == ["submitted", "started", "snoozed"]


def test_a_task_has_a_policy_of_its_own(db: Database, services: Services) -> None:
    def handler(job: Job) -> None:
        raise ValueError

    with services.processor(only(handler, retry=Backoff(first=100, factor=3))):
        job = submitted(db)
        for attempt, most in ((1, 100), (2, 300), (3, 900)):
            eventually(partial(failed_as_often, db, job, attempt))
            assert most - 10 < wait_in_seconds(db, job) <= most
            hurry(db)


@pytest.mark.parametrize(
    ("attempt", "least", "most"), [(1, 2, 3), (2, 4, 6), (5, 10, 15), (1000, 10, 15)]
)
def test_the_times_of_a_backoff(attempt: int, least: float, most: float) -> None:
    policy = Backoff(first=2, factor=2, most=10, spread=0.5)
    for _ in range(20):
        assert least <= policy(attempt).total_seconds() <= most


# -- what the next attempt finds


def test_a_retry_finds_progress_error_and_checkpoint(db: Database, services: Services) -> None:
    seen: list[Any] = []

    def handler(job: Job) -> None:
        seen.append((job.earlier.progress, job.earlier.error, job.earlier.checkpoint))
        if job.attempt == 1:
            job.checkpoint({"page": 6})
            job.progress(0.25)
            job.checkpoint({"page": 7})
            raise Fail("half", "done") if job.payload else Retry("half done", in_=0)

    with services.processor(only(handler)):
        finished(db, submitted(db))
    first, second = seen
    assert first == (0.0, None, None)
    assert (second[0], second[2]) == (0.25, {"page": 7})
    assert (second[1].code, second[1].message) == ("handler_error", "half done")


def test_a_checkpoint_is_on_disk_while_the_job_runs(db: Database, services: Services) -> None:
    go_on = asyncio.Event()

    async def handler(job: Job) -> None:
        job.checkpoint([1, 2])
        await go_on.wait()

    with services.processor(only(handler)):
        job = submitted(db)
        kept = "select checkpoint from jobferry.queue where job_id = %s"
        eventually(lambda: db.value(kept, job) == [1, 2])
        version = db.job(job)["version"]
        services.run(set_(go_on))
        finished(db, job)
    assert version != db.job(job)["version"]


def test_a_checkpoint_is_small(db: Database, services: Services) -> None:
    def handler(job: Job) -> str:
        with pytest.raises(ValueError, match="at most 65536 octets"):
            job.checkpoint("x" * 65536)
        return "small"

    with services.processor(only(handler)):
        assert finished(db, submitted(db))["result"] == "small"


async def set_(event: asyncio.Event) -> None:
    event.set()


# -- batches


def test_only_the_items_that_failed_are_tried_again(db: Database, services: Services) -> None:
    seen: list[Any] = []

    def handler(job: Job, items: list[str]) -> int:
        seen.append(items)
        bad = [place for place, item in enumerate(items) if item.startswith("bad")]
        if bad and job.attempt < 3:
            raise ItemsFailed(bad[:2] if job.attempt == 1 else bad[:1], "some letters came back")
        return len(items)

    with services.processor(only(handler)):
        job = submitted(db, ["good", "bad 1", "fine", "bad 2"])
        for attempt in (1, 2):
            eventually(partial(failed_as_often, db, job, attempt))
            hurry(db)
        row = finished(db, job)
    assert seen == [["good", "bad 1", "fine", "bad 2"], ["bad 1", "bad 2"], ["bad 1"]]
    # What was asked for stays what the ledger says.
    assert row["payload"] == ["good", "bad 1", "fine", "bad 2"]


@pytest.mark.parametrize("items", [[], [7], [-1]])
def test_items_that_are_not_there_are_all_of_it(
    db: Database, services: Services, items: list[int]
) -> None:
    seen: list[Any] = []

    def handler(job: Job) -> None:
        seen.append(job.payload)
        if job.attempt == 1:
            raise ItemsFailed(items)

    with services.processor(only(handler)):
        job = submitted(db, [1, 2])
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        finished(db, job)
    assert seen == [[1, 2], [1, 2]]


# -- around every handler


def test_middleware_is_around_every_handler(db: Database, services: Services) -> None:
    seen: list[str] = []
    processor = Processor()

    @processor.middleware
    async def outer(job: Job, call: Callable[[], Awaitable[Any]]) -> Any:
        seen.append(f"outer {job.task}")
        try:
            return await call()
        except ZeroDivisionError as error:
            seen.append(repr(error))
            raise

    @processor.middleware
    async def inner(job: Job, call: Callable[[], Awaitable[Any]]) -> Any:
        seen.append("inner")
        return [await call()]

    @processor.task("sync")
    def sync(job: Job) -> int:
        return 1

    @processor.task("async", max_attempts=1)
    async def async_(job: Job) -> float:
        return 1 / 0

    with services.processor(processor):
        assert finished(db, submitted(db, task="sync"))["result"] == [1]
        row = finished(db, submitted(db, task="async"))
    assert row["status"] == "failed"
    assert seen == [
        "outer sync",
        "inner",
        "outer async",
        "inner",
        "ZeroDivisionError('division by zero')",
    ]


# -- handlers that do not stop


def test_a_coroutine_that_swallows_its_cancellation_is_given_up(
    db: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobferry_server.processor.attempt.OBEY_SECONDS", 0.2)
    processor = Processor()
    release = asyncio.Event()

    @processor.task("deaf", timeout=0.2, max_attempts=1)
    async def deaf(job: Job) -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "at last"

    @processor.task()
    async def default(job: Job) -> str:
        return "done"

    with services.processor(processor, concurrency=1):
        row = finished(db, submitted(db, task="deaf"))
        assert (row["status"], row["error"]["code"]) == ("failed", "timed_out")
        # Its worker is gone with it; another took its place.
        assert finished(db, submitted(db))["result"] == "done"
        services.run(set_(release))
        assert finished(db, submitted(db))["result"] == "done"
    assert db.job(row["id"])["status"] == "failed"


def test_a_hard_timeout_ends_a_thread_that_sleeps(db: Database, services: Services) -> None:
    def handler(job: Job) -> None:
        time.sleep(5 if job.attempt == 1 else 0)

    with services.processor(only(handler, hard_timeout=0.2, max_attempts=1), concurrency=1):
        began = time.monotonic()
        row = finished(db, submitted(db))
        assert time.monotonic() - began < 4
    assert (row["status"], row["error"]["message"]) == ("failed", "stopped after 0.2 s")
