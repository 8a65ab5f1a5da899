"""Handlers in processes of their own: work that computes, and whatever it does to its process."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, hurry, only, submitted
from jobferry_server import Job, Processor
from jobferry_server.errors import ConfigurationError
from support import heavy
from support.processes import eventually
from support.services import Services


def in_process(handler: Callable[..., Any], **options: Any) -> Processor:
    """A processor whose only task runs in a process."""
    return only(handler, executor="process", **options)


def test_payload_and_result_cross_and_the_process_is_used_again(
    db: Database, services: Services
) -> None:
    with services.processor(in_process(heavy.add), concurrency=1):
        rows = [finished(db, submitted(db, {"numbers": [n, 1]})) for n in range(3)]
    assert [row["result"]["sum"] for row in rows] == [1, 2, 3]
    assert rows[0]["result"]["attempt"] == 1
    (pid,) = {row["result"]["pid"] for row in rows}
    assert pid != os.getpid()
    eventually(lambda: not alive(pid))


def test_the_default_executor_is_a_setting(db: Database, services: Services) -> None:
    with services.processor(only(heavy.add), executor="process"):
        row = finished(db, submitted(db, {"numbers": []}))
    assert row["result"]["pid"] != os.getpid()


def test_a_payload_that_does_not_fit_fails_at_once(db: Database, services: Services) -> None:
    with services.processor(in_process(heavy.add)):
        row = finished(db, submitted(db, {"numbers": "many"}))
    assert (row["status"], row["error"]["code"]) == ("failed", "invalid_payload")


def test_progress_and_checkpoint_cross(db: Database, services: Services, tmp_path: Path) -> None:
    with services.processor(in_process(heavy.step)):
        job = submitted(db, str(tmp_path))
        for number in (1, 2):
            eventually(partial(reached, db, job, number / 4))
            kept = db.value("select checkpoint from jobferry.queue where job_id = %s", job)
            assert kept == {"step": number}
            (tmp_path / str(number)).touch()
        assert finished(db, job)["status"] == "completed"


def test_a_cancel_reaches_a_handler_that_computes(
    db: Database, services: Services, tmp_path: Path
) -> None:
    with services.processor(in_process(heavy.compute), concurrency=1):
        job = submitted(db, str(tmp_path))
        eventually((tmp_path / "began").exists)
        asked = time.monotonic()
        db.cancel_batch(job)
        eventually((tmp_path / "told").exists)
        assert time.monotonic() - asked < 1
    assert db.status(job) == "cancelled"


@pytest.mark.parametrize("how", ["timeout", "hard_timeout"])
def test_a_handler_that_does_not_stop_is_killed(
    db: Database, services: Services, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobferry_server.processor.attempt.OBEY_SECONDS", 0.5)
    with services.processor(in_process(heavy.deaf, max_attempts=1, **{how: 3.0}), concurrency=1):
        row = finished(db, submitted(db, str(tmp_path)))
        assert (row["status"], row["error"]["code"]) == ("failed", "timed_out")
        pid = int((tmp_path / "began").read_text())
        eventually(lambda: not alive(pid))


def test_a_process_that_dies_costs_an_attempt_and_nothing_else(
    db: Database, services: Services
) -> None:
    with services.processor(in_process(heavy.once), concurrency=1):
        job = submitted(db)
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        row = finished(db, job)
    assert (row["status"], row["attempts"], row["result"]) == ("completed", 2, "process_died")


def test_a_job_that_kills_its_process_stops_with_its_last_attempt(
    db: Database, services: Services
) -> None:
    with services.processor(in_process(heavy.die)):
        job = submitted(db, max_attempts=2)
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        row = finished(db, job)
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert row["error"] == {
        "code": "process_died",
        "message": "the process that ran the handler ended with -9",
    }


def test_a_result_that_does_not_travel_fails_the_attempt(db: Database, services: Services) -> None:
    with services.processor(in_process(heavy.unsendable, max_attempts=1)):
        row = finished(db, submitted(db))
    assert (row["status"], row["error"]["code"]) == ("failed", "handler_error")


def test_what_a_handler_raises_means_the_same(db: Database, services: Services) -> None:
    with services.processor(in_process(heavy.raise_one)):
        failed = finished(db, submitted(db, "fail"))
        retried, snoozed, raised = (submitted(db, what) for what in ("retry", "snooze", "other"))
        eventually(lambda: db.status(retried) == "retrying" and db.status(raised) == "retrying")
        eventually(lambda: db.status(snoozed) == "scheduled")
    assert failed["error"] == {"code": "no_paper", "message": "the printer has no paper"}
    assert db.job(retried)["error"]["message"] == "later"
    assert "secret" not in str(db.job(raised)["error"])
    assert db.job(snoozed)["attempts"] == 0


def test_a_handler_that_no_other_process_finds_is_refused_at_the_start(services: Services) -> None:
    def local(job: Job) -> None: ...

    service = in_process(local).service(services.dsn)
    with pytest.raises(ConfigurationError, match="can't run in a process"):
        services.run(service.run(asyncio.Event()))


def test_a_coroutine_has_no_process() -> None:
    async def handler(job: Job) -> None: ...

    with pytest.raises(ConfigurationError, match="is a coroutine"):
        in_process(handler)


def reached(db: Database, job: UUID, progress: float) -> bool:
    return bool(db.job(job)["progress"] == progress)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
