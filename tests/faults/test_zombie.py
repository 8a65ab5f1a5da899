"""A processor that was stopped past its lease and wakes up again."""

import signal
from pathlib import Path

from jobferry_client import JobClient
from support.facts import Ledger, differences
from support.processes import eventually
from support.services import token
from support.stack import Stack

#: The shorter the lease, the sooner it is over.
SHORT_LEASE = {"JOBFERRY_LEASE_SECONDS": "1"}


def test_a_zombies_late_result_changes_nothing_and_it_works_on(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    gateway = stack.gateway()
    zombie = stack.processor(**SHORT_LEASE)
    path = tmp_path / "till.db"
    with JobClient(path, gateway.url, token()) as client:
        job = client.submit("default", {"seconds": 1.0})
        stack.reach(1)
        zombie.signal(signal.SIGSTOP)
        other = stack.processor(**SHORT_LEASE)
        # The lease runs out and the other takes the job, which has a second to go when the zombie
        # wakes with its work long done.
        stack.reach(2)
        zombie.signal(signal.SIGCONT)
        done = client.wait(job.id, timeout=10)
        assert done.result == {"got": {"seconds": 1.0}, "attempt": 2}
        assert (done.attempts, done.error) == (2, None)
        assert facts.events("completed") == {str(job.id): 1}
        assert facts.events("started") == {str(job.id): 2}
        finisher = facts.one("select actor from background_job_events where event = 'completed'")
        second = facts.one(
            "select actor from background_job_events where attempt = 2 and event = 'started'"
        )
        assert finisher == second

        # It says who it is anew, and takes the next job when it is the only one.
        eventually(lambda: facts.count(table="jobferry.processors") == 2)
        other.signal(signal.SIGTERM)
        assert other.wait() == 0
        for _ in range(3):
            next_job = client.submit("quick")
            assert client.wait(next_job.id, timeout=20).attempts == 1
        client.sync(10)
    assert zombie.ended is None
    assert {effect["pid"] for effect in stack.effects()[2:]} == {stack.effects()[0]["pid"]}
    assert facts.count(table="jobferry.queue") == 0
    assert differences(path, facts) == []


def test_a_zombie_with_a_hand_full_of_jobs_costs_each_of_them_one_attempt(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    """Everything it held runs again elsewhere; whatever it says later is fenced off."""
    gateway = stack.gateway()
    zombie = stack.processor(**SHORT_LEASE)
    path = tmp_path / "till.db"
    with JobClient(path, gateway.url, token()) as client:
        jobs = [client.submit("default", {"seconds": 0.05}) for _ in range(100)]
        facts.reach(10, "completed")
        zombie.signal(signal.SIGSTOP)
        stack.processor(**SHORT_LEASE)
        facts.reach(60, "completed")
        zombie.signal(signal.SIGCONT)
        for job in jobs:
            assert client.wait(job.id, timeout=10).attempts <= 2
        client.sync(10)
    assert facts.events("completed") == {str(job.id): 1 for job in jobs}
    assert facts.count(table="jobferry.queue") == 0
    assert differences(path, facts) == []
