"""A job key: one unfinished job of an owner has it. Every cell of the matrix, and every race."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import ANNA, Beside, Database, Ear, Held, Row, held_row

ROUNDS = 1000
SOON = datetime.now(UTC) + timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(days=1)

OLD: dict[str, Any] = {
    "payload": Json({"old": 1}),
    "queue_name": "old",
    "run_at": LATER,
    "max_attempts": 9,
    "priority": 5,
    "flags": ["old"],
    "database_id": UUID(int=1),
}
NEW: dict[str, Any] = {
    "payload": Json({"new": 1}),
    "queue_name": "new",
    "run_at": SOON,
    "max_attempts": 4,
    "priority": 2,
    "flags": ["new"],
    "database_id": UUID(int=2),
}


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    db.register("p", "default", "other")


# -- the states in which a job with the key may be


def absent(db: Database) -> UUID | None:
    return None


def waiting(db: Database) -> UUID:
    job = db.add(job_key="k", owner=ANNA, **OLD)["id"]
    assert isinstance(job, UUID)
    return job


def take(db: Database) -> Held:
    job = waiting(db)
    db.do("update background_jobs set run_at = now() where id = %s", job)
    (held,) = db.take()
    return held


def tried(db: Database) -> UUID:
    held = take(db)
    db.flush(moved=[(held, 0.5)])
    db.flush(failed=[(held, {"error": {"code": "x", "message": "first"}, "delay": "1 day"})])
    assert db.status(held.id) == "retrying"
    return held.id


def handed_back(db: Database) -> UUID:
    """Tried once, taken again and handed back: queued, with an attempt behind it."""
    job = tried(db)
    db.do("update background_jobs set run_at = now() where id = %s", job)
    db.flush(released=db.take())
    assert (db.status(job), db.job(job)["attempts"]) == ("queued", 1)
    return job


def running(db: Database) -> UUID:
    return take(db).id


def run_by_the_recipe(db: Database) -> UUID:
    job = waiting(db)
    db.do("update background_jobs set progress = 0.5 where id = %s", job)
    assert db.status(job) == "running"
    return job


def completed(db: Database) -> UUID:
    held = take(db)
    db.flush(done=[(held, "1")])
    return held.id


def cancelled(db: Database) -> UUID:
    job = waiting(db)
    db.cancel(job)
    return job


def failed(db: Database) -> UUID:
    held = take(db)
    db.flush(failed=[(held, {"final": True})])
    return held.id


# -- what may become of it


def inserted(db: Database, old: Row | None, new: Row, mode: str) -> None:
    """A new row; what was there stays as it was, but for a failed job's key."""
    assert {name: new[name] for name in NEW} == NEW | {"payload": {"new": 1}}
    assert (new["attempts"], new["status"], new["job_key"]) == (0, "scheduled", "k")
    assert db.events(new["id"]) == ["submitted"]
    if old is not None:
        assert new["id"] != old["id"]
        kept = old["job_key"] if old["status"] != "failed" or mode == "unsafe_dedupe" else None
        assert db.job(old["id"]) == old | {"job_key": kept}


def replaced(db: Database, old: Row | None, new: Row, mode: str) -> None:
    """The same id; everything else as if it were new."""
    assert old is not None
    assert new["id"] == old["id"]
    assert {name: new[name] for name in NEW} == NEW | {"payload": {"new": 1}}
    assert new["submitted_by"] == ANNA
    fresh = ("attempts", "progress", "result", "error", "started_at", "finished_at", "status")
    assert [new[name] for name in fresh] == [0, 0, None, None, None, None, "scheduled"]
    assert (new["timestamp"], new["received_at"]) == (old["timestamp"], old["received_at"])
    assert db.events(new["id"])[-1] == "replaced"


def replaced_in_its_time(db: Database, old: Row | None, new: Row, mode: str) -> None:
    assert old is not None
    assert new["run_at"] == old["run_at"]
    replaced(db, old, new | {"run_at": SOON}, mode)


