"""A foreign transaction that somebody forgot to end, with a row of the ledger in its hands.

It holds up one job. Everybody else's submits, cancels, runs and results go on.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from jobferry_client import JobClient, Status
from support.facts import Ledger, differences
from support.processes import eventually
from support.proxy import Proxy
from support.services import token
from support.stack import Gateway, Stack

SOON = 20
#: What everybody else takes at most, in seconds; a lock is waited for five.
UNDELAYED = 2.5

Foreign = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    return stack.gateway()


@pytest.fixture
def foreign(dsn: str) -> Iterator[Foreign]:
    """A connection in a transaction until it is rolled back."""
    with psycopg.connect(dsn) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def anna(gateway: Gateway, device_file: Callable[[str], Path]) -> Iterator[JobClient]:
    with JobClient(device_file("anna"), gateway.url, token("anna")) as client:
        client.sync(SOON)
        yield client


@pytest.fixture
def bert(gateway: Gateway, device_file: Callable[[str], Path]) -> Iterator[JobClient]:
    with JobClient(device_file("bert"), gateway.url, token("bert")) as client:
        client.sync(SOON)
        yield client


def hold(foreign: Foreign, job_id: object) -> None:
    """Write a job's row and do not say whether one means it."""
    foreign.execute("update public.background_jobs set progress = 0.1 where id = %s", [job_id])


def test_others_are_not_delayed_and_the_held_jobs_cancel_comes_when_it_is_let_go(
    anna: JobClient, bert: JobClient, foreign: Foreign, facts: Ledger
) -> None:
    held = anna.submit("quick")
    anna.sync(SOON)
    hold(foreign, held.id)
    anna.cancel(held.id)
    for _ in range(3):
        submitted = bert.submit("quick")
        bert.sync(UNDELAYED)
        bert.cancel(submitted.id)
        assert bert.wait(submitted.id, UNDELAYED).status is Status.CANCELLED
    assert facts.count("cancelled") == 3
    assert anna.get(held.id).cancel_requested
    foreign.rollback()
    assert anna.wait(held.id, UNDELAYED).status is Status.CANCELLED
    anna.sync(UNDELAYED)


def test_the_holders_own_device_goes_on_too(
    anna: JobClient, foreign: Foreign, facts: Ledger
) -> None:
    held = anna.submit("quick")
    anna.sync(SOON)
    hold(foreign, held.id)
    anna.cancel(held.id)
    jobs = [anna.submit("quick") for _ in range(3)]
    eventually(lambda: {anna.get(job.id).status for job in jobs} == {Status.QUEUED}, UNDELAYED)
    # More of them than a device may have pushes unanswered.
    for _ in range(8):
        jobs.append(anna.submit("quick"))
        time.sleep(0.05)
    eventually(lambda: {anna.get(job.id).status for job in jobs} == {Status.QUEUED}, UNDELAYED)
    assert facts.count() == 1 + len(jobs)


def test_a_submit_that_is_sent_again_does_not_wait_for_its_own_row(
    gateway: Gateway,
    bert: JobClient,
    foreign: Foreign,
    facts: Ledger,
    device_file: Callable[[str], Path],
) -> None:
    with (
        Proxy(("127.0.0.1", gateway.port)) as proxy,
        JobClient(device_file("anna"), proxy.url, token("anna")) as anna,
    ):
        anna.sync(SOON)
        proxy.lose_replies()
        held = anna.submit("quick")
        facts.reach(1)
        hold(foreign, held.id)
        proxy.cut()
        anna.sync(UNDELAYED)
        bert.submit("quick")
        bert.sync(UNDELAYED)


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_queued_row_that_is_held_holds_up_no_other_job(
    concurrency: int, stack: Stack, anna: JobClient, bert: JobClient, foreign: Foreign
) -> None:
    held = anna.submit("quick")
    anna.sync(SOON)
    hold(foreign, held.id)
    processor = stack.processor(JOBFERRY_CONCURRENCY=str(concurrency))
    eventually(lambda: "\nprocessing " in processor.log)
    assert bert.wait(bert.submit("quick").id, UNDELAYED).completed
    assert anna.wait(anna.submit("quick").id, UNDELAYED).completed
    assert not anna.get(held.id).finished
    foreign.rollback()
    assert anna.wait(held.id, UNDELAYED).completed


def test_a_running_row_that_is_held_holds_up_no_other_result(
    stack: Stack,
    anna: JobClient,
    bert: JobClient,
    foreign: Foreign,
    facts: Ledger,
    device_file: Callable[[str], Path],
) -> None:
    stack.processor()
    held = anna.submit("default", {"seconds": 0.5})
    stack.reach(1)
    hold(foreign, held.id)
    stack.reach(1, "ended")
    began = time.monotonic()
    assert bert.wait(bert.submit("quick").id, UNDELAYED).completed
    assert time.monotonic() - began < UNDELAYED
    foreign.rollback()
    done = anna.wait(held.id, UNDELAYED)
    assert (done.status, done.attempts) == (Status.COMPLETED, 1)
    anna.sync(SOON)
    bert.sync(SOON)
    assert len(stack.effects()) == 2
    mine = [line for line in differences(device_file("bert"), facts) if "only in" not in line]
    assert mine == []
