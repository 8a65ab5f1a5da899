"""What an administrator does to jobs, and what is left alone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from integration.database import ANNA, Beside, Database, Ear, Held, Row, Spec, held_row
from integration.test_job_keys import (
    absent,
    cancelled,
    completed,
    failed,
    run_by_the_recipe,
    running,
    tried,
    waiting,
)
from integration.test_ledger_parity import Traces, assert_same
from jobferry_server import Job, JobCancelled, Processor
from support.processes import eventually
from support.services import Services

LATER = datetime.now(UTC) + timedelta(days=2)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    db.register("p", "default")


def each(db: Database, *states: Callable[[Database], UUID]) -> dict[str, UUID]:
    """A job in every one of these states, with a key and without a queue of its own."""
    found = {}
    for state in states:
        found[state.__name__] = job = state(db)
        if db.job(job)["finished_at"] is None:
            db.do(
                "update background_jobs set job_key = %s, queue_name = null where id = %s",
                state.__name__,
                job,
            )
            db.do("update jobferry.queue set queue_name = null where job_id = %s", job)
    return found


EVERY = (waiting, tried, running, run_by_the_recipe, completed, cancelled, failed)

#: What becomes of each by what; nobody else is touched.
BECOMES: dict[LiteralString, dict[str, str]] = {
    "complete_jobs": {"waiting": "completed", "tried": "completed"},
    "permanently_fail_jobs": {"waiting": "failed", "tried": "failed"},
    "cancel_jobs": {
        "waiting": "cancelled",
        "tried": "cancelled",
        "running": "cancelled",
        "run_by_the_recipe": "cancelled",
    },
    "reschedule_jobs": {"waiting": "scheduled", "tried": "retrying", "failed": "queued"},
}


@pytest.mark.parametrize("what", BECOMES)
def test_who_is_changed_and_who_is_left_alone(db: Database, what: LiteralString) -> None:
    jobs = each(db, *EVERY)
    before = {name: db.job(job) for name, job in jobs.items()}
    changed = db.rows(f"select * from jobferry.{what}(%s::uuid[])", list(jobs.values()))
    assert {row["id"]: row["status"] for row in changed} == {
        jobs[name]: status for name, status in BECOMES[what].items()
    }
    for row in changed:
        assert db.job(row["id"]) == row
    for name in set(jobs) - set(BECOMES[what]):
        assert db.job(jobs[name]) == before[name]
    db.assert_sound()


@pytest.mark.parametrize("what", BECOMES)
def test_nobody_named_nothing_done(db: Database, ear: Ear, what: LiteralString) -> None:
    before = db.add()
    ear.heard()
    for ids in ([], None, [UUID(int=1)]):
        assert db.rows(f"select * from jobferry.{what}(%s::uuid[])", ids) == []
    assert db.job(before["id"]) == before
    assert [said for said in ear.heard() if said[0] != "jobferry_queue"] == []


Way = Callable[[Database, UUID], object]


def plainly(assignments: str) -> Way:
    return lambda db, job: db.do(f"update background_jobs set {assignments} where id = %s", job)


def by(call: LiteralString) -> Way:
    return lambda db, job: db.rows(f"select from jobferry.{call}", [job])


PAIRS: dict[str, tuple[Way, Way]] = {
    "cancel": (plainly("cancelled = true"), by("cancel_jobs(%s::uuid[])")),
    "complete": (plainly("completed = true, progress = 1"), by("complete_jobs(%s::uuid[])")),
    "fail": (
        plainly('status = \'failed\', error = \'{"code": "permanently_failed", "message": "no"}\''),
        by("permanently_fail_jobs(%s::uuid[], 'no')"),
    ),
    "reschedule": (
        plainly("run_at = '2099-01-01', priority = 3"),
        by("reschedule_jobs(%s::uuid[], '2099-01-01', 3)"),
    ),
}


@pytest.mark.parametrize("what", PAIRS)
def test_they_leave_what_a_plain_update_leaves(db: Database, ear: Ear, what: str) -> None:
    traces = []
    for way in PAIRS[what]:
        db.submit(spec := Spec())
        ear.heard()
        way(db, spec.id)
        traces.append(Traces(db, ear, [spec.id]))
    assert_same(*traces)
    assert traces[1].notices["jobferry_changes", ANNA] == 1
    db.assert_sound()


def test_each_says_who_did_it(db: Database) -> None:
    jobs = [db.add()["id"] for _ in BECOMES]
    for what, job in zip(BECOMES, jobs, strict=True):
        db.rows(f"select from jobferry.{what}(%s::uuid[])", [job])
    who = db.value("select session_user")
    assert set(db.column("select actor from background_job_events")) == {who}
    assert [db.events(job)[-1] for job in jobs] == [
        "completed",
        "failed",
        "cancelled",
        "rescheduled",
    ]


# -- one by one


def test_a_completed_job_has_no_result_and_no_error(db: Database) -> None:
    job = tried(db)
    db.rows("select from jobferry.complete_jobs(%s::uuid[])", [job])
    row = db.job(job)
    assert (row["completed"], row["progress"], row["result"], row["error"]) == (True, 1, None, None)
    assert row["finished_at"] is not None


@pytest.mark.parametrize(("said", "heard"), [("no money", "no money"), (None, "failed by hand")])
def test_a_job_that_is_failed_by_hand_says_why(db: Database, said: str | None, heard: str) -> None:
    job = waiting(db)
    db.rows("select from jobferry.permanently_fail_jobs(%s::uuid[], %s)", [job], said)
    error = {"code": "permanently_failed", "message": heard}
    assert db.job(job)["error"] == error
    detail = "select detail from background_job_events where job_id = %s and event = 'failed'"
    assert db.value(detail, job) == error


def test_a_cancelled_running_job_is_told_to_its_processor(db: Database) -> None:
    held = Held(running(db), 1)
    db.rows("select from jobferry.cancel_jobs(%s::uuid[])", [held.id])
    assert db.flush(running=[held]) == {held.id: "cancelled"}
    db.assert_sound()


def test_a_cancel_reaches_the_handler(db: Database, services: Services) -> None:
    processor = Processor()
    told: list[UUID] = []

    @processor.task()
    def default(job: Job) -> None:
        try:
            while True:
                time.sleep(0.01)
                job.check()
        except JobCancelled:
            told.append(job.id)
            raise

    with services.processor(processor):
        job = db.add()["id"]
        eventually(lambda: db.status(job) == "running")
        db.rows("select from jobferry.cancel_jobs(%s::uuid[])", [job])
        eventually(lambda: told == [job])
    assert db.status(job) == "cancelled"


# -- remove_job


REMOVED: dict[Callable[[Database], UUID | None], str] = {
    waiting: "cancelled",
    tried: "cancelled",
    running: "running",
    run_by_the_recipe: "running",
}


@pytest.mark.parametrize("state", [absent, *EVERY])
def test_remove_job(db: Database, state: Callable[[Database], UUID | None]) -> None:
    job = state(db)
    other = db.add(job_key="k", owner="bert")
    gone = db.rows("select * from jobferry.remove_job('k', 'anna')")
    assert db.job(other["id"]) == other
    assert [row["id"] for row in gone] == ([job] if state in REMOVED else [])
    if job is not None:
        assert db.status(job) == REMOVED.get(state, db.status(job))
    # Whatever it was, it no longer answers to the key.
    new = db.add(job_key="k", job_key_mode="unsafe_dedupe", owner=ANNA)
    assert new["id"] != job
    assert db.rows("select from jobferry.remove_job('no such key')") == []
    db.assert_sound()


def test_a_removed_job_that_runs_is_not_tried_again(db: Database) -> None:
    held = Held(running(db), 1)
    db.rows("select from jobferry.remove_job('k', 'anna')")
    assert db.events(held.id)[-1] == "removed"
    db.flush(failed=[(held, {"delay": "0 seconds"})])
    assert db.status(held.id) == "failed"
    db.assert_sound()


# -- reschedule_jobs


def reschedule(db: Database, *jobs: UUID, **named: Any) -> list[Row]:
    words = "".join(f", {name} := %s" for name in named)
    return db.rows(
        f"select * from jobferry.reschedule_jobs(%s::uuid[]{words})", list(jobs), *named.values()
    )


@pytest.mark.parametrize("state", [waiting, tried, failed])
def test_what_is_null_stays(db: Database, state: Callable[[Database], UUID]) -> None:
    job = state(db)
    kept = ("run_at", "priority", "attempts", "max_attempts", "payload", "job_key", "error")
    before = db.job(job)
    (row,) = reschedule(db, job)
    assert {name: row[name] for name in kept} == {name: before[name] for name in kept}
    queued = db.queue()[job]
    assert {name: queued[name] for name in kept[:4]} == {name: row[name] for name in kept[:4]}
    db.assert_sound()


@pytest.mark.parametrize("state", [waiting, tried, failed])
def test_what_is_given_holds_in_ledger_and_queue(
    db: Database, state: Callable[[Database], UUID]
) -> None:
    job = state(db)
    given = {"run_at": LATER, "priority": -3, "attempts": 0, "max_attempts": 2}
    (row,) = reschedule(db, job, **given)
    assert {name: row[name] for name in given} == given
    queued = db.queue()[job]
    assert {name: queued[name] for name in given} == given
    assert (row["status"], row["finished_at"]) == ("scheduled", None)
    (row,) = reschedule(db, job, run_at=NOW)
    assert row["status"] == "queued"
    assert [one["id"] for one in db.claim()] == [job]


def test_a_revived_job_runs_again_and_a_processor_hears_of_it(db: Database, ear: Ear) -> None:
    job = failed(db)
    ear.heard()
    reschedule(db, job)
    assert ("jobferry_queue", "") in ear.heard()
    assert db.events(job)[-2:] == ["failed", "revived"]
    (held,) = db.take()
    db.flush(done=[(held, "1")])
    row = db.job(job)
    assert (row["status"], row["result"], row["error"]) == ("completed", 1, None)
    db.assert_sound()


def test_a_job_without_attempts_left_is_revived_for_one(db: Database) -> None:
    job = db.add(max_attempts=1)["id"]
    db.flush(failed=[(one, {}) for one in db.take()])
    assert db.status(job) == "failed"
    reschedule(db, job)
    (held,) = db.take()
    assert held == Held(job, 2)
    db.flush(failed=[(held, {"delay": "0 seconds"})])
    assert db.status(job) == "failed"


def test_what_is_finished_for_good_stays_so(db: Database) -> None:
    done, gone = completed(db), cancelled(db)
    assert reschedule(db, done, gone, run_at=NOW, attempts=0) == []
    assert (db.status(done), db.status(gone)) == ("completed", "cancelled")


def test_nobody_else_revives(db: Database) -> None:
    """The guard absorbs what anybody else writes, though the move is in the table."""
    job = failed(db)
    before = db.job(job)
    assert (
        db.do("update background_jobs set status = 'queued', finished_at = null where id = %s", job)
        == 0
    )
    assert db.job(job) == before


def test_a_revived_job_keeps_its_key_unless_it_is_taken(db: Database) -> None:
    first = failed(db)
    assert reschedule(db, first)[0]["job_key"] == "k"
    db.rows("select from jobferry.permanently_fail_jobs(%s::uuid[])", [first])
    db.insert(job_key="k", submitted_by=ANNA)
    assert reschedule(db, first)[0]["job_key"] is None
    db.assert_sound()


def test_of_two_failed_jobs_with_one_key_the_younger_keeps_it(db: Database) -> None:
    jobs = []
    for _ in range(2):
        jobs.append(db.insert(job_key="k", submitted_by=ANNA))
        db.do("update background_jobs set status = 'failed' where id = %s", jobs[-1])
    rows = {row["id"]: row["job_key"] for row in reschedule(db, *jobs)}
    assert rows == {jobs[0]: None, jobs[1]: "k"}
    db.assert_sound()


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"attempts": -1}])
def test_a_mistake_changes_nothing(db: Database, wrong: dict[str, int]) -> None:
    job = failed(db)
    before = db.job(job)
    with pytest.raises(psycopg.errors.CheckViolation):
        reschedule(db, job, **wrong)
    assert db.job(job) == before
    db.assert_sound()


def test_a_revival_is_not_believed_to_a_processor_that_had_the_job(db: Database) -> None:
    """Somebody failed it while it ran and an administrator revived it: the old attempt is over."""
    held = Held(running(db), 1)
    with held_queue_row(db, held.id):
        db.do("update background_jobs set status = 'failed' where id = %s", held.id)
    assert db.queue()[held.id]["locked_by"] == "p"
    reschedule(db, held.id)
    assert db.flush(done=[(held, '"late"')], running=[held]) == {held.id: "lost"}
    assert db.status(held.id) == "queued"
    db.assert_sound()


@contextmanager
def held_queue_row(db: Database, job: UUID) -> Iterator[None]:
    """Somebody of the engine's is at work on it: a foreign writer can't clear it away."""
    with Database(db.dsn) as holder, holder.together():
        holder.do("select from jobferry.queue where job_id = %s for update", job)
        yield


# -- force_unlock_workers


def test_the_jobs_of_the_named_are_free_at_once(db: Database) -> None:
    db.register("q", "default")
    jobs = [db.add(max_attempts=n)["id"] for n in (1, 25)]
    mine = db.take("p", 2)
    theirs = db.add()["id"]
    assert [held.id for held in db.take("q")] == [theirs]
    assert db.value("select jobferry.force_unlock_workers('{p,nobody}')") == 2
    assert [db.status(job) for job in jobs] == ["failed", "retrying"]
    assert db.queue()[theirs]["locked_by"] == "q"
    assert db.column("select id from jobferry.processors") == ["q"]
    assert db.flush("p", done=[(held, None) for held in mine], running=mine) == {
        held.id: "lost" for held in mine
    }
    db.assert_sound()


def test_a_worker_that_never_registered_is_unlocked_too(db: Database) -> None:
    job = db.add()["id"]
    db.do("update jobferry.queue set locked_by = 'sql only', attempts = 1")
    db.do("update background_jobs set status = 'running', attempts = 1")
    assert db.value("select jobferry.force_unlock_workers('{sql only}')") == 1
    assert db.status(job) == "retrying"
    db.assert_sound()


def test_nobody_is_unlocked_in_the_middle_of_something(db: Database, other: Database) -> None:
    db.add()
    with other.together():
        assert len(other.take()) == 1
        work = Beside(lambda: db.value("select jobferry.force_unlock_workers('{p}')"))
        other.wait_until_blocked(db.pid)
    assert work.result() == 1
    db.assert_sound()


# -- two at once


def test_an_administrator_waits_for_whoever_has_the_row(db: Database, other: Database) -> None:
    job = waiting(db)
    with held_row(db.dsn, job) as foreign:
        work = Beside(lambda: other.rows("select from jobferry.cancel_jobs(%s::uuid[])", [job]))
        db.wait_until_blocked(other.pid)
        foreign.do("update background_jobs set completed = true where id = %s", job)
    assert work.result() == []
    assert db.status(job) == "completed"


def test_a_job_that_is_claimed_meanwhile_is_left_alone(db: Database, other: Database) -> None:
    job = db.add()["id"]
    with Database(db.dsn) as third:
        with other.together():
            (held,) = other.take()
            work = Beside(
                lambda: third.rows("select from jobferry.complete_jobs(%s::uuid[])", [job])
            )
            db.wait_until_blocked(third.pid)
        assert work.result() == []
    db.flush(done=[(held, "1")])
    assert db.job(job)["result"] == 1
