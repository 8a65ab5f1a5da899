"""At most so many jobs of a task at once, whoever runs them and however many claim at the same moment."""

import random
import threading
import time
from uuid import UUID

import psycopg
import pytest

from integration.database import Database, Ear, Held, Spec, held_row
from jobferry_server import Job, Processor
from support.processes import eventually
from support.services import Services


@pytest.fixture(autouse=True)
def _registered(db: Database) -> None:
    for name in ("p", "q"):
        db.register(name, "default", "few")


def limit(db: Database, most: int | None, task: str = "few") -> None:
    db.do("select jobferry.limit_task(%s, %s)", task, most)


def submit(db: Database, number: int, **spec: object) -> list[UUID]:
    """Jobs of the limited task, in the order in which they run."""
    specs = [Spec(**{"task": "few"} | spec) for _ in range(number)]  # type: ignore[arg-type]
    db.submit(*specs)
    return [spec.id for spec in specs]


def claim(db: Database, processor: str = "p", most: int = 100) -> list[Held]:
    rows = db.claim(processor, most, tasks=["default", "few"])
    return [Held(row["id"], row["attempt"]) for row in rows]


def ids(held: list[Held]) -> list[UUID]:
    return [one.id for one in held]


def test_one_batch_takes_no_more_than_the_limit(db: Database) -> None:
    limit(db, 3)
    jobs = submit(db, 10)
    assert ids(claim(db)) == jobs[:3]
    assert claim(db) == claim(db, "q") == []


@pytest.mark.parametrize("most", [1, 4, 100])
def test_the_others_go_on_behind_a_full_task(db: Database, most: int) -> None:
    limit(db, 2)
    few = submit(db, 30)
    others = submit(db, 5, task="default")
    taken: list[UUID] = []
    while batch := claim(db, most=most):
        taken += ids(batch)
    assert set(taken) == {*few[:2], *others}
    assert [job for job in taken if job in few] == few[:2]


def test_two_tasks_have_two_limits_and_the_rest_none(db: Database) -> None:
    limit(db, 1)
    limit(db, 2, "default")
    db.register("p", "default", "few", "many")
    for task in ("few", "default", "many"):
        submit(db, 5, task=task)
    rows = db.claim("p", 100, tasks=["default", "few", "many"])
    tasks = [row["task"] for row in rows]
    assert {task: tasks.count(task) for task in tasks} == {"few": 1, "default": 2, "many": 5}


def test_a_place_is_free_whatever_became_of_its_job(db: Database, ear: Ear) -> None:
    limit(db, 1)
    submit(db, 5)

    def rang() -> bool:
        return ("jobferry_queue", "") in ear.heard()

    first = claim(db)[0]
    ear.heard()
    db.flush(done=[(first, None)])
    assert rang()
    second = claim(db)[0]
    ear.heard()
    db.flush(failed=[(second, {"delay": "1 hour"})])
    assert rang()
    third = claim(db)[0]
    db.cancel(third.id)
    assert rang()
    fourth = claim(db)[0]
    db.flush(released=[fourth])
    assert rang()
    assert ids(claim(db)) == [fourth.id]
    assert claim(db, "q") == []
    db.reap("0 seconds")
    assert rang()
    db.register("p", "few")
    assert ids(claim(db)) == [fourth.id]
    db.do("delete from background_jobs where id = %s", fourth.id)
    assert rang()
    assert len(claim(db)) == 1
    assert db.value("select count(*) from jobferry.limited_jobs") == 1


def test_workers_count_too(db: Database) -> None:
    limit(db, 2)
    first, second, third = submit(db, 3)
    get = "select id from jobferry.get_jobs('w', array['few'], n := %s)"
    assert db.column(get, 1) == [first]
    assert ids(claim(db)) == [second]
    assert db.column(get, 5) == []
    db.do("select jobferry.complete_job('w', %s)", first)
    assert db.column(get, 5) == [third]


def test_what_a_limit_finds_running_counts(db: Database) -> None:
    submit(db, 5)
    running = claim(db, most=2)
    limit(db, 3)
    assert len(claim(db, "q")) == 1
    db.flush(done=[(one, None) for one in running])
    assert len(claim(db, "q")) == 2


def test_a_limit_can_be_raised_lowered_lifted_and_zero(db: Database, ear: Ear) -> None:
    submit(db, 10)
    limit(db, 0)
    assert claim(db) == []
    ear.heard()
    limit(db, 2)
    assert ("jobferry_queue", "") in ear.heard()
    running = claim(db)
    assert len(running) == 2
    limit(db, 1)
    db.flush(done=[(running[0], None)])
    assert claim(db) == []
    db.flush(done=[(running[1], None)])
    assert len(claim(db)) == 1
    limit(db, None)
    assert len(claim(db)) == 7
    assert db.rows("select * from jobferry.limited_jobs") == []
    with pytest.raises(psycopg.errors.CheckViolation):
        limit(db, -1)


