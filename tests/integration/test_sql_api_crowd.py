"""Everybody at once: producers, devices, administrators, processors, foreign writers, on few keys."""

import random
import threading
import time
from collections import Counter
from uuid import UUID

import psycopg

from integration.database import ANNA, Database, Held, Spec

SECONDS = 5.0
KEYS = "abcd"
MODES = ("replace", "preserve_run_at", "unsafe_dedupe")


class Member:
    """One of them, at random."""

    def __init__(self, db: Database, name: str) -> None:
        self.did: Counter[str] = Counter()
        self._db = db
        self._name = name
        self._random = random.Random(name)
        self._held: list[Held] = []
        db.register(name, "default")

    def work(self, until: float) -> None:
        ways = [self.add, self.submit, self.administer, self.claim, self.flush, self.flush]
        ways += [self.foreign, self.free]
        while time.monotonic() < until:
            way = self._random.choice(ways)
            try:
                way()
            except psycopg.Error as error:
                if error.sqlstate != "JF010":
                    raise
                self._held = []
                self._db.register(self._name, "default")
            self.did[way.__name__] += 1

    def some(self, count: int) -> list[UUID]:
        return self._db.column(
            "select id from background_jobs order by random() limit %s",
            self._random.randint(1, count),
        )

    def add(self) -> None:
        owner = self._random.choice([None, ANNA])
        key, mode = self._random.choice(KEYS), self._random.choice(MODES)
        assert self._db.add(job_key=key, owner=owner, job_key_mode=mode)["job_key"] == key
        keys = self._random.sample(KEYS, 3)
        assert len(self._db.add_many({}, *({"job_key": one} for one in keys), owner=owner)) == 4

    def submit(self) -> None:
        keys = self._random.choices([*KEYS, None], k=4)
        refused = self._db.submit(*(Spec(job_key=key) for key in keys))
        assert {code for _, code in refused} <= {"busy"}

    def administer(self) -> None:
        for what in ("complete_jobs", "permanently_fail_jobs", "cancel_jobs"):
            self._db.rows(f"select from jobferry.{what}(%s::uuid[])", self.some(3))
        self._db.rows("select from jobferry.reschedule_jobs(%s::uuid[], now())", self.some(12))
        self._db.rows("select from jobferry.remove_job(%s, 'anna')", self._random.choice(KEYS))

    def claim(self) -> None:
        self._held += self._db.take(self._name, 5)

    def flush(self) -> None:
        self._random.shuffle(self._held)
        half = len(self._held) // 2
        ended, kept = self._held[:half], self._held[half:]
        verdicts = self._db.flush(
            self._name,
            done=[(one, "1") for one in ended[::2]],
            failed=[(one, {"delay": "0 seconds"}) for one in ended[1::2]],
            moved=[(one, 0.5) for one in kept],
            running=kept,
        )
        self._held = [one for one in kept if one.id not in verdicts]

    def foreign(self) -> None:
        for job in self.some(1):
            self._db.do("update background_jobs set progress = 0.4 where id = %s", job)
        self._db.cancel_batch(*self.some(2))

    def free(self) -> None:
        self._db.reap("1 second")
        victim = f"p{self._random.randrange(4)}"
        self._db.value("select jobferry.force_unlock_workers(array[%s])", victim)


def test_everybody_at_once(db: Database) -> None:
    until = time.monotonic() + SECONDS
    errors: list[BaseException] = []
    did: Counter[str] = Counter()

    def run(number: int) -> None:
        try:
            with Database(db.dsn) as own:
                member = Member(own, f"p{number}")
                member.work(until)
                did.update(member.did)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(did) == 7, did
    twice = db.rows(
        "select job_key from background_jobs where finished_at is null and job_key is not null"
        " group by submitted_by, job_key having count(*) > 1"
    )
    assert twice == []
    # Nothing was held up for good: what is left can be taken and done, and the queue is clean then.
    db.reap()
    db.register("last", "default")
    db.do("update jobferry.queue set run_at = now()")
    db.flush("last", done=[(one, None) for one in db.take("last", 100_000)])
    assert db.queue() == {}
    db.assert_sound()
