"""What leaves a device's file, and what never does: `keep`, tombstones, and reading anew."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from integration.database import Database
from integration.test_device_replica import NOON, Device, change, refusal
from jobferry_client import ClientError, JobClient, JobNotFound, Status, Timing
from jobferry_client.replica import Replica, UnknownJob
from jobferry_shared.messages import Change, StoredJob
from support.aging import age, finished
from support.commands import jobferry
from support.facts import local_rows
from support.processes import eventually
from support.services import Services, token

SOON = 20
DAY = timedelta(days=1)


@pytest.fixture
def device(device_file: Callable[[str], Path]) -> Iterator[Device]:
    """A new device, let in as anna's."""
    found = Device(device_file("till"))
    found.replica.welcome("anna")
    yield found
    found.close()


def told(job: UUID, status: Status, **more: object) -> Change:
    """A change that brings what the job says."""
    return change(job, status, spec=StoredJob(id=str(job), timestamp=NOON, payload="1"), **more)


def page(device: Device, *rows: Change, **more: object) -> None:
    """One page; the last of its walk unless it says otherwise."""
    device.replica.identity()
    facts = {"complete": True, "epoch": "e1"} | more
    device.replica.apply(rows, "c", NOON, **facts)  # type: ignore[arg-type]


def ids(device: Device) -> set[UUID]:
    return {job.id for job in device.client.jobs(limit=100)}


# -- told that they are gone


def test_what_is_gone_leaves_the_file_in_whatever_state_it_was(device: Device) -> None:
    jobs = [uuid4() for _ in range(4)]
    states = (Status.COMPLETED, Status.FAILED, Status.QUEUED, Status.RUNNING)
    page(device, *(told(job, status) for job, status in zip(jobs, states, strict=True)))
    page(device, gone=[str(job) for job in jobs[:3]])
    assert ids(device) == {jobs[3]}
    page(device, gone=[str(job) for job in jobs])
    assert ids(device) == set()


def test_what_is_unsent_stays_until_it_was_answered(device: Device) -> None:
    pending = device.client.submit()
    page(device, gone=[str(pending.id)])
    assert device.client.get(pending.id).status is Status.PENDING
    assert device.outbox == [("submit", pending.id)]
    device.acknowledge()
    with pytest.raises(JobNotFound):
        device.client.get(pending.id)


def test_what_was_rejected_stays_for_somebody_to_see(device: Device) -> None:
    pending = device.client.submit()
    page(device, gone=[str(pending.id)])
    device.acknowledge(rejected=[refusal(pending, "gone")])
    assert device.client.get(pending.id).status is Status.REJECTED
    assert device.sql("SELECT count(*) FROM _jobferry_gone") == [(0,)]


def test_an_unsent_cancel_keeps_its_job_until_it_was_answered(device: Device) -> None:
    job = uuid4()
    page(device, told(job, Status.QUEUED))
    device.client.cancel(job)
    page(device, gone=[str(job)])
    assert ids(device) == {job}
    device.acknowledge(rejected=[refusal(job, "not_found")])
    assert ids(device) == set()


def test_a_job_that_is_spoken_of_again_is_not_gone(device: Device) -> None:
    job = device.client.submit()
    page(device, gone=[str(job.id)])
    page(device, told(job.id, Status.QUEUED))
    device.acknowledge()
    assert device.client.get(job.id).status is Status.QUEUED


def test_tombstones_and_cursor_are_stored_together_or_not_at_all(device: Device) -> None:
    job = uuid4()
    page(device, told(job, Status.COMPLETED))
    with pytest.raises(UnknownJob):
        page(device, change(uuid4(), Status.RUNNING), gone=[str(job)])
    assert ids(device) == {job}


# -- reading everything anew


def test_what_is_not_shown_again_is_gone(device: Device) -> None:
    kept, lost, ghost = (uuid4() for _ in range(3))
    page(device, *(told(job, Status.COMPLETED) for job in (kept, lost)), told(ghost, Status.QUEUED))
    pending = device.client.submit()
    device.replica.forget_cursor("e1")
    page(device, told(kept, Status.COMPLETED), complete=False)
    assert ids(device) == {kept, lost, ghost, pending.id}
    page(device)
    assert ids(device) == {kept, pending.id}


