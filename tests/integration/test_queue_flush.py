"""What a processor says of the jobs it holds, and that nobody but the holder can say it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.database import Database, Ear, Held, Row, Spec

FAR = "1 day"
SECONDS = [2.7, 7.4, 20.1, 54.6, 148.4, 403.4, 1096.6, 2981.0, 8103.1, 22026.5, 22026.5]


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    for name in ("p", "q"):
        db.register(name, "default")


def taken(db: Database, **spec: Any) -> Held:
    """A job that ``p`` holds."""
    db.submit(Spec(**spec))
    (held,) = db.take()
    return held


def make_due(db: Database) -> None:
    """Time passes."""
    db.do("update jobferry.queue set run_at = now() - interval '1 second' where locked_by is null")


# -- outcomes


def test_completed(db: Database, ear: Ear) -> None:
    held = taken(db)
    ear.heard()
    assert db.flush(done=[(held, '{"a": [1, "ä"]}')]) == {}
    row = db.job(held.id)
    assert (row["status"], row["completed"], row["progress"]) == ("completed", True, 1)
    assert row["result"] == {"a": [1, "ä"]}
    assert row["started_at"] <= row["finished_at"]
    assert db.events(held.id) == ["submitted", "started", "completed"]
    assert ear.heard() == [("jobferry_changes", "anna")]
    db.assert_sound()


def test_failed_for_good_at_once(db: Database) -> None:
    held = taken(db)
    db.flush(
        failed=[
            (
                held,
                {
                    "error": {"code": "c", "message": "m"},
                    "final": True,
                    "detail": '{"raised": "ValueError: x"}',
                },
            )
        ]
    )
    row = db.job(held.id)
    assert (row["status"], row["error"]) == ("failed", {"code": "c", "message": "m"})
    assert row["finished_at"] is not None
    assert db.value(
        "select detail from background_job_events where job_id = %s and event = 'failed'", held.id
    ) == {"code": "c", "message": "m", "raised": "ValueError: x"}
    db.assert_sound()


def test_a_failure_waits_longer_each_time(db: Database) -> None:
    for attempts, seconds in enumerate(SECONDS, 1):
        found = db.value("select extract(epoch from jobferry.backoff(%s))", attempts)
        assert float(found) == pytest.approx(seconds, abs=0.1)


def test_a_failed_attempt_is_tried_again_after_the_back_off(db: Database) -> None:
    held = taken(db)
    started = datetime.now(UTC)
    db.flush(failed=[(held, {"error": {"code": "c", "message": "m"}})])
    row, queued = db.job(held.id), db.queue()[held.id]
    assert (row["status"], row["finished_at"]) == ("retrying", None)
    assert row["error"] == {"code": "c", "message": "m"}
    assert row["run_at"] == queued["run_at"]
    assert timedelta(seconds=2.7) <= row["run_at"] - started < timedelta(seconds=4)
    assert queued["locked_by"] is None
    assert db.claim() == []
    make_due(db)
    assert [one["attempt"] for one in db.claim()] == [2]
    # The last error stays visible while the next attempt runs, and goes when it succeeds.
    assert db.job(held.id)["error"] == {"code": "c", "message": "m"}
    db.flush(done=[(Held(held.id, 2), None)])
    assert db.job(held.id)["error"] is None
    assert db.events(held.id) == ["submitted", "started", "retrying", "started", "completed"]


@pytest.mark.parametrize(("delay", "seconds"), [("0 seconds", 0), ("1 hour", 3600)])
def test_the_delay_may_be_said(db: Database, delay: str, seconds: int) -> None:
    held = taken(db)
    before = datetime.now(UTC)
    db.flush(failed=[(held, {"delay": delay})])
    wait = (db.job(held.id)["run_at"] - before).total_seconds()
    assert seconds - 1 < wait < seconds + 2
    assert bool(db.claim()) is (seconds == 0)


def test_attempts_run_out(db: Database) -> None:
    held = taken(db, max_attempts=3)
    for attempt in (1, 2, 3):
        db.flush(failed=[(Held(held.id, attempt), {"delay": "0 seconds"})])
        if attempt < 3:
            assert db.status(held.id) == "retrying"
            assert [one["attempt"] for one in db.claim()] == [attempt + 1]
    row = db.job(held.id)
    assert (row["status"], row["attempts"]) == ("failed", 3)
    assert db.events(held.id) == ["submitted", *(["started", "retrying"] * 2), "started", "failed"]
    assert db.queue() == {}


def test_released_jobs_get_their_attempt_back(db: Database, ear: Ear) -> None:
    held = taken(db)
    ear.heard()
    db.flush(released=[held])
    row, queued = db.job(held.id), db.queue()[held.id]
    assert (row["status"], row["attempts"]) == ("queued", 0)
    assert (queued["locked_by"], queued["attempts"]) == (None, 0)
    assert ("jobferry_queue", "") in ear.heard()
    assert [one["attempt"] for one in db.claim("q")] == [1]
    assert db.events(held.id) == ["submitted", "started", "released", "started"]


def test_progress_is_no_event(db: Database) -> None:
    held = taken(db)
    for fraction in (0.25, 0.5, 0.125):
        db.flush(moved=[(held, fraction)])
        assert db.job(held.id)["progress"] == fraction
    assert db.events(held.id) == ["submitted", "started"]
    assert db.status(held.id) == "running"


def test_everything_in_one_call(db: Database) -> None:
    specs = [Spec(priority=n) for n in range(8)]
    db.submit(*specs)
    done, failed, last, moved, back, cancelled, lost, kept = db.take()
    db.cancel_batch(cancelled.id)
    db.do("update jobferry.queue set locked_by = 'q' where job_id = %s", lost.id)
    verdicts = db.flush(
        done=[(done, "1")],
        failed=[(failed, {"delay": FAR}), (last, {"final": True})],
        moved=[(moved, 0.5), (kept, 0.75)],
        released=[back],
        running=[moved, cancelled, lost, kept],
    )
    assert verdicts == {cancelled.id: "cancelled", lost.id: "lost"}
    assert [db.status(one.id) for one in (done, failed, last, moved, back, cancelled, kept)] == [
        "completed",
        "retrying",
        "failed",
        "running",
        "queued",
        "cancelled",
        "running",
    ]
    assert db.job(moved.id)["progress"] == 0.5
    assert db.job(kept.id)["progress"] == 0.75
    db.assert_sound()


def test_an_empty_flush_is_nothing(db: Database, ear: Ear) -> None:
    taken(db)
    ear.heard()
    assert db.flush() == {}
    assert ear.heard() == []


# -- fencing: (job, processor, attempt)

Say = Callable[[Database, str, Held], object]

SAYINGS: dict[str, Say] = {
    "complete": lambda db, who, held: db.flush(who, done=[(held, '"forged"')]),
    "fail": lambda db, who, held: db.flush(who, failed=[(held, {"error": {"code": "forged"}})]),
    "fail for good": lambda db, who, held: db.flush(who, failed=[(held, {"final": True})]),
    "progress": lambda db, who, held: db.flush(who, moved=[(held, 0.9)]),
    "release": lambda db, who, held: db.flush(who, released=[held]),
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_only_the_holder_of_this_attempt_is_heard(db: Database, ear: Ear, saying: str) -> None:
    first = taken(db)
    db.flush(failed=[(first, {"delay": "0 seconds"})])
    (held,) = db.take()
    assert held.attempt == 2
    before: tuple[Row, Row, list[str]] = db.job(held.id), db.queue()[held.id], db.events(held.id)
    ear.heard()
    # Another processor, an earlier attempt, a later one.
    for processor, attempt in (("q", 2), ("p", 1), ("p", 3)):
        SAYINGS[saying](db, processor, Held(held.id, attempt))
        assert (db.job(held.id), db.queue()[held.id], db.events(held.id)) == before
        assert [said for said in ear.heard() if said[0] == "jobferry_changes"] == []
    # And the holder still is.
    SAYINGS[saying](db, "p", held)
    assert db.job(held.id) != before[0]


@pytest.mark.parametrize("end", ["cancelled", "completed"])
def test_what_is_said_of_a_finished_job_changes_nothing(db: Database, end: str) -> None:
    for say in SAYINGS.values():
        held = taken(db)
        db.do(f"update background_jobs set {end} = true where id = %s", held.id)
        before, events = db.job(held.id), db.events(held.id)
        say(db, "p", held)
        assert (db.job(held.id), db.events(held.id)) == (before, events)
        db.assert_sound()


def test_a_late_result_after_the_lease_was_lost_changes_nothing(db: Database) -> None:
    held = taken(db)
    assert db.reap() == 1
    db.register("q", "default")
    assert [one["attempt"] for one in db.claim("q")] == [2]
    assert db.flush(done=[(held, '"late"')], running=[held]) == {held.id: "lost"}
    assert db.status(held.id) == "running"
    db.flush("q", done=[(Held(held.id, 2), '"on time"')])
    assert db.job(held.id)["result"] == "on time"


def test_saying_it_twice_is_saying_it_once(db: Database) -> None:
    held = taken(db)
    for _ in range(2):
        db.flush(done=[(held, "1")])
    assert db.events(held.id) == ["submitted", "started", "completed"]


# -- verdicts


def test_the_verdicts_on_what_runs(db: Database) -> None:
    specs = [Spec(priority=n) for n in range(7)]
    db.submit(*specs)
    held = db.take()
    fine, cancelled, completed, removed, released, reaped, older = held
    db.cancel_batch(cancelled.id)
    db.do("update background_jobs set completed = true where id = %s", completed.id)
    db.do("delete from background_jobs where id = %s", removed.id)
    db.flush(released=[released])
    db.do("update jobferry.queue set locked_by = null where job_id = %s", reaped.id)
    db.do("update jobferry.queue set attempts = 5 where job_id = %s", older.id)
    assert db.flush(running=held) == {
        cancelled.id: "cancelled",
        completed.id: "lost",
        removed.id: "lost",
        released.id: "lost",
        reaped.id: "lost",
        older.id: "lost",
    }
    assert db.flush(running=[fine]) == {}


def test_what_was_finished_behind_one_s_back_is_cleared_away(db: Database) -> None:
    """A foreign writer only tries for the queue row: who held it at that moment clears it."""
    held = taken(db)
    db.do("alter table background_jobs disable trigger dequeue_job_trigger")
    db.cancel(held.id)
    assert db.queue().keys() == {held.id}
    assert db.flush(running=[held]) == {held.id: "cancelled"}
    assert db.queue() == {}


# -- leases


def test_the_reaper_frees_the_jobs_of_the_dead_and_only_those(db: Database, ear: Ear) -> None:
    dead, alive, free = Spec(priority=1), Spec(priority=2), Spec(priority=3)
    db.submit(dead, alive, free)
    assert [one.id for one in db.take("p", 1)] == [dead.id]
    assert [one.id for one in db.take("q", 1)] == [alive.id]
    db.do("update jobferry.processors set last_seen = now() - interval '31 s' where id = 'p'")
    before = [(db.job(spec.id), db.queue()[spec.id]) for spec in (alive, free)]
    ear.heard()
    assert db.reap("32 seconds") == 0
    assert db.reap("30 seconds") == 1
    assert [(db.job(spec.id), db.queue()[spec.id]) for spec in (alive, free)] == before
    row, queued = db.job(dead.id), db.queue()[dead.id]
    assert (row["status"], row["attempts"], row["error"]["code"]) == (
        "retrying",
        1,
        "processor_lost",
    )
    assert (queued["locked_by"], queued["attempts"]) == (None, 1)
    assert set(ear.heard()) == {("jobferry_changes", "anna"), ("jobferry_queue", "")}
    assert db.column("select id from jobferry.processors") == ["q"]
    assert [one["attempt"] for one in db.claim("q", 1)] == [2]
    assert db.events(dead.id) == ["submitted", "started", "retrying", "started"]
    assert (
        db.value("select actor from background_job_events where event = 'retrying'")
        == "processor p"
    )


def test_a_job_that_kills_its_processors_does_not_run_for_ever(db: Database) -> None:
    held = taken(db, max_attempts=2)
    db.reap()
    assert db.status(held.id) == "retrying"
    db.register("p", "default")
    db.claim()
    assert db.reap() == 1
    row = db.job(held.id)
    assert (row["status"], row["attempts"], row["error"]["code"]) == ("failed", 2, "processor_lost")
    assert db.events(held.id)[-1] == "failed"
    db.assert_sound()


def test_a_heartbeat_prolongs_the_lease_and_says_if_it_is_lost(db: Database) -> None:
    db.do("update jobferry.processors set last_seen = now() - interval '1 hour' where id = 'p'")
    assert db.value("select jobferry.heartbeat('p')") is True
    assert db.reap("1 minute") == 0
    assert db.value("select jobferry.heartbeat('p')") is True
    db.reap()
    assert db.value("select jobferry.heartbeat('p')") is False
    assert db.value("select count(*) from jobferry.processors") == 0


def test_nothing_to_reap_rings_for_nobody(db: Database, ear: Ear) -> None:
    taken(db)
    ear.heard()
    assert db.reap("1 hour") == 0
    assert ear.heard() == []


def test_who_leaves_leaves_nothing_behind(db: Database) -> None:
    """A claim that was answered to nobody, as when a processor stops in the middle of one."""
    held = taken(db)
    db.do("select jobferry.unregister_processor('p')")
    row, queued = db.job(held.id), db.queue()[held.id]
    assert (row["status"], row["attempts"]) == ("queued", 0)
    assert (queued["locked_by"], queued["attempts"]) == (None, 0)
    assert db.events(held.id) == ["submitted", "started", "released"]
    assert db.column("select id from jobferry.processors") == ["q"]
    assert [one["id"] for one in db.claim("q")] == [held.id]
    db.do("select jobferry.unregister_processor('nobody')")


def test_what_a_lost_answer_took_is_given_back_and_nothing_else(db: Database) -> None:
    unknown, known, other_s, free = (Spec(priority=n) for n in range(4))
    db.submit(unknown, known, other_s, free)
    db.take("p", 2)
    db.take("q", 1)
    before = [(db.job(spec.id), db.queue()[spec.id]) for spec in (known, other_s, free)]
    db.do("select jobferry.release_unknown('p', %s)", [known.id])
    assert [(db.job(spec.id), db.queue()[spec.id]) for spec in (known, other_s, free)] == before
    row, queued = db.job(unknown.id), db.queue()[unknown.id]
    assert (row["status"], row["attempts"]) == ("queued", 0)
    assert (queued["locked_by"], queued["attempts"]) == (None, 0)
    assert db.events(unknown.id) == ["submitted", "started", "released"]


def test_an_end_in_a_named_queue_rings_for_the_next(db: Database, ear: Ear) -> None:
    first, second = Spec(queue_name="n", priority=1), Spec(queue_name="n", priority=2)
    db.submit(first, second)
    (held,) = db.take()
    ear.heard()
    db.flush(done=[(held, None)])
    assert ("jobferry_queue", "") in ear.heard()
    (held,) = db.take()
    ear.heard()
    db.cancel(held.id)
    assert ("jobferry_queue", "") in ear.heard()
