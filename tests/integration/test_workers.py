"""Workers that speak nothing but SQL: taking, reporting, running out of time."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from integration.database import ANNA, Beside, Database, Ear, Row, Spec, held_row


def get(db: Database, worker: str = "w", tasks: list[str] | None = None, **more: Any) -> list[Row]:
    """``get_jobs`` by name."""
    return db.rows(
        "select * from jobferry.get_jobs(%s, %s::text[], %s::interval, %s, %s::text[])",
        worker,
        tasks,
        more.get("expiry", "1 hour"),
        more.get("n", 1),
        more.get("forbidden"),
    )


def held(db: Database, worker: str = "w", **spec: Any) -> UUID:
    """A job that the worker holds."""
    db.submit(one := Spec(**spec))
    assert [row["id"] for row in get(db, worker)] == [one.id]
    return one.id


def run_out(db: Database) -> None:
    """Time passes: every worker's lock has run out."""
    db.do(
        "update jobferry.queue set locked_until = now() - interval '1 second' where locked_by is not null"
    )


def last_event(db: Database, job: UUID) -> Row:
    return db.row(
        "select event, attempt, actor, detail from background_job_events where job_id = %s"
        " order by id desc limit 1",
        job,
    )


# -- taking


def test_nothing_to_do_is_no_row(db: Database) -> None:
    assert db.rows("select * from jobferry.get_job('w')") == []
    assert get(db, n=10) == []


def test_what_taking_a_job_says_and_leaves_behind(db: Database, ear: Ear) -> None:
    db.submit(spec := Spec(payload='{"n": 1}', task="mail"))
    ear.heard()
    row = db.row("select * from jobferry.get_job('w', array['mail'], '10 minutes')")
    assert row == db.job(spec.id)
    assert (row["id"], row["status"], row["attempts"]) == (spec.id, "running", 1)
    assert (row["payload"], row["submitted_by"]) == ({"n": 1}, ANNA)
    queued = db.queue()[spec.id]
    assert (queued["locked_by"], queued["attempts"]) == ("worker w", 1)
    assert db.value(
        "select locked_until - now() between interval '9 minutes' and interval '10 minutes' from jobferry.queue"
    )
    assert last_event(db, spec.id) == {
        "event": "started",
        "attempt": 1,
        "actor": "worker w",
        "detail": None,
    }
    assert ear.heard() == [("jobferry_changes", ANNA)]
    assert get(db) == []


def test_which_and_in_what_order(db: Database) -> None:
    later = Spec(run_at="2999-01-01T00:00:00Z")
    specs = [Spec(priority=priority, task=task) for priority in (1, -1) for task in ("a", "b", "c")]
    db.submit(*specs, later)
    wanted = sorted((s for s in specs if s.task != "c"), key=lambda s: (s.priority, s.id))
    assert [row["id"] for row in get(db, tasks=["a", "b"], n=3)] == [s.id for s in wanted[:3]]
    assert [row["id"] for row in get(db, tasks=["a", "b"], n=3)] == [wanted[3].id]
    assert {row["task"] for row in get(db, n=10)} == {"c"}


def test_a_forbidden_flag_is_left_alone(db: Database) -> None:
    db.submit(flagged := Spec(flags="{slow}"))
    assert get(db, forbidden=["slow"]) == []
    assert [row["id"] for row in get(db, forbidden=["other"])] == [flagged.id]


def test_a_named_queue_gives_one_job_at_a_time(db: Database) -> None:
    first, second = Spec(queue_name="q"), Spec(queue_name="q")
    db.submit(first, second)
    db.register("p", "default")
    assert [row["id"] for row in get(db, n=10)] == [first.id]
    assert db.rows("select * from jobferry.job_queues") == [
        {"name": "q", "waiting": 1, "locked_by": "worker w", "job_id": first.id}
    ]
    assert get(db, "v", n=10) == []
    assert db.claim() == []
    db.do("select jobferry.complete_job('w', %s)", first.id)
    assert [row["id"] for row in db.claim()] == [second.id]
    assert get(db, "v") == []


def test_a_job_whose_row_is_held_is_passed_over(db: Database) -> None:
    specs = [Spec(), Spec()]
    db.submit(*specs)
    with held_row(db.dsn, specs[0].id):
        assert [row["id"] for row in get(db)] == [specs[1].id]
    assert [row["id"] for row in get(db)] == [specs[0].id]


def test_a_worker_needs_a_name(db: Database) -> None:
    for name in (None, ""):
        with pytest.raises(psycopg.Error) as refused:
            db.rows("select * from jobferry.get_job(%s)", name)
        assert (refused.value.sqlstate, bool(refused.value.diag.message_hint)) == ("JF030", True)


