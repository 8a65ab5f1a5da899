"""Whoever writes is covered: the row triggers and our own set-based functions leave the same.

The same jobs by plain SQL and by the functions: the same rows but for ids, times and transaction
ids, the same queue, the same events but for the actor, the same notifications.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from integration.database import DEVICE, Database, Ear, Held, Row, Spec
from jobferry_shared.ids import new_id

LATER = datetime.now(UTC) + timedelta(days=1)
TENANT = uuid4()

SPECS = [
    Spec(payload='{"n": 1.0, "b": [true, null], "a": "\\u00e4"}'),
    Spec(task="thumbnail", queue_name="q", priority=-5, max_attempts=3, job_key="k"),
    Spec(flags='{a,"b c"}', database_id=TENANT, owner="bert"),
    Spec(run_at=LATER),
    Spec(cancelled=True, owner="carla"),
    Spec(run_at=LATER, cancelled=True),
    Spec(payload='"' + "x" * 9000 + '"'),
]


def fresh(specs: Sequence[Spec]) -> list[Spec]:
    """The same jobs as new ones, inserted in this order by either way."""
    ids = sorted(new_id() for _ in specs)
    return [replace(spec, id=id_) for spec, id_ in zip(specs, ids, strict=True)]


def insert_plainly(db: Database, specs: Sequence[Spec]) -> None:
    for spec in specs:
        run_at = {"run_at": spec.run_at} if spec.run_at else {}
        db.insert(
            id=spec.id,
            payload=spec.payload,
            submitted_by=spec.owner,
            client_id=spec.client_id,
            task=spec.task,
            queue_name=spec.queue_name,
            priority=spec.priority,
            max_attempts=spec.max_attempts,
            job_key=spec.job_key,
            flags=spec.flags,
            database_id=spec.database_id,
            cancelled=spec.cancelled,
            **run_at,
        )


class Traces:
    """All that some writes left behind, with what differs by nature made comparable."""

    def __init__(self, db: Database, ear: Ear, ids: Sequence[UUID]) -> None:
        self._names = {str(one): f"job {number}" for number, one in enumerate(ids)}
        self._since = db.value("select now() - interval '1 minute'")
        self.rows = [self._plain(db.job(one)) for one in ids]
        queue = db.queue()
        self.queue = [self._plain(queue[one]) if one in queue else None for one in ids]
        self.events = [self._events(db, one) for one in ids]
        self.notices = Counter((channel, self._named(payload)) for channel, payload in ear.heard())

    def _plain(self, row: Row) -> dict[str, Any]:
        return {name: self._comparable(name, value) for name, value in row.items()}

    def _comparable(self, name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return value if value == LATER else "about now" if value > self._since else "long ago"
        if name in ("created", "version", "revised") and value is not None:
            return "a transaction"
        return self._names.get(str(value), value)

    def _events(self, db: Database, job: UUID) -> list[Row]:
        return db.rows(
            "select owner, event, attempt, detail from background_job_events"
            " where job_id = %s order by id",
            job,
        )

    def _named(self, payload: str) -> str:
        """A notified row by its job; what stands in it is compared as the row itself."""
        for one, name in self._names.items():
            if one in payload:
                return f"{name}, payload {'omitted' if 'payload_omitted' in payload else 'there'}"
        return payload


def assert_same(one: Traces, another: Traces) -> None:
    assert one.rows == another.rows
    assert one.queue == another.queue
    assert one.events == another.events
    assert one.notices == another.notices


@pytest.mark.parametrize("specs", [SPECS, *([spec] for spec in SPECS)])
def test_submit_batch_leaves_what_a_plain_insert_leaves(
    db: Database, ear: Ear, specs: list[Spec]
) -> None:
    plain, ours = fresh(specs), fresh(specs)
    with db.together():
        insert_plainly(db, plain)
    by_triggers = Traces(db, ear, [spec.id for spec in plain])
    # Their keys are free again.
    db.do("update background_jobs set cancelled = true")
    ear.heard()
    with db.together():
        assert db.submit(*ours) == []
    by_function = Traces(db, ear, [spec.id for spec in ours])
    assert_same(by_triggers, by_function)
    assert by_triggers.notices.total() > len(specs) - 2
    db.assert_sound()


def test_one_statement_and_many_fold_their_rings_alike(db: Database, ear: Ear) -> None:
    """One ring for the processors and one for each owner, however many rows."""
    db.submit(*(Spec(owner=owner) for owner in ("anna", "bert") for _ in range(10)))
    rings = [said for said in ear.heard() if said[0] != "process_background_job"]
    assert sorted(rings) == [
        ("jobferry_changes", "anna"),
        ("jobferry_changes", "bert"),
        ("jobferry_queue", ""),
    ]


def waiting(db: Database) -> UUID:
    spec = Spec()
    db.submit(spec)
    return spec.id


def taken(db: Database) -> UUID:
    job = waiting(db)
    assert [held.id for held in db.take()] == [job]
    return job


Way = Callable[[Database, UUID], object]


def plainly(assignments: str) -> Way:
    return lambda db, job: db.do(f"update background_jobs set {assignments} where id = %s", job)


def held(job: UUID) -> Held:
    return Held(job, 1)


ENDS: dict[str, tuple[Callable[[Database], UUID], Way, Way]] = {
    "cancel a waiting job": (
        waiting,
        plainly("cancelled = true"),
        lambda db, job: db.cancel_batch(job),
    ),
    "cancel a running job": (
        taken,
        plainly("cancelled = true"),
        lambda db, job: db.cancel_batch(job),
    ),
    "complete": (
        taken,
        plainly("completed = true, progress = 1, result = '{\"a\": 1}'"),
        lambda db, job: db.flush(done=[(held(job), '{"a": 1}')]),
    ),
    "complete without a result": (
        taken,
        plainly("completed = true, progress = 1"),
        lambda db, job: db.flush(done=[(held(job), None)]),
    ),
    "fail for good": (
        taken,
        plainly("status = 'failed', error = '{\"code\": \"x\"}'"),
        lambda db, job: db.flush(failed=[(held(job), {"final": True})]),
    ),
    "progress": (
        taken,
        plainly("progress = 0.25"),
        lambda db, job: db.flush(moved=[(held(job), 0.25)]),
    ),
}


@pytest.mark.parametrize("what", ENDS)
def test_an_update_leaves_what_our_function_leaves(db: Database, ear: Ear, what: str) -> None:
    begin, foreign, ours = ENDS[what]
    db.register("p", "default")
    traces = []
    for way in (foreign, ours):
        job = begin(db)
        ear.heard()
        way(db, job)
        traces.append(Traces(db, ear, [job]))
        db.cancel(job)
    assert_same(*traces)
    assert ("jobferry_changes", "anna") in traces[0].notices
    db.assert_sound()


def test_only_the_actor_tells_the_two_ways_apart(db: Database) -> None:
    foreign = db.insert(submitted_by="anna", client_id=DEVICE)
    spec = Spec()
    db.submit(spec)
    db.register("p", "default")
    for one in db.take():
        db.flush(done=[(one, None)]) if one.id == spec.id else db.cancel(one.id)
    actors = "select actor from background_job_events where job_id = %s order by id"
    who = db.value("select session_user")
    assert db.column(actors, foreign) == [who, "processor p", who]
    assert db.column(actors, spec.id) == [f"device {DEVICE}", "processor p", "processor p"]
