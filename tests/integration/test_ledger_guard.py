"""The guard on the ledger's rows: legal moves only, and an end is an end."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Database
from jobferry_shared.ids import new_id
from jobferry_shared.states import FINISHED, TRANSITIONS, Status

LATER = timedelta(days=1)
#: What a writer sets besides the status, for a row that the table's own checks take.
WITH: dict[Status, LiteralString] = {
    Status.COMPLETED: ", completed = true",
    Status.CANCELLED: ", cancelled = true",
    Status.SCHEDULED: ", run_at = now() + interval '1 day'",
    Status.QUEUED: ", run_at = now()",
}
SERVER_S = [status for status in Status if status not in (Status.PENDING, Status.REJECTED)]


def job_in(db: Database, status: Status) -> UUID:
    """A job that has come to a status by legal moves."""
    if status is Status.SCHEDULED:
        return db.insert(run_at=datetime.now(UTC) + LATER)
    job = db.insert()
    if status in (Status.RUNNING, Status.RETRYING):
        move(db, job, Status.RUNNING)
    if status is not Status.QUEUED and status is not Status.RUNNING:
        move(db, job, status)
    assert db.status(job) == status
    return job


def move(db: Database, job: UUID, target: Status) -> int:
    return db.do(
        f"update background_jobs set status = %s{WITH.get(target, '')} where id = %s", target, job
    )


@pytest.mark.parametrize("source", SERVER_S)
def test_a_row_makes_the_moves_of_the_table_and_no_others(db: Database, source: Status) -> None:
    for target in SERVER_S:
        job = job_in(db, source)
        if source in FINISHED:
            before = db.job(job)
            assert move(db, job, target) == 0
            assert db.job(job) == before
        elif (source, target) in TRANSITIONS:
            assert move(db, job, target) == 1
            assert db.status(job) == target
            assert db.events(job)[-1] == TRANSITIONS[source, target]
        elif source is not target:
            with pytest.raises(psycopg.Error, match=f"can not go from {source} to {target}") as no:
                move(db, job, target)
            assert no.value.sqlstate == "JF004"
            assert db.status(job) == source
    db.assert_sound()


def test_a_status_of_the_device_s_or_nobody_s_is_refused(db: Database) -> None:
    job = db.insert()
    for status in ("pending", "rejected", "done", ""):
        with pytest.raises(psycopg.Error, match="can not go from queued"):
            db.do("update background_jobs set status = %s where id = %s", status, job)


@pytest.mark.parametrize("end", sorted(FINISHED))
def test_a_finished_row_absorbs_every_write_but_its_removal(db: Database, end: Status) -> None:
    job = job_in(db, end)
    before = db.job(job)
    for change in (
        "completed = true",
        "cancelled = true",
        "completed = false, cancelled = false, status = 'queued', finished_at = null",
        "progress = 0.3",
        "result = '{}'",
        "payload = '{}'",
        "id = gen_random_uuid()",
        "submitted_by = 'bert'",
        "error = null, finished_at = now()",
    ):
        assert db.do(f"update background_jobs set {change} where id = %s", job) == 0
    assert db.job(job) == before
    assert db.do("delete from background_jobs where id = %s", job) == 1
    assert db.events(job)[-1] == "deleted"


def test_the_id_of_a_job_can_not_change(db: Database) -> None:
    job = db.insert()
    with pytest.raises(psycopg.Error, match=f"the id of job {job} can not change") as no:
        db.do("update background_jobs set id = %s where id = %s", new_id(), job)
    assert no.value.sqlstate == "JF003"
    assert set(db.queue()) == {job}


def test_versions_are_ours_whatever_the_writer_says(db: Database) -> None:
    with db.together():
        now = db.value("select pg_current_xact_id()")
        job = db.insert(version="5", created="7")
        assert (db.job(job)["version"], db.job(job)["created"]) == (now, now)
    with db.together():
        later = db.value("select pg_current_xact_id()")
        db.do("update background_jobs set version = '5', created = '7' where id = %s", job)
    assert (db.job(job)["version"], db.job(job)["created"]) == (later, now)


def test_what_a_writer_claims_of_a_new_row_s_life_is_not_believed(db: Database) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    job = db.insert(status="completed", finished_at=past, received_at=past)
    row = db.job(job)
    assert (row["status"], row["completed"], row["finished_at"]) == ("queued", False, None)
    assert row["received_at"] > past
    done = db.insert(completed=True, status="failed", finished_at=past)
    assert db.job(done)["status"] == "completed"
    assert db.job(done)["finished_at"] > past
    assert db.events(done) == ["submitted"]


WRONG: list[LiteralString] = [
    "completed = true, cancelled = true",
    "progress = 1.5",
    "progress = -0.1",
    "progress = 'NaN'",
    "finished_at = now()",
    "attempts = -1",
    "max_attempts = 0",
    "status = 'completed'",
    "status = 'cancelled'",
]


def test_the_invariants_are_the_table_s_own(db: Database) -> None:
    job = db.insert()
    before = db.job(job)
    for wrong in WRONG:
        with pytest.raises(psycopg.errors.CheckViolation):
            db.do(f"update background_jobs set {wrong} where id = %s", job)
    assert db.job(job) == before
    with pytest.raises(psycopg.errors.CheckViolation):
        db.insert(completed=True, cancelled=True)


def test_progress_of_a_waiting_job_means_that_somebody_runs_it(db: Database) -> None:
    job = db.insert()
    db.do("update background_jobs set progress = 0 where id = %s", job)
    assert db.status(job) == "queued"
    db.do("update background_jobs set progress = 0.01 where id = %s", job)
    assert db.status(job) == "running"
    assert db.job(job)["started_at"] is not None
    assert db.events(job) == ["submitted", "started"]


def test_a_new_time_reschedules_in_ledger_and_queue(db: Database) -> None:
    job = db.insert()
    later = datetime.now(UTC) + LATER
    db.do("update background_jobs set run_at = %s where id = %s", later, job)
    assert db.status(job) == "scheduled"
    assert db.queue()[job]["run_at"] == later
    db.do("update background_jobs set run_at = now() where id = %s", job)
    assert db.status(job) == "queued"
    assert db.queue()[job]["run_at"] < later
    assert db.events(job) == ["submitted", "rescheduled", "rescheduled"]


def test_what_a_foreign_writer_changes_of_a_waiting_job_reaches_the_queue(db: Database) -> None:
    job = db.insert()
    db.do(
        "update background_jobs set task = 'other', queue_name = 'q', priority = 3,"
        " max_attempts = 2, flags = '{a}' where id = %s",
        job,
    )
    hot = ("task", "queue_name", "priority", "run_at", "max_attempts", "flags")
    row, queued = db.job(job), db.queue()[job]
    assert {name: row[name] for name in hot} == {name: queued[name] for name in hot}
    assert (queued["task"], queued["priority"], queued["flags"]) == ("other", 3, ["a"])


def test_a_removed_job_leaves_the_queue_and_its_events(db: Database) -> None:
    job = db.insert(payload=Json({"n": 1}), submitted_by="anna")
    db.do("delete from background_jobs where id = %s", job)
    assert db.queue() == {}
    assert db.events(job) == ["submitted", "deleted"]


def test_an_id_that_is_taken_is_an_error_for_a_plain_insert(db: Database) -> None:
    job = db.insert()
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.insert(id=job)
    assert db.events(job) == ["submitted"]


def test_events_say_who_wrote_and_what_went_wrong(db: Database) -> None:
    job = db.insert(submitted_by="anna")
    db.do("update background_jobs set status = 'running', attempts = 1 where id = %s", job)
    db.do(
        "update background_jobs set status = 'retrying', error = %s where id = %s",
        Json({"code": "x", "message": "first"}),
        job,
    )
    db.do("update background_jobs set status = 'running', attempts = 2 where id = %s", job)
    db.do(
        "update background_jobs set status = 'failed', error = %s where id = %s",
        Json({"code": "x", "message": "last"}),
        job,
    )
    who = db.value("select session_user")
    events = db.rows(
        "select event, owner, attempt, actor, detail ->> 'message' as said"
        " from background_job_events where job_id = %s order by id",
        job,
    )
    assert [tuple(event.values()) for event in events] == [
        ("submitted", "anna", 0, who, None),
        ("started", "anna", 1, who, None),
        ("retrying", "anna", 1, who, "first"),
        ("started", "anna", 2, who, None),
        ("failed", "anna", 2, who, "last"),
    ]