def test_an_old_snapshot_takes_no_job(db: Database) -> None:
    db.submit(Spec())
    with db.together():
        db.do("set transaction isolation level repeatable read")
        with pytest.raises(psycopg.Error, match="not REPEATABLE READ") as refused:
            get(db)
    assert refused.value.sqlstate == "JF031"


# -- reporting


def test_complete(db: Database, ear: Ear) -> None:
    job = held(db)
    ear.heard()
    row = db.row("select * from jobferry.complete_job('w', %s, '{\"ok\": true}')", job)
    assert row == db.job(job)
    assert (row["status"], row["completed"], row["progress"]) == ("completed", True, 1)
    assert row["result"] == {"ok": True}
    assert last_event(db, job)["actor"] == "worker w"
    assert ("jobferry_changes", ANNA) in ear.heard()
    assert db.events(job) == ["submitted", "started", "completed"]
    db.assert_sound()


def test_complete_without_a_result(db: Database) -> None:
    job = held(db)
    db.do("select jobferry.complete_job(worker_id := 'w', job_id := %s)", job)
    assert (db.status(job), db.job(job)["result"]) == ("completed", None)


@pytest.mark.parametrize("message", ["Connection timeout", "O'Brien", "", None])
def test_a_failure_is_tried_again_later(db: Database, message: str | None) -> None:
    job = held(db)
    row = db.row("select * from jobferry.fail_job('w', %s, %s)", job, message)
    assert row["status"] == "retrying"
    error = {"code": "handler_error", "message": message}
    if message is None:
        error["message"] = "the worker gave no reason"
    assert row["error"] == error
    assert last_event(db, job) == {
        "event": "retrying",
        "attempt": 1,
        "actor": "worker w",
        "detail": error,
    }
    queued = db.queue()[job]
    assert (queued["locked_by"], queued["locked_until"], queued["attempts"]) == (None, None, 1)
    assert 2.7 < (row["run_at"] - row["started_at"]).total_seconds() < 60
    assert get(db) == []
    db.assert_sound()


def test_the_last_failure_is_final(db: Database) -> None:
    job = held(db, max_attempts=1)
    assert db.row("select * from jobferry.fail_job('w', %s, 'no')", job)["status"] == "failed"
    assert db.events(job)[-1] == "failed"
    db.assert_sound()


def test_progress_and_what_it_answers(db: Database, ear: Ear) -> None:
    job = held(db)
    ear.heard()
    progress = "select jobferry.progress_job('w', %s, 0.25)"
    assert db.value(progress, job) is False
    assert db.job(job)["progress"] == 0.25
    assert ear.heard() == [("jobferry_changes", ANNA)]
    db.cancel_batch(job)
    assert db.value(progress, job) is True
    assert (db.status(job), db.job(job)["progress"]) == ("cancelled", 0.25)
    with pytest.raises(psycopg.Error, match="it is cancelled"):
        db.do("select jobferry.complete_job('w', %s)", job)


def test_release_gives_back_the_attempts(db: Database, ear: Ear) -> None:
    db.submit(*(specs := [Spec() for _ in range(3)]))
    assert len(get(db, "w", n=2)) == 2
    (kept,) = get(db, "v")
    ear.heard()
    assert db.value("select jobferry.release_jobs('w')") == 2
    assert db.value("select jobferry.release_jobs('w')") == 0
    assert ("jobferry_queue", "") in ear.heard()
    for spec in specs:
        queued = db.queue()[spec.id]
        if spec.id == kept["id"]:
            assert queued["locked_by"] == "worker v"
        else:
            assert (queued["locked_by"], queued["locked_until"], queued["attempts"]) == (
                None,
                None,
                0,
            )
            assert db.status(spec.id) == "queued"
            assert last_event(db, spec.id)["event"] == "released"


