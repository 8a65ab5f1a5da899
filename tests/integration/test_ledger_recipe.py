"""The recipe works as it stands: its INSERT, its notification, its kind of processor."""

import json
from collections.abc import Callable, Iterator
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Ear, Spec

INSERT: LiteralString = (
    'insert into background_jobs (id, "timestamp", payload, completed, cancelled, progress, result)'
    " values (%s, now(), %s, false, false, 0, null)"
)
NOTIFY_LIMIT = 8000


def octets(text: str) -> int:
    return len(text.encode())


# -- its INSERT and its notification


def test_the_recipe_s_insert_is_a_submit(db: Database, ear: Ear) -> None:
    job = uuid4()
    assert db.do(INSERT, job, Json({"n": 1})) == 1
    row = db.job(job)
    assert (row["status"], row["task"], row["priority"]) == ("queued", "default", 0)
    assert (row["attempts"], row["max_attempts"], row["submitted_by"]) == (0, 25, None)
    assert row["run_at"] == row["timestamp"]
    assert set(db.queue()) == {job}
    assert db.events(job) == ["submitted"]
    assert ("jobferry_queue", "") in ear.heard()


def test_the_notification_is_the_row_as_json(db: Database, ear: Ear) -> None:
    job = db.insert(payload=Json({"ä": [1, None, "\n"]}), task="t", flags=["a", "b"])
    (message,) = ear.messages()
    as_json = db.value("select row_to_json(b)::text from background_jobs b where id = %s", job)
    assert message == as_json
    assert json.loads(message)["payload"] == {"ä": [1, None, "\n"]}


def test_one_notification_for_each_row(db: Database, ear: Ear) -> None:
    jobs = [uuid4() for _ in range(20)]
    with db.together():
        for job in jobs:
            db.do(INSERT, job, Json({}))
    assert [row["id"] for row in ear.rows()] == [str(job) for job in jobs]


def test_a_finished_row_is_nobody_s_work_and_not_announced(db: Database, ear: Ear) -> None:
    db.insert(completed=True)
    db.insert(cancelled=True)
    assert ear.messages() == []
    assert db.queue() == {}


def test_a_row_near_the_limit_goes_whole_up_to_7900_octets(db: Database, ear: Ear) -> None:
    """Octets are what NOTIFY counts, not characters; JSON text is sent unescaped."""
    for letter in ("x", "ä", "世", "😀"):
        # In one transaction all rows have the same times and versions, so the same width.
        with db.together():
            empty = db.insert(payload=Json(""))
            as_json = db.value(
                "select row_to_json(b)::text from background_jobs b where id = %s", empty
            )
            letters, spare = divmod(7900 - octets(as_json), octets(letter))
            just, above = "y" * spare + letter * letters, "y" * (spare + 1) + letter * letters
            whole, short = db.insert(payload=Json(just)), db.insert(payload=Json(above))
        _, *messages = ear.messages()
        assert octets(messages[0]) == 7900
        first, second = map(json.loads, messages)
        assert (first["id"], first["payload"]) == (str(whole), just)
        assert "payload_omitted" not in first
        assert second["id"] == str(short)
        assert second["payload_omitted"] is True
        assert not {"payload", "result"} & set(second)
        assert second["task"] == "default"


def test_a_payload_of_200_kb_is_stored_and_announced_without_it(db: Database, ear: Ear) -> None:
    payload = {"text": "ß" * 100_000}
    job = db.insert(payload=Json(payload), result=Json("r" * 5000))
    (row,) = ear.rows()
    assert (row["id"], row["payload_omitted"]) == (str(job), True)
    assert db.job(job)["payload"] == payload
    assert db.queue().keys() == {job}


def test_a_row_that_is_too_long_without_its_payload_goes_as_its_id(db: Database, ear: Ear) -> None:
    for column in ("task", "job_key", "queue_name"):
        # 2,600 euro signs take 7,800 octets; the queue's own index takes what compresses well.
        job = db.insert(**{column: "€" * 2600})
        assert ear.rows() == [{"id": str(job), "payload_omitted": True}]
        assert db.job(job)[column] == "€" * 2600
    db.assert_sound()


