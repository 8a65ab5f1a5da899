"""SIGTERM under load: a clean end in time, nothing lost, no attempt wasted."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobferry_client import JobClient, NewJob, Status
from support.facts import Ledger, differences, local_count, outbox
from support.processes import eventually
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import token
from support.stack import Running, Stack

#: So small that a backlog goes in many pushes.
SMALL_MESSAGES = {"JOBFERRY_MESSAGE_BYTES": "65536", "JOBFERRY_PAYLOAD_BYTES": "8192"}
DRAIN = 1.0
#: What a supervisor waits, in seconds, before it kills; a busy machine takes long to do little.
IN_TIME = 15.0


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    return device_file("till")


@pytest.fixture
def database_proxy(dsn: str) -> Iterator[Proxy]:
    """Between a part and Postgres."""
    with Proxy(postgres_target(dsn)) as found:
        yield found


def end(part: Running) -> None:
    """End it as a supervisor would. It must end well, and in time."""
    part.signal(signal.SIGTERM)
    assert part.wait(IN_TIME) == 0


def test_a_gateway_under_load_ends_in_time_and_loses_nothing(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    gateway = stack.gateway(JOBFERRY_DRAIN_SECONDS=str(DRAIN), **SMALL_MESSAGES)
    with JobClient(path) as offline:
        offline.submit_many(NewJob(task="quick", payload={"n": n}) for n in range(2000))
    stack.engine(path, gateway.url)
    for portion in (300, 900, 1500):
        facts.reach(portion)
        end(gateway.part)
        gateway.part.start()
    eventually(lambda: outbox(path) == 0)
    assert facts.count() == 2000
    assert set(facts.events("submitted").values()) == {1}


def test_a_gateway_does_not_wait_for_a_device_that_does_not_answer(
    stack: Stack, path: Path
) -> None:
    gateway = stack.gateway(JOBFERRY_DRAIN_SECONDS=str(DRAIN))
    with Proxy(("127.0.0.1", gateway.port)) as proxy:
        stack.engine(path, proxy.url)
        eventually(lambda: path.exists() and proxy.down > 500)
        proxy.freeze()
        end(gateway.part)


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_gateway_ends_though_postgres_does_not_answer(
    stack: Stack, dsn: str, path: Path, database_proxy: Proxy, jobs: int
) -> None:
    """Whether or not there is something that it would have to answer first."""
    gateway = stack.gateway(
        dsn=postgres_behind(database_proxy, dsn), JOBFERRY_DRAIN_SECONDS=str(DRAIN)
    )
    with JobClient(path, gateway.url, token()) as client:
        client.sync(10)
        database_proxy.freeze()
        client.submit_many([NewJob(task="quick")] * jobs)
        end(gateway.part)


def test_processors_under_load_end_in_time_and_hand_back_what_they_took(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    gateway = stack.gateway()
    jobs = 1200
    with JobClient(path, gateway.url, token()) as client:
        client.submit_many(
            NewJob(task=("quick", "threaded", "default")[n % 3]) for n in range(jobs)
        )
        client.sync(10)
        for _ in range(4):
            processor = stack.processor()
            facts.reach(facts.count("completed") + 10, "completed")
            end(processor)
            assert facts.count("locked_by is not null", "jobferry.queue") == 0
            assert facts.count(table="jobferry.processors") == 0
        stack.processor()
        eventually(lambda: local_count(path) == jobs)
        client.sync(10)
    assert facts.count("completed and attempts = 1") == jobs, "no attempt is wasted"
    assert set(facts.events("completed").values()) == {1}
    assert len(stack.effects()) == jobs, "what was finished in time is not done again"
    assert facts.count(table="jobferry.queue") == 0
    assert differences(path, facts) == []


def test_what_does_not_end_in_the_grace_time_is_handed_back_with_its_attempt(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    """Each kind of handler, one that can't even be told among them."""
    gateway = stack.gateway()
    processor = stack.processor(JOBFERRY_GRACE_SECONDS="0.5")
    tasks = ("computing", "reporting", "awaiting", "sleeping")
    with JobClient(path, gateway.url, token()) as client:
        jobs = [client.submit(task) for task in tasks]
        stack.reach(len(tasks))
        end(processor)
        eventually(lambda: {client.get(job.id).status for job in jobs} == {Status.QUEUED})
        client.sync(10)
    assert facts.count("status = 'queued' and attempts = 0") == len(tasks)
    assert facts.count("locked_by is null and attempts = 0", "jobferry.queue") == len(tasks)
    assert facts.count(table="jobferry.processors") == 0
    assert differences(path, facts) == []
