"""What ends the attempt at one job must not end the processor, and with it everybody's."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, hurry, only, submitted
from jobferry_server import ItemsFailed, Job, Processor
from support.processes import eventually
from support.services import Services


class Wordless(Exception):
    """An error that can't say what it is."""

    def __str__(self) -> str:
        return str(self.args[1])


def raises(error: Exception) -> Callable[[Job], None]:
    def handler(_: Job) -> None:
        raise error

    return handler


def no_time(attempt: int) -> float:
    return [0.1][attempt]


CASES: dict[str, tuple[Callable[[Job], None], dict[str, Any]]] = {
    "a retry that raises": (raises(ValueError()), {"retry": no_time}),
    "a retry that is no time": (raises(ValueError()), {"retry": lambda _: "soon"}),
    "a retry without end": (raises(ValueError()), {"retry": lambda _: float("inf")}),
    "an error without words": (raises(Wordless()), {}),
    "items that are no places": (raises(ItemsFailed(["first"])), {}),  # type: ignore[list-item]
}


@pytest.mark.parametrize("case", CASES)
def test_whatever_ends_an_attempt_the_processor_goes_on(
    db: Database, services: Services, case: str
) -> None:
    handler, options = CASES[case]
    processor = only(handler, **options)
    processor.task("sound")(lambda _: 1)
    with services.processor(processor):
        bad = submitted(db, [1])
        eventually(lambda: db.status(bad) == "retrying")
        assert finished(db, submitted(db, task="sound"))["status"] == "completed"
    error = db.job(bad)["error"]
    assert (error["code"], error["message"][:19]) == ("handler_error", "the handler raised ")
    assert db.queue()[bad]["locked_by"] is None


def test_a_task_may_be_renamed_while_its_job_runs(db: Database, services: Services) -> None:
    go = threading.Event()

    def handler(_: Job) -> None:
        go.wait(10)
        raise ValueError

    processor = only(handler)
    processor.task("sound")(lambda _: 1)
    with services.processor(processor):
        job = submitted(db)
        eventually(lambda: db.status(job) == "running")
        db.do("update background_jobs set task = 'renamed' where id = %s", job)
        go.set()
        eventually(lambda: db.status(job) == "retrying")
        hurry(db)
        assert finished(db, submitted(db, task="sound"))["status"] == "completed"
    assert db.job(job)["attempts"] == 1
    renamed = Processor()
    renamed.task("renamed")(lambda _: "here")
    with services.processor(renamed):
        assert finished(db, job)["result"] == "here"


def test_nor_does_it_matter_when_the_queue_has_the_old_name(
    db: Database, services: Services
) -> None:
    """As when somebody renames it in the very moment in which it is claimed."""
    job = submitted(db)
    with db.together():
        db.do("set local session_replication_role = replica")
        db.do("alter table background_jobs disable trigger requeue_job_trigger")
        db.do("update background_jobs set task = 'renamed' where id = %s", job)
        db.do("alter table background_jobs enable always trigger requeue_job_trigger")
    with services.processor(only(lambda _: "here")):
        assert finished(db, job)["result"] == "here"