def test_no_notification_ever_fails_an_insert(db: Database, ear: Ear) -> None:
    """Around the limit, octet by octet, with every way a text can grow when it becomes JSON."""
    sizes = [n for base in (7000, 7890, 7990, 8000) for n in range(base - 8, base + 8)]
    for size in sizes:
        db.insert(payload=Json('"' * (size // 2)))
        db.insert(payload=Json("x" * size), submitted_by="ö" * (size // 2))
    messages = ear.messages()
    assert len(messages) == 2 * len(sizes)
    assert max(map(octets, messages)) < NOTIFY_LIMIT


def test_our_own_inserts_notify_as_everybody_s(db: Database, ear: Ear) -> None:
    small, large = Spec(payload='{"n": 1}'), Spec(payload=json.dumps("x" * 9000))
    db.submit(small, large)
    assert {row["id"]: row.get("payload_omitted", False) for row in ear.rows()} == {
        str(small.id): False,
        str(large.id): True,
    }


# -- and nothing else notifies there


def test_only_inserts_notify_on_the_recipe_s_channel(db: Database, ear: Ear) -> None:
    first, second, third = (db.insert(submitted_by="anna") for _ in range(3))
    db.register("p", "default")
    ear.heard()
    db.do("update background_jobs set progress = 0.1 where id = %s", first)
    held = {one.id: one for one in db.take()}
    db.value("select jobferry.heartbeat('p')")
    db.flush(moved=[(held[first], 0.5)], running=list(held.values()))
    db.flush(
        done=[(held[first], "{}")],
        failed=[(held[second], {"delay": "0 seconds"})],
        released=[held[third]],
    )
    db.take()
    db.reap()
    db.cancel(second)
    db.cancel_batch(third)
    db.do("delete from background_jobs where id = %s", third)
    assert ear.messages() == []
    assert db.status(first) == "completed"


@pytest.mark.parametrize("way", ["plain", "flush"])
def test_progress_rings_for_the_owner_s_devices_alone(db: Database, ear: Ear, way: str) -> None:
    job = db.insert(submitted_by="anna")
    db.register("p", "default")
    (held,) = db.take()
    ear.heard()
    if way == "plain":
        db.do("update background_jobs set progress = 0.5 where id = %s", job)
    else:
        db.flush(moved=[(held, 0.5)])
    assert ear.heard() == [("jobferry_changes", "anna")]


def test_leases_ring_for_nobody(db: Database, ear: Ear) -> None:
    db.insert(submitted_by="anna")
    db.register("p", "default")
    held = db.take()
    ear.heard()
    db.value("select jobferry.heartbeat('p')")
    db.flush(running=held)
    assert ear.heard() == []


# -- a processor of the recipe's kind, with ours absent


def recipe_processor(dsn: str, work: Callable[[Any], Any], stop_after: int) -> None:
    """All that a processor needs to know by the recipe."""
    with (
        psycopg.connect(dsn, autocommit=True) as listener,
        psycopg.connect(dsn, autocommit=True) as ledger,
    ):
        listener.execute("listen process_background_job")
        listener.execute("notify the_test, 'listening'")
        for notice in listener.notifies(stop_after=stop_after):
            job = json.loads(notice.payload)
            ledger.execute("update background_jobs set progress = 0.5 where id = %s", [job["id"]])
            ledger.execute(
                "update background_jobs set completed = true, progress = 1, result = %s"
                " where id = %s",
                [Json(work(job["payload"])), job["id"]],
            )


@pytest.fixture
def listening(dsn: str) -> Iterator[Callable[[], object]]:
    """Waits for the processor's word that it listens."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("listen the_test")
        yield lambda: list(connection.notifies(timeout=10, stop_after=1))


def test_a_recipe_processor_works_with_ours_absent(
    db: Database, ear: Ear, listening: Callable[[], object]
) -> None:
    worker = Beside(lambda: recipe_processor(db.dsn, lambda payload: payload["n"] * 2, 3))
    listening()
    foreign = db.insert(payload=Json({"n": 1}))
    first, second = Spec(payload='{"n": 2}'), Spec(payload='{"n": 3}')
    db.submit(first, second)
    worker.result()
    for job, result in ((foreign, 2), (first.id, 4), (second.id, 6)):
        row = db.job(job)
        assert (row["status"], row["completed"], row["result"]) == ("completed", True, result)
        assert row["started_at"] <= row["finished_at"]
        assert db.events(job) == ["submitted", "started", "completed"]
    assert db.queue() == {}
    assert ("jobferry_changes", "anna") in ear.heard()


def test_a_cancel_that_comes_between_stands(db: Database, listening: Callable[[], object]) -> None:
    def work(payload: Any) -> str:
        assert db.cancel_batch(spec.id) == []
        return "too late"

    spec = Spec()
    worker = Beside(lambda: recipe_processor(db.dsn, work, 1))
    listening()
    db.submit(spec)
    worker.result()
    row = db.job(spec.id)
    assert (row["status"], row["cancelled"], row["completed"]) == ("cancelled", True, False)
    assert (row["progress"], row["result"]) == (0.5, None)
    assert db.events(spec.id) == ["submitted", "started", "cancelled"]
    db.assert_sound()


def test_a_late_completion_of_a_cancelled_job_changes_nothing(db: Database, ear: Ear) -> None:
    job = db.insert(submitted_by="anna")
    assert db.cancel(job) == 1
    before, events = db.job(job), db.events(job)
    ear.heard()
    touched = db.do(
        "update background_jobs set completed = true, progress = 1, result = '{}' where id = %s",
        job,
    )
    assert touched == 0
    assert (db.job(job), db.events(job)) == (before, events)
    assert ear.heard() == []


def test_cancel_and_complete_at_once_whoever_comes_first_stands(
    db: Database, other: Database
) -> None:
    """Two writers race for one row, many times; the second finds it finished."""
    for _ in range(50):
        job = db.insert()
        cancel = Beside(lambda job=job: other.cancel(job))  # type: ignore[misc]
        completed = db.do("update background_jobs set completed = true where id = %s", job)
        assert completed + cancel.result() == 1
        assert db.status(job) == ("completed" if completed else "cancelled")
    db.assert_sound()


# -- a writer under whose session ordinary triggers do not fire


def test_a_session_in_replica_mode_is_covered(db: Database, ear: Ear) -> None:
    db.do("set session_replication_role = replica")
    job = db.insert(payload=Json({"n": 1}), submitted_by="anna", version="1", created="1")
    assert db.job(job)["status"] == "queued"
    assert int(db.job(job)["version"]) > 1
    assert set(db.queue()) == {job}
    assert sorted(channel for channel, _ in ear.heard()) == sorted(Ear.CHANNELS)
    before = int(db.job(job)["version"])
    db.do("update background_jobs set progress = 0.5 where id = %s", job)
    assert int(db.job(job)["version"]) > before
    db.do("update background_jobs set completed = true, result = '1' where id = %s", job)
    assert db.queue() == {}
    assert db.cancel(job) == 0
    assert db.events(job) == ["submitted", "started", "completed"]
    db.do("delete from background_jobs where id = %s", job)
    assert db.events(job)[-1] == "deleted"
    # The progress, the completion, the tombstone.
    assert ear.heard() == [("jobferry_changes", "anna")] * 3
