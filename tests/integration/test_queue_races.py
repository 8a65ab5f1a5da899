"""Two at once: no deadlock, nothing lost, nothing left behind."""

import random
import threading
import time
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from integration.database import Beside, Database, Held, Spec, held_row
from jobferry_shared.states import FINISHED, TRANSITIONS, Status

SECONDS = 5.0
JOBS = 50


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    db.register("p", "default")


def taken(db: Database) -> Held:
    db.submit(Spec())
    (held,) = db.take()
    return held


# -- somebody finishes a job while we write of it: we do not wait, and clear the queue with the next word


@pytest.mark.parametrize("end", ["cancelled", "completed"])
@pytest.mark.parametrize("what", ["done", "failed", "final", "moved", "released", "reaped"])
def test_a_job_that_ends_while_its_queue_row_is_in_our_hands(
    db: Database, other: Database, what: str, end: str
) -> None:
    held = taken(db)
    ours: dict[str, Callable[[], object]] = {
        "done": lambda: other.flush(done=[(held, "1")]),
        "failed": lambda: other.flush(failed=[(held, {"delay": "1 day"})]),
        "final": lambda: other.flush(failed=[(held, {"final": True})]),
        "moved": lambda: other.flush(moved=[(held, 0.5)]),
        "released": lambda: other.flush(released=[held]),
        "reaped": lambda: other.reap(),
    }
    other.do("set statement_timeout = '5s'")
    with held_row(db.dsn, held.id) as foreign, other.together():
        assert ours[what]() == (0 if what == "reaped" else {held.id: "held_up"})
        foreign.do(f"update background_jobs set {end} = true where id = %s", held.id)
    assert ours[what]() == (0 if what == "reaped" else {})
    assert db.status(held.id) == end
    assert db.events(held.id) == ["submitted", "started", end]
    db.assert_sound()
    verdict = "cancelled" if end == "cancelled" else "lost"
    assert db.flush(running=[held]) == {held.id: verdict}


# -- a processor is taken for dead in the middle of something


@pytest.mark.parametrize("what", ["claim", "flush"])
def test_nobody_is_taken_for_dead_in_the_middle_of_something(
    db: Database, other: Database, what: str
) -> None:
    """Or a job would be held by a processor that nobody will ever reap."""
    held = taken(db)
    spec = Spec()
    db.submit(spec)
    with other.together():
        if what == "claim":
            assert [row["id"] for row in other.claim("p")] == [spec.id]
        else:
            other.flush(moved=[(held, 0.5)])
        assert db.reap() == 0
    db.assert_sound()
    assert db.reap() == (2 if what == "claim" else 1)
    db.assert_sound()
    db.register("p", "default")
    assert {row["id"] for row in db.claim()} == {held.id, spec.id}


def test_who_is_being_reaped_gets_no_more_jobs(db: Database, other: Database) -> None:
    spec = Spec()
    db.submit(spec)
    with db.together():
        db.reap()
        claim = Beside(lambda: other.claim("p"))
        with Database(db.dsn) as third:
            third.wait_until_blocked(other.pid)
    with pytest.raises(psycopg.Error, match="is not registered"):
        claim.result()
    db.assert_sound()
    assert db.queue()[spec.id]["locked_by"] is None


def test_a_heartbeat_at_the_last_moment_is_heard(db: Database, other: Database) -> None:
    """The reaper looks again at what it found, once it has it for itself."""
    db.do("update jobferry.processors set last_seen = now() - interval '1 hour'")
    held = taken(db)
    with other.together():
        assert other.value("select jobferry.heartbeat('p')") is True
        assert db.reap("1 minute") == 0
    assert db.reap("1 minute") == 0
    assert db.queue()[held.id]["locked_by"] == "p"


def test_leaving_waits_for_the_claim_that_is_under_way(db: Database, other: Database) -> None:
    spec = Spec()
    db.submit(spec)
    with Database(db.dsn) as third:
        with other.together():
            assert [row["id"] for row in other.claim("p")] == [spec.id]
            leave = Beside(lambda: third.do("select jobferry.unregister_processor('p')"))
            db.wait_until_blocked(third.pid)
        leave.result()
    db.assert_sound()
    assert db.status(spec.id) == "queued"
    assert db.events(spec.id) == ["submitted", "started", "released"]


def test_giving_back_waits_for_the_claim_that_is_under_way(db: Database, other: Database) -> None:
    spec = Spec()
    db.submit(spec)
    with Database(db.dsn) as third:
        with other.together():
            assert [row["id"] for row in other.claim("p")] == [spec.id]
            back = Beside(lambda: third.do("select jobferry.release_unknown('p', '{}')"))
            db.wait_until_blocked(third.pid)
        back.result()
    assert db.status(spec.id) == "queued"
    db.assert_sound()


