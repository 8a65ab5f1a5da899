"""The way back: what another queue's worker reports is fenced, and leaves what our own flush leaves."""

from collections.abc import Callable, Iterator
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from integration.database import Beside, Database, Ear, Held, Row, Spec, held_row
from integration.engines import (
    completed,
    delegate,
    handed_over,
    progress,
    started,
)
from jobferry_shared.ids import new_id
from support.postgres import TestServer


@pytest.fixture
def dsn(server: TestServer, queues_template: str) -> Iterator[str]:
    """A database with both queues, of the test's own."""
    with server.database(copy=queues_template) as dsn:
        yield dsn


@pytest.fixture
def away(db: Database) -> Database:
    """The database, with task ``away`` delegated to Procrastinate."""
    delegate(db, "away", "procrastinate")
    return db


def submitted(db: Database, **what: int) -> UUID:
    spec = Spec(task="away", payload='{"n": 1.50}', **what)  # type: ignore[arg-type]
    db.submit(spec)
    return spec.id


def failed(db: Database, job: UUID, attempt: int, **more: object) -> float | None:
    """``delegated_failed``; the delay in seconds, if any."""
    delay = db.value(
        "select jobferry.delegated_failed(%s, %s, 'no', final => %s, retry_in => %s, code => %s, detail => %s)",
        job,
        attempt,
        more.get("final"),
        more.get("retry_in"),
        more.get("code", "handler_error"),
        more.get("detail"),
    )
    return delay.total_seconds() if delay is not None else None


def test_the_whole_way(away: Database, ear: Ear) -> None:
    job = submitted(away)
    ear.heard()
    row = away.row("select * from jobferry.delegated_started(%s)", job)
    assert row == {
        "attempt": 1,
        "max_attempts": 25,
        "task": "away",
        "payload": {"n": 1.5},
        "owner": "anna",
    }
    assert ear.heard() == [("jobferry_changes", "anna")]
    running = away.job(job)
    assert (running["status"], running["attempts"]) == ("running", 1)
    assert running["started_at"] is not None

    assert progress(away, job, 1, 0.5)
    assert ear.heard() == [("jobferry_changes", "anna")]
    assert progress(away, job, 1)
    assert ear.heard() == []
    halfway = away.job(job)
    assert halfway["progress"] == 0.5
    assert int(halfway["version"]) > int(running["version"])

    assert completed(away, job, 1, '{"b": null}')
    assert ("jobferry_changes", "anna") in ear.heard()
    done = away.job(job)
    assert (done["status"], done["completed"], done["progress"]) == ("completed", True, 1)
    assert done["result"] == {"b": None}
    assert done["finished_at"] is not None
    assert int(done["version"]) > int(halfway["version"])
    assert away.events(job) == ["submitted", "handed_over", "started", "completed"]
    assert set(
        away.column(
            "select actor from background_job_events where job_id = %s and id >"
            " (select min(id) from background_job_events where job_id = %s)",
            job,
            job,
        )
    ) == {"delegate procrastinate"}
    # The worker is about to say so itself: nothing is stopped there.
    assert away.value("select status from procrastinate_jobs") == "todo"
    away.assert_sound()


def ours(db: Database) -> UUID:
    spec = Spec(task="here", payload='{"n": 1.50}')
    db.register("p", "here")
    db.submit(spec)
    db.claim(tasks=["here"])
    return spec.id


#: What no two jobs have in common, or what tells the two ways apart.
OWN = {
    "id",
    "timestamp",
    "run_at",
    "received_at",
    "started_at",
    "finished_at",
    "created",
    "version",
    "task",
}

