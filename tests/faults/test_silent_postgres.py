"""Connections to Postgres that are dead without a word, as when a firewall forgot them; new ones work."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobferry_client import JobClient, NewJob
from support.facts import Ledger, outbox
from support.processes import eventually
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import token
from support.stack import Stack

PATIENCE = {"JOBFERRY_STATEMENT_SECONDS": "1"}
#: What is read is read from one of several connections, each of them dead.
JOBS = 50


@pytest.fixture
def between(dsn: str) -> Iterator[Proxy]:
    """Between a part and Postgres."""
    with Proxy(postgres_target(dsn)) as found:
        yield found


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    return device_file("till")


def test_a_gateway_goes_on_over_new_connections(
    stack: Stack, facts: Ledger, dsn: str, between: Proxy, path: Path
) -> None:
    gateway = stack.gateway(dsn=postgres_behind(between, dsn), **PATIENCE)
    with JobClient(path, gateway.url, token()) as client:
        client.submit_many(NewJob(task="quick") for _ in range(JOBS))
        client.sync(10)
        between.stall()
        client.submit_many(NewJob(task="quick") for _ in range(JOBS))
        eventually(lambda: outbox(path) == 0, 30)
    assert facts.count() == 2 * JOBS
    assert set(facts.events("submitted").values()) == {1}


def test_a_processor_goes_on_over_new_connections(
    stack: Stack, facts: Ledger, dsn: str, between: Proxy, path: Path
) -> None:
    gateway = stack.gateway()
    stack.processor(dsn=postgres_behind(between, dsn), JOBFERRY_POLL_SECONDS="0.2", **PATIENCE)
    with JobClient(path, gateway.url, token()) as client:
        client.submit_many(NewJob(task="quick") for _ in range(JOBS))
        facts.reach(JOBS, "completed")
        between.stall()
        client.submit_many(NewJob(task="quick") for _ in range(JOBS))
        facts.reach(2 * JOBS, "completed")
    assert set(facts.events("completed").values()) == {1}


def test_a_gateway_says_in_time_that_it_has_no_database(
    stack: Stack, dsn: str, between: Proxy
) -> None:
    gateway = stack.gateway(dsn=postgres_behind(between, dsn))
    between.freeze()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/readyz", timeout=15)
    refused.value.close()
    assert refused.value.code == 503