def test_a_limited_task_in_a_named_queue_obeys_both(db: Database) -> None:
    limit(db, 2)
    one = submit(db, 3, queue_name="a")
    two = submit(db, 3, queue_name="b")
    submit(db, 3, queue_name="c")
    assert ids(claim(db)) == [one[0], two[0]]


def test_a_job_whose_row_is_held_takes_no_place(db: Database) -> None:
    limit(db, 1)
    stuck, free = submit(db, 2)
    with held_row(db.dsn, stuck):
        assert ids(claim(db, most=1)) == [free]
    assert claim(db) == []


def test_a_claim_that_is_under_way_is_not_waited_for(db: Database, other: Database) -> None:
    limit(db, 5)
    few = submit(db, 2)
    (default,) = submit(db, 1, task="default")
    with other.together():
        assert ids(claim(other, "q", most=1)) == [few[0]]
        assert ids(claim(db)) == [default]
    assert ids(claim(db)) == [few[1]]


def test_the_same_limit_again_waits_for_nobody(db: Database, other: Database) -> None:
    """A processor that starts must not wait for a worker that forgot to commit."""
    limit(db, 5)
    submit(db, 1)
    with other.together():
        other.rows("select from jobferry.get_job('w')")
        db.do("set lock_timeout = '1s'")
        limit(db, 5)


# -- many at once

CLAIMERS = 5
SECONDS = 3.0
LIMITS = {"one": 1, "three": 3, "seven": 7}
QUEUES = ("red", "green")


class Crowd:
    """Connections that claim, end and hand back as fast as they can, and what they hold at each moment.

    A job is written down after its claim has committed and struck out before its end is said, so what
    stands there together did run together.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._running: dict[UUID, tuple[str, str | None]] = {}
        self.most: dict[str, int] = {}
        self.ended = 0
        self.errors: list[BaseException] = []
        self._until = time.monotonic() + SECONDS

    def run(self) -> None:
        threads = [threading.Thread(target=self._work, args=[n]) for n in range(CLAIMERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int) -> None:
        try:
            with Database(self._dsn) as db:
                worker = number == 0
                name = "w" if worker else f"c{number}"
                if not worker:
                    db.register(name, *LIMITS, "default")
                chance = random.Random(number)
                while time.monotonic() < self._until:
                    taken = self._take(db, name, worker, chance)
                    self._end(db, name, worker, taken, chance)
        except BaseException as error:
            self.errors.append(error)

    def _take(self, db: Database, name: str, worker: bool, chance: random.Random) -> list[Held]:
        most = chance.choice([1, 2, 20])
        if worker:
            rows = db.rows(
                "select id, attempts as attempt from jobferry.get_jobs(%s, n := %s)", name, most
            )
        else:
            rows = db.claim(name, most, tasks=[*LIMITS, "default"])
        if rows:
            found = db.rows(
                "select job_id, task, queue_name from jobferry.queue where job_id = any (%s)",
                [row["id"] for row in rows],
            )
            with self._lock:
                for row in found:
                    assert row["job_id"] not in self._running
                    self._running[row["job_id"]] = row["task"], row["queue_name"]
                self._look()
        return [Held(row["id"], row["attempt"]) for row in rows]

    def _look(self) -> None:
        for place in (*LIMITS, *QUEUES):
            now = sum(place in found for found in self._running.values())
            self.most[place] = max(now, self.most.get(place, 0))

    def _end(
        self, db: Database, name: str, worker: bool, taken: list[Held], chance: random.Random
    ) -> None:
        with self._lock:
            for held in taken:
                del self._running[held.id]
        if worker:
            for held in taken:
                db.do("select jobferry.complete_job(%s, %s)", name, held.id)
            self.ended += len(taken)
        else:
            back = [held for held in taken if chance.random() < 0.3]
            done = [(held, None) for held in taken if held not in back]
            db.flush(name, done=done, released=back)
            self.ended += len(done)


def test_limits_and_named_queues_hold_while_many_claim(db: Database) -> None:
    for task, most in LIMITS.items():
        limit(db, most, task)
    chance = random.Random(1)
    for _ in range(20):
        db.submit(
            *(
                Spec(
                    task=chance.choice([*LIMITS, "default"]),
                    queue_name=chance.choice([None, None, *QUEUES]),
                )
                for _ in range(200)
            )
        )
    crowd = Crowd(db.dsn)
    crowd.run()
    assert crowd.errors == []
    # Reached, and never exceeded.
    assert crowd.most == LIMITS | dict.fromkeys(QUEUES, 1)
    assert crowd.ended > 100
    db.assert_sound()


# -- the processor


def test_a_processor_brings_its_limits_along(db: Database, services: Services) -> None:
    lock, now, most = threading.Lock(), 0, 0
    processor = Processor()

    @processor.task("few", max_running=2)
    def few(job: Job) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    jobs = submit(db, 60)
    with services.processor(processor), services.processor(processor):
        eventually(
            lambda: all(db.status(job) == "completed" for job in jobs[-5:]) and not db.queue(), 60
        )
    assert most == 2
    limits = db.rows("select task, max_running from jobferry.task_limits")
    assert limits == [{"task": "few", "max_running": 2}]
