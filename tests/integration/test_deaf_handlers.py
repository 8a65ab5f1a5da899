"""What a handler that was left behind still does, it does to nobody else's transaction."""

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, submitted
from jobferry_server import Job, JobCancelled, Processor
from support.services import Services

EFFECT = "insert into effects values (%s)"


@pytest.fixture(autouse=True)
def _effects(db: Database) -> None:
    db.do("create table effects (job uuid)")


def rolled_back(job: Job, sound_has_begun: threading.Event) -> None:
    connection = job.connection
    connection.execute(EFFECT, [job.id])
    sound_has_begun.wait(20)
    with suppress(psycopg.Error):
        connection.rollback()


def begun_late(job: Job, sound_has_begun: threading.Event) -> None:
    sound_has_begun.wait(20)
    with suppress(JobCancelled):
        _ = job.connection


@pytest.mark.parametrize("then", [rolled_back, begun_late])
def test_a_handler_that_was_left_behind_leaves_the_connections_to_others(
    db: Database, services: Services, then: Callable[[Job, threading.Event], None]
) -> None:
    begun, ended = threading.Event(), threading.Event()
    processor = Processor()

    @processor.task("deaf", hard_timeout=0.3)
    def deaf(job: Job) -> None:
        then(job, begun)
        ended.set()

    @processor.task("sound")
    def sound(job: Job) -> None:
        if job.payload == "first":
            job.connection.execute(EFFECT, [job.id])
        begun.set()
        ended.wait(20)
        job.connection.execute(EFFECT, [job.id])

    # One worker, so one connection for all.
    with services.processor(processor, concurrency=1):
        left_behind = submitted(db, task="deaf", max_attempts=1)
        assert finished(db, left_behind)["error"]["code"] == "timed_out"
        job = submitted(db, "first" if then is rolled_back else None, task="sound")
        assert finished(db, job, 40)["status"] == "completed"
    assert set(db.column("select job from effects")) == {job}
    assert db.value("select count(*) from effects") == (2 if then is rolled_back else 1)