def test_what_was_submitted_meanwhile_stays(device: Device) -> None:
    page(device)
    device.replica.forget_cursor("e1")
    job = device.client.submit()
    device.acknowledge()
    page(device)
    assert ids(device) == {job.id}


def test_in_another_database_nothing_is_gone_for_not_being_shown(device: Device) -> None:
    job = uuid4()
    page(device, told(job, Status.COMPLETED))
    device.replica.forget_cursor("e2")
    page(device, epoch="e2")
    assert ids(device) == {job}
    # From now on that is the database whose word counts.
    device.replica.forget_cursor("e2")
    page(device, epoch="e2")
    assert ids(device) == set()


def test_a_walk_that_another_database_cut_short_proves_nothing(device: Device) -> None:
    job = uuid4()
    page(device, told(job, Status.COMPLETED))
    device.replica.forget_cursor("e1")
    page(device, complete=False)
    device.replica.forget_cursor("e2")
    page(device, epoch="e2")
    assert ids(device) == {job}


def test_the_walk_is_remembered_over_a_restart(device: Device) -> None:
    kept, lost = uuid4(), uuid4()
    page(device, told(kept, Status.COMPLETED), told(lost, Status.COMPLETED))
    device.replica.forget_cursor("e1")
    page(device, told(kept, Status.COMPLETED), complete=False)
    device.replica.close()
    device.replica = Replica(device.path)
    page(device)
    assert ids(device) == {kept}


# -- written anew


def test_what_a_known_job_says_may_be_written_anew(device: Device) -> None:
    job = device.client.submit("t", {"n": 1}, job_key="k")
    device.acknowledge()
    spec = StoredJob(id=str(job.id), timestamp=NOON, payload="{}", task="u")
    page(device, change(job, Status.CANCELLED, spec=spec))
    found = device.client.get(job.id)
    assert (found.payload, found.task, found.job_key) == ({}, "u", None)


# -- keep


def test_old_jobs_are_dropped_a_few_at_a_time(device: Device) -> None:
    old = [uuid4() for _ in range(5)]
    young, running = uuid4(), uuid4()
    page(
        device,
        *(told(job, Status.COMPLETED, finished_at=NOON - DAY) for job in old),
        told(young, Status.FAILED),
        told(running, Status.RUNNING),
    )
    before = NOON - DAY / 2
    assert [device.replica.drop_expired(before, 2) for _ in range(3)] == [True, True, False]
    assert ids(device) == {young, running}


def test_what_is_unsent_or_rejected_is_never_old(device: Device) -> None:
    pending, refused = device.client.submit(), device.client.submit()
    device.acknowledge(rejected=[refusal(refused, "invalid_job")])
    cancelled = uuid4()
    page(device, told(cancelled, Status.QUEUED))
    device.client.cancel(cancelled)
    page(device, change(cancelled, Status.COMPLETED, finished_at=NOON - DAY))
    again = device.client.submit()
    device.replica.drop_expired(datetime.now(UTC) + DAY, 100)
    assert ids(device) == {pending.id, refused.id, cancelled, again.id}


def test_what_is_already_old_is_not_taken_in(device: Device) -> None:
    old, young, unfinished = (uuid4() for _ in range(3))
    page(
        device,
        told(old, Status.COMPLETED, finished_at=NOON - DAY),
        told(young, Status.COMPLETED),
        told(unfinished, Status.RUNNING),
        # No word of what it says: it was here once, and was dropped.
        change(uuid4(), Status.CANCELLED, finished_at=NOON - DAY),
        expired_before=NOON - DAY / 2,
    )
    assert ids(device) == {young, unfinished}


