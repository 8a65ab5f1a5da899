"""Taking jobs from the queue: which, in what order, and never twice."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Ear, Held, Spec, held_row

ROUNDS = 100


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    for name in ("p", "q"):
        db.register(name, "default")


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


# -- which, and in what order


def test_what_a_claim_says_and_leaves_behind(db: Database, ear: Ear) -> None:
    spec = Spec(payload='{"n": 1.50, "a": "ä"}')
    db.submit(spec)
    ear.heard()
    (row,) = db.claim()
    assert row == {
        "id": spec.id,
        "task": "default",
        "payload": '{"a": "ä", "n": 1.50}',
        "attempt": 1,
        "owner": "anna",
        "progress": 0.0,
        "error": None,
        "checkpoint": None,
    }
    queued, job = db.queue()[spec.id], db.job(spec.id)
    assert (queued["locked_by"], queued["attempts"]) == ("p", 1)
    assert (job["status"], job["attempts"]) == ("running", 1)
    assert job["started_at"] is not None
    assert db.events(spec.id) == ["submitted", "started"]
    assert ear.heard() == [("jobferry_changes", "anna")]
    assert db.claim() == []


def test_first_by_priority_then_by_time_then_by_id(db: Database) -> None:
    early, late = ago(60), ago(1)
    specs = [
        Spec(priority=priority, run_at=run_at)
        for priority in (5, -5, 0)
        for run_at in (late, early)
        for _ in range(3)
    ]
    db.submit(*specs)
    wanted = [s.id for s in sorted(specs, key=lambda s: (s.priority, str(s.run_at), s.id))]
    singly = [db.claim(most=1)[0]["id"] for _ in range(6)]
    assert singly == wanted[:6]
    assert [row["id"] for row in db.claim(most=100)] == wanted[6:]


def test_a_large_batch_comes_in_order_too(db: Database) -> None:
    specs = [Spec(priority=n * 7919 % 100, run_at=ago(60 + n % 7)) for n in range(1000)]
    db.submit(*specs)
    db.do("analyze jobferry.queue, background_jobs")
    wanted = [s.id for s in sorted(specs, key=lambda s: (s.priority, str(s.run_at), s.id))]
    assert [row["id"] for row in db.claim(most=500)] == wanted[:500]
    assert [row["id"] for row in db.claim(most=500)] == wanted[500:]


def test_not_before_its_time(db: Database) -> None:
    due, later = Spec(run_at=ago(1)), Spec(run_at=datetime.now(UTC) + timedelta(hours=1))
    db.submit(due, later)
    assert db.status(later.id) == "scheduled"
    assert [row["id"] for row in db.claim()] == [due.id]
    db.do("update background_jobs set run_at = now() where id = %s", later.id)
    assert [row["id"] for row in db.claim()] == [later.id]
    assert db.events(later.id) == ["submitted", "rescheduled", "started"]


def test_a_scheduled_job_that_is_due_starts_from_scheduled(db: Database) -> None:
    spec = Spec(run_at=datetime.now(UTC) + timedelta(hours=1))
    db.submit(spec)
    # Time passes: only the queue's clock matters, the ledger still says scheduled.
    db.do("update jobferry.queue set run_at = now()")
    assert [row["id"] for row in db.claim()] == [spec.id]
    assert db.events(spec.id) == ["submitted", "started"]


def test_at_most_so_many(db: Database) -> None:
    db.submit(*(Spec() for _ in range(20)))
    assert [len(db.claim(most=most)) for most in (0, 1, 7, 11, 5)] == [0, 1, 7, 11, 1]


def test_only_the_tasks_that_are_named(db: Database) -> None:
    specs = {task: Spec(task=task) for task in ("default", "a", "b")}
    db.submit(*specs.values())
    assert db.claim(tasks=[]) == []
    assert {row["task"] for row in db.claim(tasks=["a", "b", "c"])} == {"a", "b"}
    assert db.claim(tasks=["a", "b", "c"]) == []
    assert set(db.column("select task from jobferry.queue where locked_by is null")) == {"default"}


def test_none_that_carries_a_forbidden_flag(db: Database) -> None:
    none, empty, one, two = Spec(), Spec(flags="{}"), Spec(flags="{a}"), Spec(flags="{a,b}")
    db.submit(none, empty, one, two)
    first = {row["id"] for row in db.claim(forbidden=["b", "c"])}
    assert first == {none.id, empty.id, one.id}
    assert db.claim(forbidden=["a"]) == []
    assert {row["id"] for row in db.claim(forbidden=["c"])} == {two.id}


def test_a_claim_needs_a_lease(db: Database) -> None:
    db.submit(Spec())
    with pytest.raises(psycopg.Error, match="processor nobody is not registered") as no:
        db.claim("nobody")
    assert no.value.sqlstate == "JF010"
    assert no.value.diag.message_hint is not None
    assert db.value("select count(*) from jobferry.queue where locked_by is not null") == 0


def test_an_owner_of_any_length_stops_no_claim(db: Database) -> None:
    """A plain INSERT may name whom it likes; nobody's work may wait for that."""
    # One letter, again and again: what does not compress would not fit the cursor's index.
    lengths = (255, 7899, 7900, 8000, 100_000)
    jobs = {db.insert(submitted_by="o" * length) for length in lengths}
    normal = Spec()
    db.submit(normal)
    held = db.take()
    assert {one.id for one in held} == {*jobs, normal.id}
    db.flush(moved=[(one, 0.5) for one in held])
    db.flush(done=[(one, None) for one in held])
    assert {db.status(job) for job in jobs} == {"completed"}


