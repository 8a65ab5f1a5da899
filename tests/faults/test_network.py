"""The network at its worst: cut, silent, slow, and deaf in one direction."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from websockets.sync.client import connect

from jobferry_client import ConnectionState, JobClient, NewJob, Status
from jobferry_shared.session import ClientSession
from support.facts import Ledger, differences, local_count, outbox
from support.processes import eventually
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import token
from support.stack import Gateway, Stack

SOON = 15
#: A device's time runs twenty times as fast as by default, in seconds, and a gateway's as fast.
SILENCE = 2.0
MANY_DEVICES = 6
IMPATIENT = {"JOBFERRY_SILENCE_SECONDS": "2"}


def held_up(facts: Ledger, call: str) -> None:
    """Wait until this call waits for a lock, and so is certainly under way."""
    waiting = "wait_event_type = 'Lock' and datname = current_database()"
    where = f"{waiting} and query like '%jobferry.{call}(%'"
    eventually(lambda: facts.count(where, "pg_stat_activity") > 0)


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    return stack.gateway()


@pytest.fixture
def proxy(gateway: Gateway) -> Iterator[Proxy]:
    """Between the device and the gateway."""
    with Proxy(("127.0.0.1", gateway.port)) as found:
        yield found


@pytest.fixture
def database_proxy(dsn: str) -> Iterator[Proxy]:
    """Between a gateway and Postgres."""
    with Proxy(postgres_target(dsn)) as found:
        yield found


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    return device_file("till")


def many(number: int, size: int = 100) -> list[NewJob]:
    return [NewJob(task="quick", payload={"n": n, "fill": "x" * size}) for n in range(number)]


# -- between the device and the gateway


def test_a_push_that_is_cut_in_the_middle_is_sent_again_and_arrives_once(
    proxy: Proxy, facts: Ledger, path: Path, chance: random.Random
) -> None:
    with JobClient(path, proxy.url, token()) as client:
        client.sync(SOON)
        for round_number in range(1, 6):
            # The push has some 140 kB; each octet of it may be the last.
            proxy.cut_after(chance.randint(1, 140_000))
            client.submit_many(many(500))
            proxy.reach(round_number + 1)
            client.sync(SOON)
            assert facts.count() == 500 * round_number
    assert set(facts.events("submitted").values()) == {1}
    assert outbox(path) == 0


@pytest.mark.parametrize("jobs", [1, 1200])
def test_a_lost_acknowledgement_makes_no_second_job(
    jobs: int, proxy: Proxy, stack: Stack, facts: Ledger, path: Path
) -> None:
    stack.processor()
    with JobClient(path, proxy.url, token()) as client:
        client.sync(SOON)
        proxy.lose_replies()
        new = client.submit_many(many(jobs))
        eventually(lambda: facts.count("completed") == jobs)
        assert outbox(path) == jobs, "the device has heard nothing of it"
        assert {client.get(job.id).status for job in new} == {Status.PENDING}
        proxy.cut()
        eventually(lambda: client.status().pending == 0)
        for job in new:
            assert client.wait(job.id, SOON).status is Status.COMPLETED
    assert facts.count() == jobs
    assert set(facts.events("submitted").values()) == {1}
    assert len(stack.effects()) == jobs
    assert differences(path, facts) == []


def test_a_cancel_whose_acknowledgement_is_lost_is_sent_again_and_changes_nothing(
    proxy: Proxy, facts: Ledger, path: Path
) -> None:
    with JobClient(path, proxy.url, token()) as client:
        job = client.submit("quick")
        client.sync(SOON)
        proxy.lose_replies()
        client.cancel(job.id)
        eventually(lambda: facts.count("cancelled") == 1)
        proxy.cut()
        client.sync(SOON)
        assert client.wait(job.id, SOON).status is Status.CANCELLED
    assert facts.events("cancelled") == {str(job.id): 1}


def test_a_connection_that_has_fallen_silent_is_noticed_and_replaced(
    stack: Stack, proxy: Proxy, facts: Ledger, path: Path
) -> None:
    with JobClient(path) as client:
        stack.timed_engine(path, proxy.url, SILENCE)
        first = client.submit("quick")
        eventually(lambda: client.get(first.id).status is Status.QUEUED)
        proxy.stall()
        fell_silent = time.monotonic()
        second = client.submit("quick")
        eventually(lambda: client.get(second.id).status is Status.QUEUED, SOON)
        assert time.monotonic() - fell_silent < SILENCE + 4
    assert facts.count() == 2
    assert proxy.accepted == 2


def test_a_gateway_lets_go_of_devices_that_have_fallen_silent(stack: Stack) -> None:
    """All of them with the same sweep, however many lost the network at once."""
    gateway = stack.gateway(**IMPATIENT)
    with Proxy(("127.0.0.1", gateway.port)) as proxy, ExitStack() as devices:
        for number in range(MANY_DEVICES):
            socket = devices.enter_context(
                connect(proxy.url, additional_headers={"Authorization": f"Bearer {token()}"})
            )
            devices.callback(proxy.cut)
            socket.send(ClientSession().hello(str(UUID(int=number)), None))
            assert '"welcome"' in str(socket.recv(timeout=5))
        proxy.stall()
        # Two seconds of silence, a sweep every five, and a farewell that nobody answers.
        eventually(lambda: proxy.ended_by_target == MANY_DEVICES, 9.5)


def test_what_was_delayed_arrives_late_but_once(proxy: Proxy, facts: Ledger, path: Path) -> None:
    with JobClient(path, proxy.url, token()) as client:
        client.sync(SOON)
        proxy.freeze()
        jobs = client.submit_many(many(50))
        time.sleep(0.5)
        assert facts.count() == 0
        proxy.thaw()
        client.sync(SOON)
        assert {client.get(job.id).status for job in jobs} == {Status.QUEUED}
    assert facts.count() == 50
    assert proxy.accepted == 1


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_slow_line_is_not_a_dead_one(
    direction: str, stack: Stack, facts: Ledger, path: Path, device_file: Callable[[str], Path]
) -> None:
    """Messages that take longer than the silence allowed, over a line that never falls silent.

    In real time: two megabytes at 40 kB/s take 50 s, and 40 s without a message are a dead line.
    """
    gateway = stack.gateway(**IMPATIENT)
    with Proxy(("127.0.0.1", gateway.port)) as proxy:
        sender = path if direction == "up" else device_file("tablet")
        with JobClient(sender) as offline:
            offline.submit_many(many(3, size=80_000))
        if direction == "down":
            stack.engine(sender, gateway.url)
            eventually(lambda: outbox(sender) == 0)
            JobClient(path).close()
        proxy.trickle(80_000)
        stack.timed_engine(path, proxy.url, SILENCE)
        eventually(lambda: facts.count() == 3 and not differences(path, facts), 7)
        assert proxy.accepted == 1


def test_over_a_trickle_everything_arrives_in_its_time(
    stack: Stack, proxy: Proxy, facts: Ledger, path: Path
) -> None:
    stack.processor()
    proxy.trickle(20_000)
    with JobClient(path, proxy.url, token()) as client:
        jobs = client.submit_many(many(40))
        for job in jobs:
            assert client.wait(job.id, SOON).completed
        client.sync(SOON)
    assert proxy.accepted == 1
    assert differences(path, facts) == []


def test_a_gateway_that_is_away_for_a_while_is_found_again(
    proxy: Proxy, facts: Ledger, path: Path
) -> None:
    with JobClient(path, proxy.url, token()) as client:
        client.sync(SOON)
        proxy.close()
        job = client.submit("quick")
        eventually(lambda: client.status().state is ConnectionState.DISCONNECTED)
        eventually(lambda: client.status().reason)
        proxy.reach(proxy.accepted + 2)
        assert client.get(job.id).status is Status.PENDING
        proxy.open()
        client.sync(SOON)
    assert facts.count() == 1


# -- between a part and Postgres


def test_a_cut_while_a_group_commits_loses_and_doubles_nothing(
    stack: Stack, dsn: str, facts: Ledger, database_proxy: Proxy, path: Path
) -> None:
    """The statement is held up by a lock, so that the cut certainly falls in its middle."""
    gateway = stack.gateway(dsn=postgres_behind(database_proxy, dsn))
    with JobClient(path, gateway.url, token()) as client, psycopg.connect(dsn) as holder:
        client.sync(SOON)
        holder.execute("lock table jobferry.queue in share mode")
        client.submit_many(many(700))
        held_up(facts, "submit_batch")
        database_proxy.cut()
        # The server does not know yet: it will commit for nobody.
        holder.rollback()
        client.sync(SOON)
    assert facts.count() == 700
    assert facts.count(table="jobferry.queue") == 700
    assert set(facts.events("submitted").values()) == {1}


def test_a_commit_whose_answer_is_lost_is_made_again_without_effect(
    stack: Stack, dsn: str, facts: Ledger, database_proxy: Proxy, path: Path
) -> None:
    gateway = stack.gateway(dsn=postgres_behind(database_proxy, dsn))
    with JobClient(path, gateway.url, token()) as client, psycopg.connect(dsn) as holder:
        client.sync(SOON)
        holder.execute("lock table jobferry.queue in share mode")
        client.submit_many(many(300))
        held_up(facts, "submit_batch")
        database_proxy.lose_replies()
        holder.rollback()
        eventually(lambda: facts.count() == 300)
        assert outbox(path) == 300
        database_proxy.cut()
        client.sync(SOON)
    assert facts.count() == 300
    assert set(facts.events("submitted").values()) == {1}


def test_jobs_whose_claim_was_never_answered_run_all_the_same(
    stack: Stack, dsn: str, facts: Ledger, database_proxy: Proxy, path: Path
) -> None:
    """The claim is held up by a lock, so that its answer is certainly the one that is lost."""
    gateway = stack.gateway()
    with JobClient(path, gateway.url, token()) as client, psycopg.connect(dsn) as holder:
        jobs = client.submit_many(many(10))
        client.sync(SOON)
        # Nothing but the claim writes to the audit log now.
        holder.execute("lock table background_job_events in exclusive mode")
        stack.processor(dsn=postgres_behind(database_proxy, dsn))
        held_up(facts, "claim")
        database_proxy.lose_replies()
        holder.rollback()
        facts.reach(10, "status = 'running'")
        database_proxy.cut()
        eventually(lambda: local_count(path) == len(jobs), 8)
        client.sync(SOON)
    assert facts.events("completed") == {str(job.id): 1 for job in jobs}
    assert differences(path, facts) == []


def test_a_flush_whose_answer_is_lost_completes_each_job_once(
    stack: Stack, dsn: str, facts: Ledger, database_proxy: Proxy, path: Path
) -> None:
    gateway = stack.gateway()
    with JobClient(path, gateway.url, token()) as client, psycopg.connect(dsn) as holder:
        stack.processor(dsn=postgres_behind(database_proxy, dsn))
        job = client.submit("default", {"seconds": 0.5})
        stack.reach(1)
        # Nothing but the flush writes to the audit log now.
        holder.execute("lock table background_job_events in exclusive mode")
        held_up(facts, "flush")
        database_proxy.lose_replies()
        holder.rollback()
        facts.reach(1, "completed")
        database_proxy.cut()
        assert client.wait(job.id, SOON).completed
        # It has said so twice, and works on.
        assert client.wait(client.submit("quick").id, SOON).completed
    assert set(facts.events("completed").values()) == {1}
    assert len(stack.effects()) == 2


@pytest.mark.parametrize("kind", ["gateway", "processor"])
def test_a_part_whose_connections_are_reset_while_it_starts_starts_all_the_same(
    kind: str, stack: Stack, dsn: str, facts: Ledger, database_proxy: Proxy
) -> None:
    database_proxy.reset(1, 2, 4)
    through = postgres_behind(database_proxy, dsn)
    if kind == "gateway":
        stack.gateway(dsn=through)
    else:
        processor = stack.processor(dsn=through)
        registered = "jobferry.processors"
        eventually(lambda: facts.count(table=registered) or processor.ended is not None)
        assert processor.ended is None