REPORTS = {
    "complete": "select jobferry.complete_job(%s, %s)",
    "fail": "select jobferry.fail_job(%s, %s, 'x')",
    "progress": "select jobferry.progress_job(%s, %s, 0.5)",
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
def test_only_who_holds_a_job_reports(db: Database, report: Any) -> None:
    job = held(db)
    before = db.job(job)

    def complaint(worker: str, id: UUID) -> str:  # noqa: A002
        with pytest.raises(psycopg.Error) as refused:
            db.do(report, worker, id)
        assert refused.value.sqlstate == "JF032"
        assert refused.value.diag.message_hint
        return str(refused.value.diag.message_primary)

    assert complaint("v", job) == f"worker v does not hold job {job}: worker w does"
    missing = uuid4()
    assert complaint("w", missing).endswith(f"{missing}: there is no such job")
    assert db.job(job) == before
    db.submit(waiting := Spec())
    assert complaint("w", waiting.id).endswith("it is queued")
    db.do("select jobferry.complete_job('w', %s)", job)
    assert complaint("w", job).endswith("it is completed")
    db.register("p", "default")
    (taken,) = db.claim()
    assert complaint("w", taken["id"]).endswith("processor p does")
    # Nor is a worker a processor, or the other way about.
    with pytest.raises(psycopg.errors.CheckViolation):
        db.register("worker w", "default")


def test_a_worker_waits_for_its_ledger_row(db: Database, other: Database) -> None:
    job = held(db)
    with held_row(db.dsn, job) as holder:
        report = Beside(lambda: other.do("select jobferry.complete_job('w', %s)", job))
        db.wait_until_blocked(other.pid)
        holder.do("update background_jobs set progress = 0.5 where id = %s", job)
    report.result()
    assert db.status(job) == "completed"
    db.assert_sound()


def test_who_cancels_meanwhile_comes_first(db: Database, other: Database) -> None:
    job = held(db)
    with held_row(db.dsn, job) as holder:
        report = Beside(lambda: other.do("select jobferry.complete_job('w', %s)", job))
        db.wait_until_blocked(other.pid)
        holder.cancel(job)
    with pytest.raises(psycopg.Error, match="it is cancelled"):
        report.result()
    db.assert_sound()


# -- running out of time


def test_an_expired_lock_is_reclaimed_by_who_asks_next(db: Database, ear: Ear) -> None:
    job = held(db)
    assert get(db, "v") == []
    run_out(db)
    (row,) = get(db, "v")
    assert (row["id"], row["attempts"], row["status"]) == (job, 2, "running")
    assert db.queue()[job]["locked_by"] == "worker v"
    events = db.rows(
        "select event, attempt, actor, detail ->> 'code' as code from background_job_events"
        " where job_id = %s order by id",
        job,
    )
    assert [tuple(event.values()) for event in events[1:]] == [
        ("started", 1, "worker w", None),
        ("retrying", 1, "worker w", "processor_lost"),
        ("started", 2, "worker v", None),
    ]
    with pytest.raises(psycopg.Error, match="worker v does"):
        db.do("select jobferry.complete_job('w', %s)", job)


def test_an_expired_lock_without_attempts_left_fails(db: Database) -> None:
    job = held(db, max_attempts=1)
    run_out(db)
    assert get(db, "v") == []
    assert (db.status(job), db.job(job)["error"]["code"]) == ("failed", "processor_lost")
    db.assert_sound()


def test_a_late_worker_that_nobody_replaced_may_still_finish(db: Database) -> None:
    job = held(db)
    run_out(db)
    db.do("select jobferry.complete_job('w', %s)", job)
    assert db.status(job) == "completed"


def test_reaping_processors_leaves_workers_alone(db: Database) -> None:
    db.register("p", "default")
    theirs = held(db)
    db.submit(ours := Spec())
    assert [one.id for one in db.take()] == [ours.id]
    assert db.reap("0 seconds") == 1
    assert db.queue()[theirs]["locked_by"] == "worker w"
    assert db.status(ours.id) == "retrying"


def test_the_reaper_frees_what_workers_let_run_out(db: Database, ear: Ear) -> None:
    job = held(db)
    db.register("p", "default")
    assert db.reap("1 hour") == 0
    assert db.claim() == []
    run_out(db)
    ear.heard()
    assert db.reap("1 hour") == 1
    assert ("jobferry_queue", "") in ear.heard()
    (row,) = db.claim()
    assert (row["id"], row["attempt"]) == (job, 2)
    queued = db.queue()[job]
    assert (queued["locked_by"], queued["locked_until"]) == ("p", None)


def test_a_worker_known_to_be_dead_is_unlocked_by_force(db: Database) -> None:
    job, other = held(db), held(db, "v")
    assert db.value("select jobferry.force_unlock_workers('{w}')") == 1
    assert (db.status(job), db.status(other)) == ("retrying", "running")
    assert [row["id"] for row in get(db)] == [job]


def test_an_expired_lock_whose_row_is_held_waits_for_the_next_time(db: Database) -> None:
    job = held(db)
    run_out(db)
    with held_row(db.dsn, job):
        assert get(db, "v") == []
    assert [row["id"] for row in get(db, "v")] == [job]


def test_a_processor_s_claim_stays_heap_only_beside_the_index_of_locks(db: Database) -> None:
    db.register("p", "default")
    db.submit(*(Spec() for _ in range(20)))
    with db.together():
        db.take("p", 20)
        assert db.value(
            "select pg_stat_get_xact_tuples_hot_updated('jobferry.queue'::regclass)"
        ) == db.value("select pg_stat_get_xact_tuples_updated('jobferry.queue'::regclass)")
