"""What ends the attempt at one job must not end the processor, and with it everybody's."""

from collections.abc import Callable
from typing import Any
import time
import threading

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


def test_rename(db: Database, services: Services) -> None:
    go = threading.Event()

    def handler(job: Job) -> None:
        if job.attempt == 1:
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
        assert finished(db, submitted(db, task="sound"), 5)["status"] == "completed"
        print(db.queue(), db.job(job))
        time.sleep(1)
        print(db.queue(), db.job(job))
        assert 0


def test_many_queue_names(db: Database) -> None:
    db.register("p", "default")
    db.do("insert into background_jobs (id, payload, queue_name) select gen_random_uuid(), '{}', 'q' || n from generate_series(1, 30000) n")
    t = time.time()
    print(len(db.claim("p", 10)), time.time() - t)
    t = time.time()
    print(len(db.claim("p", 10)), time.time() - t)
    assert 0