# -- two claimers


def test_no_job_twice_between_racing_claimers(db: Database) -> None:
    total = 600
    db.submit(*(Spec() for _ in range(total)))
    together = threading.Barrier(3)

    def claimer(name: str) -> list[Any]:
        taken: list[Any] = []
        with Database(db.dsn) as mine:
            together.wait()
            while rows := mine.claim(name, 13):
                assert len(rows) <= 13
                taken += [row["id"] for row in rows]
        return taken

    db.register("r", "default")
    claimers = [Beside(lambda name=name: claimer(name)) for name in ("p", "q", "r")]  # type: ignore[misc]
    taken = Counter(job for one in claimers for job in one.result())
    # A claimer stops when it sees nothing free; what another still held then is taken now.
    taken.update(row["id"] for row in db.claim("p", total))
    assert len(taken) == total
    assert set(taken.values()) == {1}
    assert db.column("select distinct attempts from jobferry.queue") == [1]
    assert db.value("select count(*) from background_job_events where event = 'started'") == total


def test_a_claimer_waits_for_nobody_s_queue_row(db: Database, other: Database) -> None:
    first, second = Spec(priority=1), Spec(priority=2)
    db.submit(first, second)
    other.do("set statement_timeout = '5s'")
    with db.together():
        assert [row["id"] for row in db.claim("p", 1)] == [first.id]
        assert [row["id"] for row in other.claim("q", 1)] == [second.id]


# -- named queues: one job of each at a time


def test_a_named_queue_runs_one_job_at_a_time_in_order(db: Database) -> None:
    specs = [Spec(queue_name="mail", priority=n, payload=str(n)) for n in range(4)]
    db.submit(*reversed(specs))
    for spec in specs:
        (held,) = db.take()
        assert held.id == spec.id
        assert db.claim("q") == []
        db.flush(done=[(held, None)])
    assert db.claim() == []


def test_named_queues_run_beside_one_another_and_beside_the_unnamed(db: Database) -> None:
    named = [Spec(queue_name=name) for name in ("a", "b", "c") for _ in range(3)]
    free = [Spec() for _ in range(3)]
    db.submit(*named, *free)
    taken = [row["id"] for row in db.claim()]
    assert len(taken) == 6
    assert {spec.id for spec in free} <= set(taken)
    names = Counter(spec.queue_name for spec in named if spec.id in taken)
    assert names == {"a": 1, "b": 1, "c": 1}


