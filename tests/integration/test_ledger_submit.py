"""The gateway's two functions: submits that may be sent again, cancels that never wait."""

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from integration.database import DEVICE, Database, Ear, Spec, held_row
from jobferry_server.gateway.submits import array_literal
from jobferry_shared.ids import new_id

ROUNDS = 200
JOBS = 40


# -- submit


def test_the_same_job_again_is_no_news(db: Database, ear: Ear) -> None:
    """But once: its device has not heard when it was received."""
    specs = [Spec(payload='{"a": 1, "b": [2]}'), Spec(cancelled=True), Spec(task="t")]
    assert db.submit(*specs) == []
    first = [db.job(spec.id) for spec in specs]
    ear.heard()
    assert db.submit(*specs) == []
    assert ear.heard() == [("jobferry_changes", "anna")]
    before = [db.job(spec.id) for spec in specs]
    assert [_but(row, "version") for row in before] == [_but(row, "version") for row in first]
    assert [was["version"] == row["version"] for was, row in zip(first, before, strict=True)] == [
        False,
        True,
        False,
    ]
    for again in (specs, specs[::-1], specs[:1]):
        assert db.submit(*again) == []
    # jsonb does not tell these texts apart, so they are the same content.
    assert db.submit(replace(specs[0], payload='{"b":[2],"a":1.0}')) == []
    assert [db.job(spec.id) for spec in specs] == before
    assert [db.events(spec.id) for spec in specs] == [["submitted"]] * 3
    assert ear.heard() == []