def test_a_dropped_job_that_is_revived_comes_back_with_what_it_says(device: Device) -> None:
    job = uuid4()
    page(device, told(job, Status.FAILED, finished_at=NOON - DAY))
    device.replica.drop_expired(NOON, 10)
    page(device, told(job, Status.QUEUED), expired_before=NOON)
    assert device.client.get(job).status is Status.QUEUED


@pytest.mark.parametrize("keep", [timedelta(0), -DAY])
def test_to_keep_nothing_is_refused(path: Path, keep: timedelta) -> None:
    with pytest.raises(ClientError, match="keep"):
        JobClient(path, keep=keep)


# -- against a gateway


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A device's file."""
    return device_file("kept")


OFTEN = Timing(tidy=0.05)


def test_a_device_keeps_finished_jobs_for_a_while(db: Database, url: str, path: Path) -> None:
    old = finished(db, 3)
    age(db, days=40)
    (young,) = finished(db, 1)
    with JobClient(path, url, token()) as client:
        client.sync(SOON)
        assert set(local_rows(path)) == {*old, young}
        pending = client.submit("t")
        client.sync(SOON)
    with JobClient(path, url, token(), keep=30 * DAY) as client:
        eventually(lambda: set(local_rows(path)) == {young, str(pending.id)}, every=0.02)
    with JobClient(path, url, token(), keep=30 * DAY) as client:
        client.sync(SOON)
        assert set(local_rows(path)) == {young, str(pending.id)}


def test_a_new_device_does_not_take_in_what_it_would_drop(
    db: Database, url: str, path: Path
) -> None:
    finished(db, 3)
    age(db, days=40)
    (young,) = finished(db, 1)
    seen: set[str] = set()
    with JobClient(path, url, token(), keep=30 * DAY) as client:
        client.sync(SOON)
        seen |= set(local_rows(path))
    assert seen == {young}


def test_it_goes_on_while_the_device_is_connected(db: Database, url: str, path: Path) -> None:
    with JobClient(path, url, token(), timing=OFTEN, keep=timedelta(seconds=1)) as client:
        client.sync(SOON)
        (job,) = finished(db, 1)
        eventually(lambda: job in local_rows(path), every=0.005)
        eventually(lambda: not local_rows(path), every=0.02)
        client.sync(SOON)


def test_dropped_jobs_that_change_on_the_server_do_not_make_it_read_everything_again(
    db: Database, url: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = finished(db, 3)
    age(db, days=40)
    with JobClient(path, url, token(), timing=OFTEN, keep=30 * DAY) as client:
        client.sync(SOON)
        # Somebody who may do all writes to them once more.
        with db.together():
            db.do("set local role jobferry_engine")
            db.do("update public.background_jobs set version = pg_current_xact_id()")
        done = jobferry("erase", "--dsn", db.dsn, "--owner", "anna", "--yes")
        assert done.returncode == 0
        (new,) = finished(db, 1)
        eventually(lambda: set(local_rows(path)) == {new}, every=0.02)
        client.sync(SOON)
    assert len(jobs) == 3
    assert "reading" not in caplog.text


def test_a_watch_sees_them_go(db: Database, url: str, path: Path) -> None:
    (job,) = finished(db, 1)
    gone = threading.Event()
    with JobClient(path, url, token(), timing=OFTEN, keep=timedelta(seconds=2)) as client:

        def watch() -> None:
            seen = False
            for jobs in client.watch():
                seen = seen or bool(jobs)
                if seen and not jobs:
                    gone.set()
                    return

        watching = threading.Thread(target=watch)
        watching.start()
        assert gone.wait(SOON)
        watching.join()
    assert job


def test_the_command_keeps_too(db: Database, url: str, path: Path) -> None:
    finished(db, 2)
    age(db, days=40)
    arguments = ("client", "sync", str(path), "--url", url, "--token", token(), "--once")
    done = jobferry(*arguments, "--keep", "30d")
    assert done.returncode == 0, done.stderr
    assert local_rows(path) == {}
    refused = jobferry(*arguments, JOBFERRY_KEEP="soon")
    assert refused.returncode == 2
    assert "--keep: 'soon' is not a number" in refused.stderr