def passed_on(db: Database, old: Row | None, new: Row, mode: str) -> None:
    """A new row with the key; the old one may end, and is not tried again."""
    assert old is not None
    inserted(db, None, new, mode)
    assert new["id"] != old["id"]
    left = db.job(old["id"])
    assert (left["job_key"], left["status"]) == (None, "running")
    assert left["max_attempts"] == max(left["attempts"], 1)
    assert db.queue()[old["id"]]["max_attempts"] == left["max_attempts"]
    event = db.rows(
        "select event, detail from background_job_events where job_id = %s order by id", old["id"]
    )[-1]
    assert event == {"event": "replaced", "detail": {"replaced_by": str(new["id"])}}


def returned(db: Database, old: Row | None, new: Row, mode: str) -> None:
    """Nothing changes."""
    assert old is not None
    assert new == old
    assert db.job(old["id"]) == old
    assert db.value("select count(*) from background_jobs") == 1


Become = Callable[[Database, Row | None, Row, str], None]
MODES = ("replace", "preserve_run_at", "unsafe_dedupe")
MATRIX: dict[Callable[[Database], UUID | None], tuple[Become, Become, Become]] = {
    absent: (inserted, inserted, inserted),
    waiting: (replaced, replaced_in_its_time, returned),
    tried: (replaced, replaced, returned),
    handed_back: (replaced, replaced, returned),
    running: (passed_on, passed_on, returned),
    run_by_the_recipe: (passed_on, passed_on, returned),
    completed: (inserted, inserted, inserted),
    cancelled: (inserted, inserted, inserted),
    failed: (inserted, inserted, returned),
}
CELLS = [
    pytest.param(state, mode, become, id=f"{state.__name__}-{mode}-{become.__name__}")
    for state, becomes in MATRIX.items()
    for mode, become in zip(MODES, becomes, strict=True)
]


@pytest.mark.parametrize(("state", "mode", "become"), CELLS)
def test_every_cell_of_the_matrix(
    db: Database, state: Callable[[Database], UUID | None], mode: str, become: Become
) -> None:
    job = state(db)
    old = db.job(job) if job else None
    new = db.add(job_key="k", job_key_mode=mode, owner=ANNA, **NEW)
    assert db.job(new["id"]) == new
    become(db, old, new, mode)
    db.assert_sound()
    hot = ("task", "queue_name", "priority", "run_at", "attempts", "max_attempts", "flags")
    if new["finished_at"] is None:
        queued = db.queue()[new["id"]]
        assert {name: queued[name] for name in hot} == {name: new[name] for name in hot}


@pytest.mark.parametrize(("state", "mode", "become"), [c for c in CELLS if c.values[1] != MODES[2]])
def test_add_jobs_knows_the_same_matrix(
    db: Database, state: Callable[[Database], UUID | None], mode: str, become: Become
) -> None:
    job = state(db)
    old = db.job(job) if job else None
    spec = NEW | {"payload": {"new": 1}, "run_at": SOON.isoformat(), "job_key": "k"}
    del spec["database_id"]
    (new,) = db.add_many(spec, preserve=mode == "preserve_run_at", owner=ANNA)
    become(db, old, new | {"database_id": NEW["database_id"]}, mode)
    db.assert_sound()


@pytest.mark.parametrize("mode", MODES)
def test_without_a_key_the_mode_matters_not(db: Database, mode: str) -> None:
    waiting(db)
    assert len({db.add(job_key_mode=mode)["id"] for _ in range(3)}) == 3


def test_what_is_not_given_goes_back_to_its_default(db: Database) -> None:
    job = waiting(db)
    new = db.add("other", job_key="k", owner=ANNA)
    assert new["id"] == job
    assert [new[name] for name in NEW if name != "run_at"] == [{}, None, 25, 0, None, None]
    assert (new["task"], new["status"]) == ("other", "queued")
    assert [row["id"] for row in db.claim(tasks=["other"])] == [job]


@pytest.mark.parametrize("mode", MODES[:2])
def test_two_arrays_become_one(db: Database, mode: str) -> None:
    for payload, all_of_it in (
        ([1], [1]),
        ([2, [3]], [1, 2, [3]]),
        ([], [1, 2, [3]]),
        ({"a": 1}, {"a": 1}),
        ([4], [4]),
        (None, {}),
    ):
        given = Json(payload) if payload is not None else None
        assert db.add(job_key="k", job_key_mode=mode, payload=given)["payload"] == all_of_it