def _but(row: dict[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}


def test_the_same_job_again_once_it_has_moved_on(db: Database) -> None:
    spec = Spec()
    db.submit(spec)
    db.register("p", "default")
    (held,) = db.take()
    assert db.submit(spec) == []
    db.flush(done=[(held, "1")])
    assert db.submit(spec) == []
    assert db.status(spec.id) == "completed"
    assert db.queue() == {}


def test_somebody_else_s_id_is_refused_without_harm(db: Database) -> None:
    anna_s = Spec(payload='{"of": "anna"}')
    server_s = db.insert()
    db.submit(anna_s)
    before = db.job(anna_s.id), db.job(server_s)
    mine = Spec(owner="bert")
    refused = db.submit(replace(anna_s, owner="bert"), mine, Spec(id=server_s, owner="bert"))
    assert refused == [(1, "id_taken"), (3, "id_taken")]
    assert (db.job(anna_s.id), db.job(server_s)) == before
    assert db.job(mine.id)["submitted_by"] == "bert"


@pytest.mark.parametrize("other", [{"payload": '{"n": 2}'}, {"task": "another"}])
def test_one_s_own_id_for_another_job_is_refused(db: Database, other: dict[str, Any]) -> None:
    spec = Spec(payload='{"n": 1}')
    db.submit(spec)
    before = db.job(spec.id)
    assert db.submit(Spec(), replace(spec, **other), Spec()) == [(2, "content_differs")]
    assert db.job(spec.id) == before
    assert len(db.queue()) == 3


@pytest.mark.parametrize("others", [0, 40])
def test_of_one_id_in_one_batch_the_first_counts(db: Database, others: int) -> None:
    first = Spec(payload='{"n": 1}')
    another, hijacker = replace(first, payload='{"n": 2}'), replace(first, owner="bert")
    refused = db.submit(first, another, *(Spec() for _ in range(others)), hijacker, first)
    assert refused == [(2, "content_differs"), (3 + others, "id_taken")]
    row = db.job(first.id)
    assert (row["payload"], row["submitted_by"]) == ({"n": 1}, "anna")
    assert db.events(first.id) == ["submitted"]
    assert len(db.queue()) == 1 + others


def test_cancelled_before_it_was_sent_is_never_queued(db: Database, ear: Ear) -> None:
    spec = Spec(cancelled=True)
    db.submit(spec)
    row = db.job(spec.id)
    assert (row["status"], row["cancelled"]) == ("cancelled", True)
    assert row["finished_at"] is not None
    assert db.queue() == {}
    assert db.events(spec.id) == ["submitted"]
    assert ear.heard() == [("jobferry_changes", "anna")]


FLAGS: list[list[str] | None] = [
    None,
    [],
    ["plain"],
    ["two words", "a,b", "{curly}", ""],
    ['say "hi"', "back\\slash", '\\"', "\\\\"],
    ["NULL", "null", "ä 世 😀", " lead and trail "],
]


def test_flags_arrive_as_they_were(db: Database) -> None:
    specs = [Spec(flags=array_literal(flags)) for flags in FLAGS]
    db.submit(*specs)
    for spec, flags in zip(specs, FLAGS, strict=True):
        assert db.job(spec.id)["flags"] == flags
        assert db.queue()[spec.id]["flags"] == flags


def test_a_row_that_postgres_refuses_fails_its_whole_batch(db: Database) -> None:
    """The gateway finds it by bisection; here it must not be half done."""
    for poison in (
        Spec(payload="not json"),
        Spec(payload='"\\u0000"'),
        Spec(flags="{"),
        Spec(max_attempts=0),
    ):
        with pytest.raises(psycopg.Error):
            db.submit(Spec(), poison, Spec())
    assert db.queue() == {}
    assert db.value("select count(*) from background_jobs") == 0


@pytest.mark.parametrize("write", ["update", "lock", "remove"])
def test_a_resend_waits_for_nobody_who_writes_that_row(
    db: Database, other: Database, write: str
) -> None:
    """Or one forgotten transaction would hold up the submits of every device of the gateway."""
    known, new = Spec(), Spec()
    db.submit(known)
    other.do("set statement_timeout = '5s'")
    with held_row(db.dsn, known.id) as writer:
        if write == "update":
            writer.do("update background_jobs set progress = 0.5 where id = %s", known.id)
        if write == "remove":
            writer.do("delete from background_jobs where id = %s", known.id)
        assert other.submit(known, new) == []
        assert db.status(new.id) == "queued"
    assert len(db.queue()) == (1 if write == "remove" else 2)
    db.assert_sound()


def test_an_empty_batch_is_nothing(db: Database, ear: Ear) -> None:
    assert db.submit() == []
    assert db.cancel_batch() == []
    assert ear.heard() == []


def test_the_same_ids_from_two_gateways_in_opposite_order(db: Database) -> None:
    """Exactly one row each and no deadlock, round after round."""
    rounds = [[Spec(payload=f'"{n}"') for n in range(JOBS)] for _ in range(ROUNDS)]
    together = threading.Barrier(2)
    refused: list[object] = []
    errors: list[BaseException] = []

    def gateway(order: int) -> None:
        try:
            with Database(db.dsn) as mine:
                for specs in rounds:
                    together.wait()
                    refused.extend(mine.submit(*specs[::order]))
        except BaseException as error:
            errors.append(error)
            together.abort()

    gateways = [threading.Thread(target=gateway, args=[order]) for order in (1, -1)]
    for thread in gateways:
        thread.start()
    for thread in gateways:
        thread.join()
    assert errors == []
    assert refused == []
    assert db.value("select count(*) from background_jobs") == ROUNDS * JOBS
    assert db.value("select count(*) from background_job_events") == ROUNDS * JOBS
    db.assert_sound()


# -- cancel


def test_cancels_of_every_kind_in_one_batch(db: Database, ear: Ear) -> None:
    waiting, running, done, theirs = Spec(), Spec(), Spec(), Spec(owner="bert")
    server_s = db.insert()
    db.submit(running, done)
    db.register("p", "default")
    db.do("update background_jobs set completed = true where id = %s", done.id)
    db.cancel(server_s)
    held = db.take()
    db.submit(waiting, theirs)
    finished = db.job(done.id)
    ear.heard()

    left = db.cancel_batch(waiting.id, theirs.id, running.id, uuid4(), done.id, waiting.id)

    assert left == [(2, "not_found"), (4, "not_found")]
    for spec in (waiting, running):
        row = db.job(spec.id)
        assert (row["status"], row["cancelled"], row["completed"]) == ("cancelled", True, False)
        assert db.events(spec.id)[-1] == "cancelled"
    assert db.job(done.id) == finished
    assert db.status(theirs.id) == "queued"
    assert db.queue().keys() == {theirs.id}
    assert ear.heard() == [("jobferry_changes", "anna")]
    assert db.flush(running=held) == {running.id: "cancelled"}
    actors = db.column(
        "select actor from background_job_events where event = 'cancelled' and owner = 'anna'"
    )
    assert actors == [f"device {DEVICE}"] * 2
    db.assert_sound()


def test_a_second_cancel_is_no_news(db: Database, ear: Ear) -> None:
    spec = Spec()
    db.submit(spec)
    db.cancel_batch(spec.id)
    before = db.job(spec.id)
    ear.heard()
    assert db.cancel_batch(spec.id, spec.id) == []
    assert db.job(spec.id) == before
    assert ear.heard() == []


def test_the_cancel_of_a_job_that_somebody_writes_this_moment_is_noted_at_once_and_done_later(
    db: Database, other: Database
) -> None:
    free, locked = Spec(), Spec()
    db.submit(free, locked)
    other.do("set statement_timeout = '5s'")
    with held_row(db.dsn, locked.id) as holder:
        assert other.cancel_batch(locked.id, free.id) == [(1, "postponed")]
        assert db.status(free.id) == "cancelled"
        assert db.status(locked.id) == "queued"
        holder.do("update background_jobs set progress = 0.1 where id = %s", locked.id)
        assert other.value("select jobferry.cancel_postponed()") == 1
    assert other.value("select jobferry.cancel_postponed()") == 0
    assert db.status(locked.id) == "cancelled"
    assert db.events(locked.id) == ["submitted", "started", "cancelled"]
    db.assert_sound()


def test_postponed_and_finished_meanwhile_is_nothing(db: Database, other: Database) -> None:
    spec = Spec()
    db.submit(spec)
    with held_row(db.dsn, spec.id) as holder:
        assert other.cancel_batch(spec.id) == [(1, "postponed")]
        holder.do("update background_jobs set completed = true where id = %s", spec.id)
    assert other.value("select jobferry.cancel_postponed()") == 0
    assert db.status(spec.id) == "completed"


def test_cancels_and_submits_of_known_ids_together(db: Database) -> None:
    """A device that sends submit and cancel again after both were committed."""
    spec = Spec(id=new_id())
    for _ in range(2):
        assert db.submit(spec) == []
        assert db.cancel_batch(spec.id) == []
    assert db.events(spec.id) == ["submitted", "cancelled"]