ENDS: dict[str, tuple[str, Row, LiteralString]] = {
    "completed": (
        "done",
        {},
        "select jobferry.delegated_completed(%s, 1, '{\"a\": 1}')",
    ),
    "retrying": (
        "failed",
        {"error": {"code": "x", "message": "no"}},
        "select jobferry.delegated_failed(%s, 1, 'no', code => 'x')",
    ),
    "failed": (
        "failed",
        {"error": {"code": "x", "message": "no"}, "final": True, "detail": '{"raised": "d"}'},
        "select jobferry.delegated_failed(%s, 1, 'no', code => 'x', final => true, detail => 'd')",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_report_leaves_what_our_own_flush_leaves(away: Database, ear: Ear, end: str) -> None:
    kind, failure, report = ENDS[end]
    mine, theirs = ours(away), submitted(away)
    started(away, theirs)
    ear.heard()
    if kind == "done":
        away.flush(done=[(Held(mine, 1), '{"a": 1}')])
    else:
        away.flush(failed=[(Held(mine, 1), failure)])
    notices = ear.heard()
    away.value(report, theirs)
    assert ear.heard() == notices
    rows = [
        {name: value for name, value in away.job(job).items() if name not in OWN}
        for job in (mine, theirs)
    ]
    assert rows[0] == rows[1]
    assert rows[0]["status"] == end
    last: LiteralString = (
        "select owner, event, attempt, detail from background_job_events where job_id = %s"
        " order by id desc limit 1"
    )
    assert away.row(last, mine) == away.row(last, theirs)
    assert (mine in away.queue()) == (theirs in away.queue())
    away.assert_sound()


def test_a_failure_says_when_to_try_again(away: Database) -> None:
    job = submitted(away, max_attempts=2)
    started(away, job)
    before = away.value("select now()")
    assert failed(away, job, 1) == pytest.approx(2.718, abs=0.01)
    row = away.job(job)
    assert row["status"] == "retrying"
    assert (row["run_at"] - before).total_seconds() > 2.7
    assert away.queue()[job]["run_at"] == row["run_at"]
    assert started(away, job) == 2
    assert failed(away, job, 2) is None
    assert away.status(job) == "failed"
    assert handed_over(away) == {}
    assert away.events(job)[2:] == ["started", "retrying", "started", "failed"]
    away.assert_sound()


def test_the_engine_has_the_last_word(away: Database) -> None:
    first, second = submitted(away), submitted(away, max_attempts=1)
    for job in (first, second):
        started(away, job)
    assert failed(away, first, 1, final=True) is None
    assert away.status(first) == "failed"
    assert failed(away, second, 1, final=False, retry_in="1 minute") == 60
    assert away.status(second) == "retrying"


def test_a_worker_that_died_is_told_from_the_next(away: Database) -> None:
    job = submitted(away)
    assert started(away, job) == 1
    assert started(away, job) == 2
    assert not progress(away, job, 1, 0.9)
    assert not completed(away, job, 1, '"zombie"')
    assert failed(away, job, 1) is None
    assert (away.status(job), away.job(job)["progress"]) == ("running", 0)
    assert away.events(job)[2:] == ["started", "retrying", "started"]
    assert completed(away, job, 2, '"mine"')
    assert away.job(job)["result"] == "mine"


def by_cancel(db: Database, job: UUID) -> None:
    db.cancel_batch(job)


def by_update(db: Database, job: UUID) -> None:
    db.do("update background_jobs set completed = true, result = '\"else\"' where id = %s", job)


def by_failure(db: Database, job: UUID) -> None:
    failed(db, job, 1)


@pytest.mark.parametrize("end", [by_cancel, by_update, by_failure])
def test_what_is_over_absorbs_every_report(
    away: Database, end: Callable[[Database, UUID], None]
) -> None:
    job = submitted(away)
    started(away, job)
    end(away, job)
    before, events = away.job(job), away.events(job)
    assert not progress(away, job, 1)
    assert not progress(away, job, 1, 0.7)
    assert not completed(away, job, 1, '"late"')
    assert failed(away, job, 1, final=True) is None
    assert away.job(job) == before
    assert away.events(job) == events


def test_a_job_that_ended_while_the_queue_row_was_held_is_cleared_away(
    away: Database, other: Database
) -> None:
    job = submitted(away)
    with other.together():
        other.do("select from jobferry.queue for update")
        away.cancel(job)
    assert job in away.queue()
    assert started(away, job) is None
    assert away.queue() == {}
    assert handed_over(away) == {}
    away.assert_sound()


def test_nobody_reports_on_jobs_that_are_not_delegated(away: Database) -> None:
    mine = ours(away)
    for job in (mine, new_id()):
        assert started(away, job) is None
        assert not progress(away, job, 1, 0.5)
        assert not completed(away, job, 1)
        assert failed(away, job, 1) is None
    assert away.status(mine) == "running"
    assert away.events(mine) == ["submitted", "started"]


def test_progress_stays_in_its_bounds(away: Database) -> None:
    job = submitted(away)
    started(away, job)
    for said, seen in ((7, 1), (-1, 0), (0.25, 0.25)):
        assert progress(away, job, 1, said)
        assert away.job(job)["progress"] == seen


FOR_THE_OWNER: list[LiteralString] = [
    "select jobferry.delegate('x', 'procrastinate')",
    "select jobferry.undelegate('away')",
    "insert into jobferry.delegates (task, engine, schema_name, foreign_task) values ('x', 'oban', 'x', 'x')",
    "delete from jobferry.delegated",
    "select jobferry.hand_over('{}')",
    "select jobferry.take_back('{}')",
    "select jobferry.stop_in_engine(null, false)",
    "select jobferry.send_to_engine(null, '{}')",
    "select * from procrastinate_jobs",
]


def test_a_worker_needs_the_processor_s_rights_and_no_more(away: Database) -> None:
    job = submitted(away)
    with Database(away.dsn, "jobferry_processor") as worker:
        assert started(worker, job) == 1
        assert progress(worker, job, 1, 0.5)
        assert completed(worker, job, 1)
        worker.rows("select * from jobferry.delegates_check()")
        for statement in FOR_THE_OWNER:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.do(statement)
    for role in ("jobferry_gateway", "jobferry_auditor"):
        with (
            Database(away.dsn, role) as nobody,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            nobody.rows("select * from jobferry.delegated_started(%s)", job)


def test_a_report_waits_for_a_writer_of_its_job_and_holds_nothing(
    away: Database, other: Database
) -> None:
    job = submitted(away)
    started(away, job)
    with Database(away.dsn) as third, held_row(away.dsn, job) as holder:
        report = Beside(lambda: completed(away, job, 1))
        third.wait_until_blocked(away.pid)
        assert len(third.rows("select from jobferry.queue for update nowait")) == 1
        holder.do("update background_jobs set cancelled = true where id = %s", job)
    assert report.result() is False
    assert away.status(job) == "cancelled"
    away.assert_sound()


REPORTS: list[Callable[[Database, UUID], object]] = [
    lambda db, job: completed(db, job, 1),
    lambda db, job: progress(db, job, 1, 0.5),
    lambda db, job: failed(db, job, 1),
]


@pytest.mark.parametrize("report", REPORTS)
def test_what_ended_while_its_queue_row_was_held_is_cleared_away_by_any_report(
    away: Database, other: Database, report: Callable[[Database, UUID], object]
) -> None:
    job = submitted(away)
    started(away, job)
    with other.together():
        other.do("select from jobferry.queue for update")
        away.cancel(job)
    assert job in away.queue()
    assert not report(away, job)
    assert away.queue() == {}
