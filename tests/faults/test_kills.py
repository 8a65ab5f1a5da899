"""A thousand jobs, submitted offline by writers that are killed, cross exactly once.

Whoever is killed in the middle: gateway, engine, processor or Postgres itself, each by ``kill -9``
(Postgres by an immediate stop, which is the same), is started again, and nobody else is. Of
Postgres a single backend may be killed too: then it throws out everybody and recovers by itself.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.facts import (
    Ledger,
    differences,
    keep_a_diary,
    local_count,
    outbox,
    steps_back,
)
from support.processes import eventually
from support.stack import Gateway, Running, Stack
from support.writers import Backlog, killed_writers

JOBS = 1000
#: So small that a thousand jobs go in many pushes, so that there is a middle to be killed in.
SMALL_MESSAGES = {"JOBFERRY_MESSAGE_BYTES": "65536", "JOBFERRY_PAYLOAD_BYTES": "8192"}
SYNC_SECONDS = 30

LEFT_BEHIND = """
select b.status, q.locked_by, p.id is not null as alive, count(*) as jobs
from public.background_jobs b
left join jobferry.queue q on q.job_id = b.id left join jobferry.processors p on p.id = q.locked_by
group by 1, 2, 3
"""


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Backlog:
    """The device's file, written by processes that were killed at it."""
    path = tmp_path_factory.mktemp("device") / "till.db"
    return killed_writers(path, JOBS, random.Random(seed))


@pytest.fixture
def own_dsn(cluster: Cluster) -> Iterator[str]:
    with cluster.databases.database() as dsn:
        yield dsn


class Crossing:
    """A device with a backlog, and all that it takes to bring it across."""

    def __init__(self, cluster: Cluster, stack: Stack, path: Path) -> None:
        self.path = path
        keep_a_diary(path)
        self._cluster = cluster
        self._gateway: Gateway = stack.gateway(**SMALL_MESSAGES)
        self._parts: dict[str, Running] = {
            "gateway": self._gateway.part,
            "processor": stack.processor(),
            "engine": stack.engine(path, self._gateway.url),
        }

    @property
    def steps(self) -> int:
        """How far it is: two steps a job, there and back, as the device knows."""
        return local_count(self.path, "status <> 'pending'") + local_count(self.path)

    def reach(self, step: int) -> None:
        """Wait until it is so far."""
        eventually(lambda: self.steps >= step, SYNC_SECONDS, every=0.01)

    def kill(self, victim: str) -> None:
        """Knock one part over and put it up again."""
        if victim == "postgres":
            self._cluster.crash()
            eventually(lambda: not self._gateway.is_ready)
            self._cluster.start()
        elif victim == "backend":
            self._cluster.kill_backend("application_name = 'jobferry_gateway'")
        else:
            self._parts[victim].kill()
            self._parts[victim].start()

    def untouched(self, victims: set[str]) -> list[str]:
        """Which of the parts that nobody killed have ended all the same."""
        return [
            name
            for name, part in self._parts.items()
            if name not in victims and part.ended is not None
        ]


def check_all_crossed_once(backlog: Backlog, path: Path, ledger: Ledger, stack: Stack) -> None:
    """Every promise kept, nothing twice, nothing left over."""
    try:
        eventually(lambda: local_count(path) >= len(backlog.written), SYNC_SECONDS)
    finally:
        print("left behind:", *ledger.ask(LEFT_BEHIND), sep="\n  ")
    eventually(lambda: outbox(path) == 0)
    wanted = backlog.written
    assert local_count(path, "status <> 'completed'") == 0
    assert backlog.promised <= wanted
    assert ledger.rows().keys() == wanted
    for event in ("submitted", "completed"):
        assert ledger.events(event) == dict.fromkeys(wanted, 1), event
    assert {effect["job"] for effect in stack.effects()} == wanted
    assert differences(path, ledger) == []
    assert steps_back(path) == []
    assert ledger.count(table="jobferry.queue") == 0


def test_what_a_killed_writer_was_promised_is_in_the_file(
    backlog: Backlog, chance: random.Random
) -> None:
    assert backlog.lives >= 5
    assert len(backlog.promised) > JOBS * 0.9
    assert backlog.promised <= backlog.written
    assert outbox(backlog.path) == len(backlog.written)


def test_the_jobs_of_killed_writers_cross_exactly_once(
    backlog: Backlog, stack: Stack, facts: Ledger, tmp_path: Path, chance: random.Random
) -> None:
    path = backlog.copy(tmp_path / "till.db")
    keep_a_diary(path)
    gateway = stack.gateway()
    stack.processor()
    stack.engine(path, gateway.url)
    check_all_crossed_once(backlog, path, facts, stack)
    assert len(stack.effects()) == len(backlog.written), "nobody was killed, so none ran twice"


@pytest.mark.parametrize(
    "victims",
    [
        ["gateway"] * 3,
        ["engine"] * 3,
        ["processor"] * 3,
        ["postgres"] * 2,
        ["backend"],
        ["gateway", "engine", "processor", "postgres"],
    ],
    ids=["gateway", "engine", "processor", "postgres", "backend", "each in turn"],
)
def test_whoever_is_killed_in_the_middle_all_jobs_cross_exactly_once(
    victims: list[str],
    backlog: Backlog,
    cluster: Cluster,
    own_dsn: str,
    tmp_path: Path,
    chance: random.Random,
) -> None:
    path = backlog.copy(tmp_path / "till.db")
    steps = 2 * len(backlog.written)
    chance.shuffle(victims)
    moments = sorted(chance.randint(1, steps - 200) for _ in victims)
    with Stack(own_dsn, tmp_path) as stack:
        crossing = Crossing(cluster, stack, path)
        for moment, victim in zip(moments, victims, strict=True):
            crossing.reach(moment)
            print(f"killed the {victim} at step {crossing.steps} of {steps}")
            crossing.kill(victim)
        check_all_crossed_once(backlog, path, Ledger(own_dsn), stack)
        assert crossing.untouched(set(victims)) == []
