"""The SQL API against a model: whatever is called in whatever order, ledger and model agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)
from psycopg.types.json import Json

from integration.database import Database, Held
from support.postgres import TestServer

KEYS = st.sampled_from(["a", "b"])
OWNERS = st.sampled_from([None, "anna"])
PAYLOADS = st.sampled_from([{}, {"n": 1}, [1], [2, 3], "x"])
MODES = st.sampled_from(["replace", "preserve_run_at", "unsafe_dedupe"])
#: When: at once, or not in this test.
DELAYED = st.booleans()
ATTEMPTS = st.integers(1, 3)
WAITING = ("scheduled", "queued", "retrying")


@dataclass
class Model:
    """One job, as plain Python would keep it."""

    owner: str | None
    key: str | None
    payload: Any = field(default_factory=dict)
    delayed: bool = False
    max_attempts: int = 25
    priority: int = 0
    attempts: int = 0
    status: str = "queued"
    progress: float = 0
    error: str | None = None
    result: Any = None
    held: bool = False
    events: tuple[str, ...] = ("submitted",)

    @property
    def unfinished(self) -> bool:
        return self.status in (*WAITING, "running")

    def moved(self, status: str, event: str | None = None) -> None:
        """A step in its life."""
        self.status = status
        self.events += (event or status,)

    def released(self, event: str) -> None:
        """It may end, and is not tried again."""
        self.key = None
        self.max_attempts = max(self.attempts, 1)
        self.moved("running", event)

    def waits(self) -> str:
        """The status of one that was not tried, or not since."""
        return "scheduled" if self.delayed else "queued"


class Jobs(RuleBasedStateMachine):
    """What can be called, and what should come of it."""

    ids = Bundle("ids")
    server: TestServer

    def __init__(self) -> None:
        super().__init__()
        self._database = self.server.database()
        self.db = Database(self._database.__enter__())
        self.db.register("p", "default")
        self.model: dict[UUID, Model] = {}

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.db.connection.close()
        self._database.__exit__(None, None, None)

    # -- the model's half

    def keyed(self, owner: str | None, key: str) -> tuple[UUID, Model] | None:
        """Who has the key?"""
        for id_, job in self.model.items():
            if job.unfinished and (job.owner, job.key) == (owner, key):
                return id_, job
        return None

    def failed(self, owner: str | None, key: str) -> list[UUID]:
        return [
            id_
            for id_, job in self.model.items()
            if job.status == "failed" and (job.owner, job.key) == (owner, key)
        ]

    def place(self, new: Model, mode: str) -> UUID | None:
        """Where add_job puts a job: over one that waits (its id), or as a new one."""
        if new.key is None:
            return None
        found = self.keyed(new.owner, new.key)
        failed = self.failed(new.owner, new.key)
        if mode == "unsafe_dedupe":
            return found[0] if found else next(iter(failed), None)
        for id_ in failed:
            self.model[id_].key = None
        if found is None:
            return None
        id_, old = found
        if old.status == "running":
            old.released("replaced")
            return None
        return self.replaced(id_, old, new, mode)

    def replaced(self, id_: UUID, old: Model, new: Model, mode: str) -> UUID:
        """The new job takes the old one's place."""
        if isinstance(old.payload, list) and isinstance(new.payload, list):
            new.payload = old.payload + new.payload
        if mode == "preserve_run_at" and old.attempts == 0:
            new.delayed = old.delayed
        new.status = new.waits()
        new.events = (*old.events, "replaced")
        self.model[id_] = new
        return id_

    def added(self, id_: UUID, new: Model, mode: str) -> None:
        """The ledger says that the job is this one."""
        expected = self.place(new, mode)
        if expected is None:
            assert id_ not in self.model
            new.status = new.waits()
            self.model[id_] = new
        else:
            assert id_ == expected

    # -- adding

    @rule(
        target=ids,
        key=st.none() | KEYS,
        owner=OWNERS,
        mode=MODES,
        payload=PAYLOADS,
        delayed=DELAYED,
        attempts=ATTEMPTS,
    )
    def add_job(
        self,
        key: str | None,
        owner: str | None,
        mode: str,
        payload: Any,
        delayed: bool,
        attempts: int,
    ) -> UUID:
        row = self.db.add(
            job_key=key,
            owner=owner,
            job_key_mode=mode,
            payload=Json(payload),
            run_at="2099-01-01" if delayed else None,
            max_attempts=attempts,
        )
        id_: UUID = row["id"]
        self.added(id_, Model(owner, key, payload, delayed, attempts), mode)
        return id_

    @rule(
        target=ids,
        specs=st.lists(
            st.tuples(st.none() | KEYS, PAYLOADS, DELAYED),
            max_size=4,
            unique_by=lambda spec: spec[0] or object(),
        ),
        owner=OWNERS,
        preserve=st.booleans(),
    )
    def add_jobs(
        self, specs: list[tuple[str | None, Any, bool]], owner: str | None, preserve: bool
    ) -> MultipleResults[UUID]:
        rows = self.db.add_many(
            *(
                {"job_key": key, "payload": payload, "run_at": "2099-01-01" if delayed else None}
                for key, payload, delayed in specs
            ),
            preserve=preserve,
            owner=owner,
        )
        assert len(rows) == len(specs)
        by_key = {row["job_key"]: row["id"] for row in rows}
        unkeyed = iter([row["id"] for row in rows if row["job_key"] is None])
        for key, payload, delayed in specs:
            id_ = by_key[key] if key else next(unkeyed)
            self.added(
                id_,
                Model(owner, key, payload, delayed),
                "preserve_run_at" if preserve else "replace",
            )
        return multiple(*(row["id"] for row in rows))

    # -- administration

    @rule(key=KEYS, owner=OWNERS)
    def remove_job(self, key: str, owner: str | None) -> None:
        rows = self.db.rows("select id from jobferry.remove_job(%s, %s)", key, owner)
        found = self.keyed(owner, key)
        for id_ in self.failed(owner, key):
            self.model[id_].key = None
        assert [row["id"] for row in rows] == ([found[0]] if found else [])
        if found and found[1].status == "running":
            found[1].released("removed")
        elif found:
            found[1].moved("cancelled")

    @rule(some=st.lists(ids, max_size=4))
    def complete_jobs(self, some: list[UUID]) -> None:
        self.administer("complete_jobs", some, WAITING, self.complete)

    @rule(some=st.lists(ids, max_size=4))
    def fail_jobs(self, some: list[UUID]) -> None:
        self.administer("permanently_fail_jobs", some, WAITING, self.fail_for_good)

    @rule(some=st.lists(ids, max_size=4))
    def cancel_jobs(self, some: list[UUID]) -> None:
        self.administer("cancel_jobs", some, (*WAITING, "running"), lambda j: j.moved("cancelled"))

    def administer(
        self,
        what: str,
        some: list[UUID],
        where: tuple[str, ...],
        become: Callable[[Model], object],
    ) -> None:
        rows = self.db.rows(f"select id from jobferry.{what}(%s::uuid[])", some)
        touched = {id_ for id_ in some if self.model[id_].status in where}
        assert {row["id"] for row in rows} == touched
        for id_ in touched:
            become(self.model[id_])

    def complete(self, job: Model, result: Any = None) -> None:
        job.progress, job.error, job.result = 1, None, result
        job.moved("completed")

    def fail_for_good(self, job: Model) -> None:
        job.error = "permanently_failed"
        job.moved("failed")

    @rule(
        some=st.lists(ids, max_size=4),
        delayed=st.none() | DELAYED,
        attempts=st.none() | st.integers(0, 2),
        priority=st.none() | st.integers(-2, 2),
    )
    def reschedule_jobs(
        self,
        some: list[UUID],
        delayed: bool | None,
        attempts: int | None,
        priority: int | None,
    ) -> None:
        run_at = {None: None, True: "2099-01-01", False: "2001-01-01"}[delayed]
        rows = self.db.rows(
            "select id from jobferry.reschedule_jobs(%s::uuid[], %s, %s, %s)",
            some,
            run_at,
            priority,
            attempts,
        )
        touched = {id_ for id_ in some if self.model[id_].status in (*WAITING, "failed")}
        assert {row["id"] for row in rows} == touched
        self.free_taken_keys(touched)
        for id_ in touched:
            job = self.model[id_]
            job.delayed = job.delayed if delayed is None else delayed
            job.attempts = job.attempts if attempts is None else attempts
            job.priority = job.priority if priority is None else priority
            was_failed = job.status == "failed"
            waits_on = job.status == "retrying" and job.attempts > 0
            job.moved(
                "retrying" if waits_on else job.waits(), "revived" if was_failed else "rescheduled"
            )

    def free_taken_keys(self, touched: set[UUID]) -> None:
        """Of the failed that are revived, the youngest keeps a key that nobody has."""
        seen: set[tuple[str | None, str]] = set()
        for id_ in sorted(touched, reverse=True):
            job = self.model[id_]
            if job.status != "failed" or job.key is None:
                continue
            if (job.owner, job.key) in seen or self.keyed(job.owner, job.key):
                job.key = None
            else:
                seen.add((job.owner, job.key))

    # -- a processor

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        rows = self.db.claim(most=most)
        due = [job for job in self.model.values() if job.status in WAITING and not job.delayed]
        assert len(rows) == min(most, len(due))
        for row in rows:
            job = self.model[row["id"]]
            assert job in due
            assert row["payload"] == self.db.value("select %s::jsonb::text", Json(job.payload))
            job.attempts += 1
            assert row["attempt"] == job.attempts
            job.held = True
            job.moved("running", "started")

    @rule(id_=ids)
    def complete_one(self, id_: UUID) -> None:
        self.report(id_, "done", "1", lambda job: self.complete(job, 1))

    @rule(id_=ids, final=st.booleans())
    def fail_one(self, id_: UUID, final: bool) -> None:
        def fail(job: Model) -> None:
            job.error = "x"
            job.moved("failed" if final or job.attempts >= job.max_attempts else "retrying")

        self.report(id_, "failed", {"final": final, "delay": "0 seconds"}, fail)

    @rule(id_=ids)
    def progress_one(self, id_: UUID) -> None:
        self.report(id_, "moved", 0.5, lambda job: setattr(job, "progress", 0.5), ends=False)

    def report(
        self,
        id_: UUID,
        what: str,
        value: object,
        become: Callable[[Model], object],
        *,
        ends: bool = True,
    ) -> None:
        """Whoever holds the job says this of it; who does not, in vain."""
        job = self.model[id_]
        held = Held(id_, job.attempts)
        before = replace(job)
        self.db.flush(**{what: [(held, value)]})  # type: ignore[arg-type]
        if job.status == "running" and job.held:
            job.held = not ends
            # A failure puts a later time; this processor's says "at once".
            become(job)
        else:
            assert job == before

    # -- what must hold

    @invariant()
    def agree(self) -> None:
        """The ledger says what the model says."""
        rows = {row["id"]: row for row in self.db.rows("select * from background_jobs")}
        assert rows.keys() == self.model.keys()
        for id_, job in self.model.items():
            row = rows[id_]
            seen = (
                row["submitted_by"],
                row["job_key"],
                row["payload"],
                row["max_attempts"],
                row["priority"],
                row["attempts"],
                row["status"],
                row["progress"],
                row["error"] and row["error"]["code"],
                row["result"],
                tuple(self.db.events(id_)),
            )
            assert seen == (
                job.owner,
                job.key,
                job.payload,
                job.max_attempts,
                job.priority,
                job.attempts,
                job.status,
                job.progress,
                job.error,
                job.result,
                job.events,
            )

    @invariant()
    def sound(self) -> None:
        """Queue and ledger say the same."""
        self.db.assert_sound()
        unequal = self.db.rows(
            "select b.id from background_jobs b join jobferry.queue q on q.job_id = b.id"
            " where (b.task, b.queue_name, b.priority, b.run_at, b.attempts, b.max_attempts, b.flags)"
            " is distinct from (q.task, q.queue_name, q.priority, q.run_at, q.attempts, q.max_attempts, q.flags)"
        )
        assert unequal == []


@pytest.fixture(autouse=True)
def _on_this_server(server: TestServer) -> Iterator[None]:
    Jobs.server = server
    yield
    del Jobs.server


TestJobs = Jobs.TestCase
TestJobs.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
