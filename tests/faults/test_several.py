"""More than one of a part: two engines on one file, two gateways on one Postgres."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobferry_client import JobClient, NewJob, Status
from jobferry_client.replica import Replica
from jobferry_shared.messages import Change
from support.facts import (
    Ledger,
    differences,
    keep_a_diary,
    local_count,
    outbox,
    steps_back,
)
from support.processes import eventually
from support.services import token
from support.stack import Stack

SMALL_MESSAGES = {"JOBFERRY_MESSAGE_BYTES": "65536", "JOBFERRY_PAYLOAD_BYTES": "8192"}
JOBS = 600


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    found = device_file("till")
    with JobClient(found) as offline:
        offline.submit_many(NewJob(task="quick", payload={"n": n}) for n in range(JOBS))
    keep_a_diary(found)
    return found


def check_one_row_each(path: Path, facts: Ledger, jobs: int = JOBS) -> None:
    """Each crossed once, and the device says what the ledger says."""
    eventually(lambda: outbox(path) == 0 and local_count(path) == jobs)
    eventually(lambda: not differences(path, facts))
    assert facts.count() == jobs
    for event in ("submitted", "completed"):
        assert set(facts.events(event).values()) == {1}
    assert facts.count(table="jobferry.queue") == 0


def test_of_two_engines_on_a_file_one_works_and_the_other_takes_over(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    gateway = stack.gateway(**SMALL_MESSAGES)
    first = stack.engine(path, gateway.url)
    facts.reach(1)
    second = stack.engine(path, gateway.url)
    facts.reach(100)
    first.kill()
    stack.processor()
    check_one_row_each(path, facts)
    assert steps_back(path) == []
    assert second.ended is None


def test_two_engines_that_both_believe_the_file_is_theirs_make_one_row_per_submit(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    """Somebody tidied up and removed the lock: both send the whole outbox, to different gateways."""
    gateways = [stack.gateway(**SMALL_MESSAGES) for _ in range(2)]
    lock = path.with_name(path.name + ".jobferry-lock")
    stack.engine(path, gateways[0].url)
    eventually(lambda: lock.exists(), every=0.001)
    facts.reach(1)
    lock.unlink()
    stack.engine(path, gateways[1].url)
    stack.processor()
    check_one_row_each(path, facts)
    with JobClient(path) as third:
        third.submit_many(NewJob(task="quick") for _ in range(50))
    check_one_row_each(path, facts, JOBS + 50)


def test_an_engine_with_an_older_page_does_not_write_over_a_newer_one(tmp_path: Path) -> None:
    """The other engine of such a file has read further in the meantime."""
    path = tmp_path / "till.db"
    with JobClient(path) as offline:
        job = str(offline.submit("quick").id)
    now = datetime.now(UTC)
    running = Change(id=job, status=Status.RUNNING, run_at=now, received_at=now)
    completed = Change(
        id=job, status=Status.COMPLETED, run_at=now, received_at=now, finished_at=now
    )
    slow, fast = Replica(path), Replica(path)
    try:
        for replica in (slow, fast):
            replica.identity()
        fast.apply([running], "1", now)
        fast.apply([completed], "2", now)
        with suppress(Exception):  # It may say so or leave it at that.
            slow.apply([running], "1", now)
        assert fast.identity().cursor == "2"
    finally:
        slow.close()
        fast.close()
    with JobClient(path) as offline:
        assert offline.get(job).completed


def test_a_device_that_comes_back_to_another_gateway_has_one_row_per_submit(
    stack: Stack, facts: Ledger, path: Path
) -> None:
    gateways = [stack.gateway(**SMALL_MESSAGES) for _ in range(2)]
    stack.processor()
    for turn in range(4):
        engine = stack.engine(path, gateways[turn % 2].url)
        facts.reach(100 * turn + 1)
        engine.kill()
    stack.engine(path, gateways[0].url)
    check_one_row_each(path, facts)
    assert steps_back(path) == []


def test_two_devices_of_one_owner_on_different_gateways_come_to_the_same_rows(
    stack: Stack, facts: Ledger, path: Path, device_file: Callable[[str], Path]
) -> None:
    gateways = [stack.gateway() for _ in range(2)]
    tablet = device_file("tablet")
    stack.engine(path, gateways[0].url)
    with JobClient(tablet, gateways[1].url, token()) as client:
        stack.processor()
        check_one_row_each(path, facts)
        client.sync(10)
        late = client.submit("nobody's")
        eventually(lambda: late.id and local_count(path, f"id = '{late.id}'") == 1)
        client.cancel(late.id)
        assert client.wait(late.id, 10).status is Status.CANCELLED
        eventually(lambda: not differences(path, facts))
        client.sync(10)
    assert differences(tablet, facts) == []