def test_a_flush_and_the_reaper_of_its_processor_do_not_deadlock(
    db: Database, other: Database
) -> None:
    """Each would lock many of the same rows, in an order of its own."""
    rounds = 30
    errors: list[psycopg.Error] = []
    for _ in range(rounds):
        db.submit(*(Spec() for _ in range(40)))
        db.register("p", "default")
        held = db.take()
        together = threading.Barrier(2)

        def flush(held: list[Held] = held, together: threading.Barrier = together) -> None:
            together.wait()
            other.flush(
                done=[(one, None) for one in held[20::-1]],
                moved=[(one, 0.5) for one in held[::-1]],
            )

        late = Beside(flush)
        together.wait()
        try:
            db.reap()
            late.result()
        except psycopg.Error as error:
            errors.append(error)
        db.assert_sound()
        db.do("update background_jobs set cancelled = true")
    assert errors == []


# -- everybody at once


class Crowd:
    """Threads that each do something at random to the same jobs until the time is over."""

    def __init__(self, dsn: str, jobs: list[UUID], until: float) -> None:
        self.errors: list[BaseException] = []
        self.did: dict[str, int] = {}
        self._dsn = dsn
        self._jobs = jobs
        self._until = until

    def run(self, members: int) -> None:
        threads = [threading.Thread(target=self._member, args=[n]) for n in range(members)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _member(self, number: int) -> None:
        try:
            with Database(self._dsn) as db:
                Member(db, f"p{number}", self._jobs, self.did).work(self._until)
        except BaseException as error:
            self.errors.append(error)


class Member:
    """A processor, a gateway, an operator and a foreign program in one."""

    def __init__(self, db: Database, name: str, jobs: list[UUID], did: dict[str, int]) -> None:
        self._db = db
        self._name = name
        self._jobs = jobs
        self._did = did
        self._held: list[Held] = []
        self._random = random.Random(name)
        db.register(name, "default")

    def work(self, until: float) -> None:
        ways = [self.claim, self.flush, self.flush, self.foreign, self.cancel, self.submit]
        # Half of them, or nobody would hold anything long enough to be disturbed.
        ways += [self.reap] if self._name in ("p0", "p1") else [self.claim]
        while time.monotonic() < until:
            way = self._random.choice(ways)
            try:
                way()
            except psycopg.Error as error:
                if error.sqlstate != "JF010":
                    raise
                self._held = []
                self._db.register(self._name, "default")
            self._did[way.__name__] = self._did.get(way.__name__, 0) + 1

    def claim(self) -> None:
        self._held += self._db.take(self._name, self._random.randint(1, 10))

    def flush(self) -> None:
        self._random.shuffle(self._held)
        quarter = len(self._held) // 4
        done, failed, back, kept = (
            self._held[:quarter],
            self._held[quarter : 2 * quarter],
            self._held[2 * quarter : 3 * quarter],
            self._held[3 * quarter :],
        )
        verdicts = self._db.flush(
            self._name,
            done=[(one, "1") for one in done],
            failed=[
                (one, {"delay": "0 seconds", "final": self._random.random() < 0.3})
                for one in failed
            ],
            released=back,
            moved=[(one, self._random.random()) for one in kept],
            running=kept,
        )
        self._held = [one for one in kept if one.id not in verdicts]

    def foreign(self) -> None:
        change = self._random.choice(
            ["completed = true, result = '1'", "cancelled = true", "progress = 0.5", "priority = 3"]
        )
        job = self._random.choice(self._jobs)
        self._db.do(f"update background_jobs set {change} where id = %s", job)

    def cancel(self) -> None:
        self._db.cancel_batch(*self._random.sample(self._jobs, 3))

    def submit(self) -> None:
        specs = [Spec() for _ in range(3)]
        assert self._db.submit(*specs) == []
        self._jobs += [spec.id for spec in specs]

    def reap(self) -> None:
        self._db.reap(self._random.choice(["0 seconds", "10 milliseconds", "1 second"]))


def assert_legal(path: list[str]) -> None:
    """Could these events have happened to one job, one after the other?"""
    # A processor of ours may take over what a foreign one had begun.
    moves = [*TRANSITIONS.items(), ((Status.RUNNING, Status.RUNNING), "started")]
    states: set[Status | None] = {None}
    for event in path:
        states = {target for (source, target), name in moves if source in states and name == event}
        assert states, path


def test_four_do_everything_at_random_to_the_same_jobs(db: Database) -> None:
    specs = [Spec() for _ in range(JOBS)]
    db.submit(*specs)
    crowd = Crowd(db.dsn, [spec.id for spec in specs], time.monotonic() + SECONDS)
    crowd.run(4)
    assert crowd.errors == []
    assert len(crowd.did) == 6, crowd.did
    # Nothing was held up for good: what is left can be taken and done, and the queue is clean then.
    db.reap()
    db.register("last", "default")
    db.do("update jobferry.queue set run_at = now()")
    db.flush("last", done=[(one, None) for one in db.take("last", 100_000)])
    assert db.queue() == {}
    db.assert_sound()
    paths = db.rows(
        "select b.id, b.status, array_agg(e.event order by e.id) as events"
        " from background_jobs b join background_job_events e on e.job_id = b.id group by b.id"
    )
    assert len(paths) == db.value("select count(*) from background_jobs")
    for row in paths:
        assert_legal(row["events"])
        assert row["events"][-1] == row["status"]
        assert not set(FINISHED) & set(row["events"][:-1])
