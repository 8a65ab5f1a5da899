"""A cancel at every moment of a job's life. No job is ever both completed and cancelled."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobferry_client import JobClient, Status
from support.facts import Ledger, differences, outbox
from support.processes import eventually
from support.proxy import Proxy
from support.services import token
from support.stack import Gateway, Stack

SOON = 20


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    return stack.gateway()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.db"


@pytest.fixture
def client(gateway: Gateway, path: Path) -> Iterator[JobClient]:
    with JobClient(path, gateway.url, token()) as found:
        yield found


def check_one_end_each(path: Path, facts: Ledger) -> None:
    """Each job ended once, one way, and everybody says the same."""
    completed, cancelled = facts.events("completed"), facts.events("cancelled")
    assert not completed.keys() & cancelled.keys()
    assert {*completed.values(), *cancelled.values()} <= {1}
    assert facts.count("completed and cancelled") == 0
    assert facts.count("finished_at is null") == 0
    assert facts.count(table="jobferry.queue") == 0
    assert differences(path, facts) == []
    assert outbox(path) == 0


def test_cancelled_before_it_was_sent_it_never_runs(
    stack: Stack, gateway: Gateway, path: Path, facts: Ledger
) -> None:
    stack.processor()
    with JobClient(path) as offline:
        dropped = offline.submit("quick")
        offline.cancel(dropped.id)
        wanted = offline.submit("quick")
    with JobClient(path, gateway.url, token()) as client:
        assert client.wait(wanted.id, SOON).completed
        client.sync(SOON)
        assert client.get(dropped.id).status is Status.CANCELLED
    assert [effect["job"] for effect in stack.effects()] == [str(wanted.id)]
    check_one_end_each(path, facts)


def test_cancelled_while_queued_it_never_runs(
    stack: Stack, client: JobClient, path: Path, facts: Ledger
) -> None:
    dropped = client.submit("quick")
    client.sync(SOON)
    assert client.get(dropped.id).status is Status.QUEUED
    client.cancel(dropped.id)
    assert client.wait(dropped.id, SOON).status is Status.CANCELLED
    stack.processor()
    wanted = client.submit("quick")
    assert client.wait(wanted.id, SOON).completed
    client.sync(SOON)
    assert [effect["job"] for effect in stack.effects()] == [str(wanted.id)]
    check_one_end_each(path, facts)


def test_cancelled_while_running_the_handler_is_told_within_a_second(
    stack: Stack, client: JobClient, path: Path, facts: Ledger
) -> None:
    """One that computes and never looks, one that reports progress, one that awaits."""
    stack.processor()
    jobs = [client.submit(task) for task in ("computing", "reporting", "awaiting")]
    stack.reach(3)
    asked = {}
    for number, job in enumerate(jobs, start=1):
        asked[str(job.id)] = time.time()
        client.cancel(job.id)
        stack.reach(number, "told")
        assert client.wait(job.id, SOON).status is Status.CANCELLED
    delays = {told["job"]: told["at"] - asked[told["job"]] for told in stack.effects("told")}
    print("told after", delays)
    assert len(delays) == 3
    assert max(delays.values()) < 1.0
    # Whoever ran them is free again.
    assert client.wait(client.submit("quick").id, SOON).completed
    client.sync(SOON)
    check_one_end_each(path, facts)


def test_cancelled_after_the_end_it_has_no_effect_and_the_row_converges(
    stack: Stack, gateway: Gateway, path: Path, facts: Ledger
) -> None:
    """The device does not know yet that the job has ended: its own view gives way."""
    stack.processor()
    with (
        Proxy(("127.0.0.1", gateway.port)) as proxy,
        JobClient(path, proxy.url, token()) as client,
    ):
        client.sync(SOON)
        job = client.submit("default", {"seconds": 0.5})
        eventually(lambda: client.get(job.id).status is Status.RUNNING, every=0.01)
        proxy.freeze()
        eventually(lambda: facts.count("completed") == 1)
        asked = client.cancel(job.id)
        assert asked.cancel_requested
        assert not asked.finished
        proxy.thaw()
        assert client.wait(job.id, SOON).completed
        client.sync(SOON)
        assert not client.get(job.id).cancel_requested
        # Now it knows: a cancel is not even sent.
        assert client.cancel(job.id).completed
        assert outbox(path) == 0
    assert facts.events("cancelled") == {}
    check_one_end_each(path, facts)


def test_cancelled_at_any_moment_a_job_ends_one_way_only(
    stack: Stack, client: JobClient, path: Path, facts: Ledger, chance: random.Random
) -> None:
    stack.processor()
    eventually(lambda: facts.count(table="jobferry.processors") == 1)
    jobs = []
    for _ in range(150):
        jobs.append(client.submit(chance.choice(["default", "quick", "threaded"])))
        if chance.random() < 0.7:
            client.cancel(chance.choice(jobs[-8:]).id)
        time.sleep(chance.uniform(0, 0.008))
    ends = {client.wait(job.id, SOON).status for job in jobs}
    client.sync(SOON)
    assert ends == {Status.COMPLETED, Status.CANCELLED}, "both must have happened"
    check_one_end_each(path, facts)