def test_the_array_of_a_running_job_is_its_own(db: Database) -> None:
    db.add(job_key="k", payload=Json([1]))
    db.take()
    assert db.add(job_key="k", payload=Json([2]))["payload"] == [2]


def test_each_owner_has_keys_of_its_own(db: Database) -> None:
    owners = (None, ANNA, "bert")
    ids = [db.add(job_key="k", owner=owner)["id"] for owner in owners]
    assert len(set(ids)) == 3
    assert [db.add(job_key="k", owner=owner)["id"] for owner in owners] == ids


def test_a_job_whose_key_was_passed_on_runs_once_more_at_most(db: Database) -> None:
    held = take(db)
    heir = db.add(job_key="k", owner=ANNA)["id"]
    db.flush(failed=[(held, {"delay": "0 seconds"})])
    assert db.status(held.id) == "failed"
    assert [one.id for one in db.take()] == [heir]


def test_a_job_whose_key_was_passed_on_may_still_end_well(db: Database) -> None:
    held = take(db)
    db.add(job_key="k", owner=ANNA)
    db.flush(done=[(held, '"good"')])
    assert db.job(held.id)["result"] == "good"
    db.assert_sound()


def test_a_failed_job_does_not_answer_once_another_had_its_key(db: Database) -> None:
    first = failed(db)
    again = db.add(job_key="k", job_key_mode="unsafe_dedupe", owner=ANNA)
    assert again["id"] == first
    second = db.add(job_key="k", owner=ANNA)["id"]
    db.cancel(second)
    third = db.add(job_key="k", job_key_mode="unsafe_dedupe", owner=ANNA)["id"]
    assert third not in (first, second)


def test_a_replaced_job_wakes_processors_and_its_owner_s_devices(db: Database, ear: Ear) -> None:
    waiting(db)
    ear.heard()
    db.add(job_key="k", owner=ANNA)
    assert sorted(ear.heard()) == [("jobferry_changes", ANNA), ("jobferry_queue", "")]


def test_nothing_is_said_where_nothing_changed(db: Database, ear: Ear) -> None:
    waiting(db)
    ear.heard()
    db.add(job_key="k", job_key_mode="unsafe_dedupe", owner=ANNA)
    assert ear.heard() == []


# -- foreign writers


def test_a_plain_insert_of_a_key_that_is_taken_is_a_unique_violation(db: Database) -> None:
    job = waiting(db)
    with pytest.raises(psycopg.errors.UniqueViolation, match="background_jobs_job_key"):
        db.insert(job_key="k", submitted_by=ANNA)
    assert set(db.queue()) == {job}
    db.cancel(job)
    db.insert(job_key="k", submitted_by=ANNA)
    db.assert_sound()


@pytest.mark.parametrize("mode", MODES)
def test_a_plain_insert_at_the_same_moment_is_waited_for(
    db: Database, other: Database, mode: str
) -> None:
    with other.together():
        job = other.insert(job_key="k", payload=Json({"by": "plain"}))
        work = Beside(lambda: db.add(job_key="k", job_key_mode=mode, payload=Json({"by": "us"})))
        other.wait_until_blocked(db.pid)
    row = work.result()
    assert row["id"] == job
    assert row["payload"] == {"by": "plain" if mode == "unsafe_dedupe" else "us"}
    db.assert_sound()


def test_a_plain_insert_that_is_taken_back_leaves_the_key_to_us(
    db: Database, other: Database
) -> None:
    with other.connection.transaction(force_rollback=True):
        other.insert(job_key="k")
        work = Beside(lambda: db.add(job_key="k"))
        other.wait_until_blocked(db.pid)
    assert work.result()["job_key"] == "k"
    db.assert_sound()


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_a_job_that_ends_while_we_wait_for_it_is_history(
    db: Database, other: Database, end: str
) -> None:
    job = waiting(db)
    with held_row(db.dsn, job) as foreign:
        work = Beside(lambda: other.add(job_key="k", owner=ANNA))
        db.wait_until_blocked(other.pid)
        foreign.do(f"update background_jobs set {end} = true where id = %s", job)
    assert work.result()["id"] != job
    assert db.status(job) == end
    db.assert_sound()