def test_a_name_is_not_blocked_by_what_can_not_run_now(db: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    scheduled = Spec(queue_name="n", priority=-3, run_at=later)
    flagged = Spec(queue_name="n", priority=-2, flags="{slow}")
    unknown = Spec(queue_name="n", priority=-1, task="unknown")
    able = Spec(queue_name="n")
    db.submit(scheduled, flagged, unknown, able)
    assert [row["id"] for row in db.claim(forbidden=["slow"])] == [able.id]
    # Another processor that could run the others finds the name busy.
    assert db.claim("q", tasks=["default", "unknown"]) == []


@pytest.mark.parametrize("end", ["done", "failed", "released", "cancelled", "reaped"])
def test_a_name_is_free_again_however_its_job_ended(db: Database, end: str) -> None:
    first, second = Spec(queue_name="n", priority=1), Spec(queue_name="n", priority=2)
    db.submit(first, second)
    (held,) = db.take()
    match end:
        case "done":
            db.flush(done=[(held, None)])
        case "failed":
            db.flush(failed=[(held, {"delay": "1 hour"})])
        case "released":
            db.flush(released=[held])
        case "cancelled":
            db.cancel_batch(held.id)
        case "reaped":
            db.reap()
            db.register("p", "default")
    again = end in ("released", "reaped")
    assert [row["id"] for row in db.claim()] == [(first if again else second).id]
    assert db.claim() == []


def test_a_limit_below_the_number_of_names(db: Database) -> None:
    db.submit(*(Spec(queue_name=f"n{n}") for n in range(10)))
    assert len(db.claim("p", 4)) == 4
    assert len(db.claim("q", 4)) == 4
    assert len(db.claim("p", 4)) == 2


def test_racing_claimers_never_run_two_of_one_name(db: Database) -> None:
    """Of different tasks, so that each sees another job at the head of the same queue."""
    names, tasks = ["a", "b"], {"p": "x", "q": "y"}
    for task in tasks.values():
        db.submit(*(Spec(queue_name=name, task=task) for name in names for _ in range(ROUNDS)))
    together = threading.Barrier(2)
    errors: list[BaseException] = []
    held_now: Counter[str] = Counter()
    guard = threading.Lock()

    def claimer(processor: str) -> None:
        with Database(db.dsn) as mine:
            for _ in range(ROUNDS):
                together.wait(20)
                rows = mine.claim(processor, tasks=[tasks[processor]])
                held = [Held(row["id"], row["attempt"]) for row in rows]
                of = {row["job_id"]: row["queue_name"] for row in mine.queue().values()}
                with guard:
                    held_now.update(of[one.id] for one in held)
                    assert max(held_now.values(), default=0) <= 1, held_now
                together.wait(20)
                with guard:
                    held_now.clear()
                mine.flush(processor, done=[(one, None) for one in held])

    def guarded(processor: str) -> None:
        try:
            claimer(processor)
        except BaseException as error:
            errors.append(error)
            together.abort()

    claimers = [threading.Thread(target=guarded, args=[name]) for name in ("p", "q")]
    for thread in claimers:
        thread.start()
    for thread in claimers:
        thread.join()
    assert errors == []
    # Each round both names were free: nobody was starved by the race for long.
    done = db.value("select count(*) from background_jobs where completed")
    assert done >= ROUNDS


def test_many_names_cost_one_claim(db: Database) -> None:
    db.submit(*(Spec(queue_name=f"name {n % 500}") for n in range(1500)))
    db.do("analyze jobferry.queue")
    taken = db.claim("p", 1000)
    assert len(taken) == 500
    assert db.claim("q", 1000) == []


# -- what the queue still holds of a job that somebody has finished


@pytest.mark.parametrize(
    "end", ["update background_jobs set cancelled = true", "delete from background_jobs"]
)
def test_an_end_in_the_middle_of_a_claim_leaves_no_orphan(
    db: Database, other: Database, end: LiteralString
) -> None:
    """The claim has the queue row, the other the ledger's: neither may wait for the other."""
    first, second = Spec(priority=1), Spec(priority=2)
    db.submit(first, second)
    with held_row(db.dsn, first.id) as holder, other.together():
        assert [row["id"] for row in other.claim("p")] == [second.id]
        # The claim has not committed yet and still holds both rows of the queue.
        assert holder.do(f"{end} where id = %s", first.id) == 1
    assert db.claim("q") == []
    assert db.events(first.id)[-1] in ("cancelled", "deleted")
    db.assert_sound()


@pytest.mark.parametrize("most", [1, 10])
def test_a_writer_who_does_not_come_to_an_end_holds_up_only_his_own_job(
    db: Database, other: Database, most: int
) -> None:
    """As a processor of the recipe's kind that works within one transaction."""
    stuck, able = Spec(priority=2), Spec(priority=1)
    db.submit(stuck, able)
    other.do("set statement_timeout = '5s'")
    with held_row(db.dsn, stuck.id) as writer:
        writer.do("update background_jobs set progress = 0.5 where id = %s", stuck.id)
        assert [row["id"] for row in other.claim("p", most)] == [able.id]
        assert other.claim("p", most) == []
        assert (db.queue()[stuck.id]["locked_by"], db.queue()[stuck.id]["attempts"]) == (None, 0)
    assert [row["id"] for row in other.claim("p", most)] == [stuck.id]
    db.assert_sound()


def test_an_orphan_however_made_is_cleared_by_the_next_claim(db: Database) -> None:
    spec = Spec()
    db.submit(spec)
    db.do("alter table background_jobs disable trigger dequeue_job_trigger")
    db.cancel(spec.id)
    assert db.queue().keys() == {spec.id}
    assert db.claim() == []
    assert db.queue() == {}
    assert db.events(spec.id) == ["submitted", "cancelled"]


def test_a_foreign_processor_s_row_is_taken_over_with_a_new_attempt(db: Database) -> None:
    job = db.insert(payload=Json({}))
    db.do("update background_jobs set progress = 0.5 where id = %s", job)
    assert [row["attempt"] for row in db.claim()] == [1]
    assert db.status(job) == "running"


def test_tasks_that_nobody_offers_are_named(db: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    db.submit(Spec(), Spec(task="x"), Spec(task="x"), Spec(task="y", run_at=later))
    unserved = "select * from jobferry.unserved_tasks()"
    assert db.rows(unserved) == [{"task": "x", "jobs": 2}]
    db.register("r", "x")
    assert db.rows(unserved) == []
