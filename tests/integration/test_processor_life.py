"""A processor's own life: its end by a signal, and a database that goes away."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import TimeoutExpired
from uuid import UUID

import pytest

from integration.database import Database, Spec
from integration.test_gateway_life import away
from integration.test_processor_handlers import finished, only, submitted
from support.postgres import TestServer
from support.processes import Part, eventually, part
from support.services import Services

MODULE = """
import asyncio, pathlib, threading, time
from jobferry_server import Processor

processor = Processor()
here = pathlib.Path(__file__).parent

@processor.task("brief")
def brief(job):
    (here / f"began {job.id}").touch()
    while not (here / "go on").exists():
        time.sleep(0.01)
    return "finished"

@processor.task("obedient")
def obedient(job):
    while True:
        time.sleep(0.01)
        job.check()

@processor.task("coroutine")
async def coroutine(job):
    await asyncio.sleep(600)

@processor.task("deaf")
def deaf(job):
    threading.Event().wait(600)
"""


@contextmanager
def process(tmp_path: Path, dsn: str, **environment: str) -> Iterator[Part]:
    """A processor as a process of its own."""
    (tmp_path / "lively.py").write_text(MODULE)
    with part(
        tmp_path / "processor.log",
        *("processor", "lively:processor", "--dsn", dsn, "--concurrency", "4"),
        PYTHONPATH=str(tmp_path),
        **environment,
    ) as found:
        yield found


def running(db: Database, *tasks: str) -> list[UUID]:
    """Jobs of these tasks, once they run."""
    specs = [Spec(task=task) for task in tasks]
    db.submit(*specs)
    for spec in specs:
        eventually(lambda spec=spec: db.status(spec.id) == "running", 20, 0.01)  # type: ignore[misc]
    return [spec.id for spec in specs]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_the_end_what_runs_may_finish(
    db: Database, tmp_path: Path, number: signal.Signals
) -> None:
    with process(tmp_path, db.dsn) as processor:
        (job,) = running(db, "brief")
        (waiting,) = running(db, "brief")
        # The ledger says so from the claim on; the handler begins a moment later.
        for one in (job, waiting):
            eventually((tmp_path / f"began {one}").exists)
        processor.signal(number)
        later = Spec(task="brief")
        db.submit(later)
        (tmp_path / "go on").touch()
        assert processor.wait(10) == 0
    for one in (job, waiting):
        assert (db.status(one), db.job(one)["result"]) == ("completed", "finished")
    assert db.value("select count(*) from jobferry.processors") == 0
    # It took nothing new, or finished that too.
    assert db.status(later.id) in ("queued", "completed")
    db.assert_sound()


@pytest.mark.parametrize(
    "tasks",
    [
        ["obedient", "coroutine"],
        pytest.param(
            ["deaf"],
        ),
    ],
    ids=str,
)
def test_after_the_grace_what_still_runs_is_handed_back(
    db: Database, tmp_path: Path, tasks: list[str]
) -> None:
    with process(tmp_path, db.dsn, JOBFERRY_GRACE_SECONDS="0.2") as processor:
        jobs = running(db, *tasks)
        processor.signal(signal.SIGTERM)
        try:
            assert processor.wait(5) == 0
        except TimeoutExpired:
            pytest.fail("it did not end")
    for job in jobs:
        row = db.job(job)
        assert (row["status"], row["attempts"]) == ("queued", 0)
        assert db.events(job) == ["submitted", "started", "released"]
    assert {row["locked_by"] for row in db.queue().values()} == {None}
    assert db.value("select count(*) from jobferry.processors") == 0
    db.assert_sound()


def test_what_a_killed_processor_held_is_run_by_another(db: Database, tmp_path: Path) -> None:
    lease = {"JOBFERRY_LEASE_SECONDS": "1"}
    with process(tmp_path, db.dsn, **lease) as processor:
        (job,) = running(db, "brief")
        processor.kill()
    (tmp_path / "go on").touch()
    with process(tmp_path, db.dsn, **lease):
        eventually(lambda: db.status(job) == "completed", 20)
    assert db.events(job) == ["submitted", "started", "retrying", "started", "completed"]
    assert db.job(job)["attempts"] == 2


def test_a_database_that_was_away_costs_a_processor_nothing(
    server: TestServer, db: Database, tmp_path: Path
) -> None:
    with process(tmp_path, db.dsn) as processor:
        (job,) = running(db, "brief")
        db.connection.close()
        with away(server, db.dsn):
            (tmp_path / "go on").touch()
            # It has something to say and nobody to say it to.
            eventually(lambda: "trying again" in processor.log, 20)
        with Database(db.dsn) as again:
            eventually(lambda: again.status(job) == "completed", 20)
            spec = Spec(task="brief")
            again.submit(spec)
            eventually(lambda: again.status(spec.id) == "completed", 20)
            assert again.job(job)["attempts"] == 1


REFUSE = """
create function refuse() returns trigger language plpgsql as $$
begin
  raise exception 'not now' using errcode = '40001';
end $$;
create trigger refuse before insert on jobferry.processors for each row execute function refuse();
"""


def test_a_lease_that_is_lost_and_can_not_be_had_anew_at_once_ends_no_processor(
    db: Database, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """Its claim is what finds out, as Postgres has no time for it."""
    with services.processor(only(lambda job: job.payload)):
        finished(db, submitted(db))
        db.do(REFUSE)
        db.do("delete from jobferry.processors")
        job = submitted(db)
        eventually(lambda: "could not begin a new lease" in caplog.text)
        db.do("drop trigger refuse on jobferry.processors")
        assert finished(db, job)["status"] == "completed"