def test_a_stuck_claim_is_not_overwritten(db: Database, other: Database) -> None:
    """The claim commits while we wait: the job runs, so its key passes on."""
    job = waiting(db)
    db.do("update background_jobs set run_at = now() where id = %s", job)
    with Database(db.dsn) as third:
        with other.together():
            (held,) = other.take()
            work = Beside(lambda: third.add(job_key="k", owner=ANNA, payload=Json({"new": 1})))
            db.wait_until_blocked(third.pid)
        heir = work.result()
    assert heir["id"] != job
    assert db.job(job)["payload"] == {"old": 1}
    db.flush(done=[(held, None)])
    db.assert_sound()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_under_a_stricter_isolation_it_is_refused_and_not_repeated_for_ever(
    db: Database, other: Database, level: str
) -> None:
    other.do(f"set default_transaction_isolation = '{level}'")
    with other.connection.transaction(force_rollback=True):
        other.value("select count(*) from background_jobs")
        db.insert(job_key="k")
        with pytest.raises(psycopg.errors.SerializationFailure):
            other.add(job_key="k")
    db.assert_sound()


# -- two at once


def race(dsn: str, *works: Callable[[Database], object]) -> list[object]:
    """Each on a connection and thread of its own, a thousand times; what they returned."""
    returned: list[object] = []
    errors: list[BaseException] = []

    def run(work: Callable[[Database], object]) -> None:
        try:
            with Database(dsn) as db:
                returned.extend(work(db) for _ in range(ROUNDS))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return returned


def assert_keys_unique(db: Database) -> None:
    twice = db.rows(
        "select job_key from background_jobs where finished_at is null and job_key is not null"
        " group by submitted_by, job_key having count(*) > 1"
    )
    assert twice == []
    db.assert_sound()


@pytest.mark.parametrize("mode", MODES)
def test_two_that_add_the_same_key_never_get_nothing_nor_two(db: Database, mode: str) -> None:
    def add(own: Database) -> UUID | None:
        found: UUID | None = own.add(job_key="k", job_key_mode=mode, owner=ANNA)["id"]
        return found

    ids = race(db.dsn, add, add)
    assert len(ids) == 2 * ROUNDS
    assert len(set(ids)) == 1
    assert None not in ids
    assert_keys_unique(db)


def test_two_that_add_keys_and_one_that_runs_them(db: Database) -> None:
    """In every state the key may be in, by two at once, with a processor and a canceller beside."""

    def add(own: Database) -> object:
        row = own.add(job_key="k", payload=Json([1]), owner=ANNA)
        return row["id"] is not None and row["job_key"] == "k"

    def work(own: Database) -> object:
        held = own.take("p", 5)
        own.flush("p", done=[(one, None) for one in held[1:]])
        own.flush("p", failed=[(one, {"delay": "0 seconds"}) for one in held[:1]])
        return True

    def cancel(own: Database) -> object:
        own.do(
            "update background_jobs set cancelled = true where id in"
            " (select id from background_jobs where finished_at is null limit 1)"
        )
        return True

    assert set(race(db.dsn, add, add, work, cancel)) == {True}
    assert_keys_unique(db)


def test_many_keys_in_opposite_orders_do_not_deadlock(db: Database) -> None:
    specs: list[Row] = [{"job_key": f"k{n}"} for n in range(4)]

    def add(chosen: list[Row]) -> Callable[[Database], object]:
        def work(own: Database) -> int:
            added = own.add_many(*chosen)
            # So that the keys are free again, sometimes.
            own.rows("select from jobferry.cancel_jobs(%s::uuid[])", [row["id"] for row in added])
            return len(added)

        return work

    assert set(race(db.dsn, add(specs), add(specs[::-1]))) == {4}
    assert_keys_unique(db)
