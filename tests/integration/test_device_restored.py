"""A device whose server came back as another database: what it sends again, and what it keeps."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from integration.test_device_keep import ids, page, told
from integration.test_device_replica import NOON, Device, change, refusal
from jobferry_client import Job, Status
from jobferry_client.replica import Replica


@pytest.fixture
def device(device_file: Callable[[str], Path]) -> Iterator[Device]:
    """A new device, let in by the first database and in step with it."""
    found = Device(device_file("till"))
    found.replica.welcome("anna", "e1")
    page(found)
    yield found
    found.close()


def sent(device: Device, *payloads: object, **more: object) -> list[Job]:
    """Jobs that the database of that moment has acknowledged."""
    jobs = [device.client.submit("t", payload, **more) for payload in payloads]  # type: ignore[arg-type]
    device.acknowledge()
    return jobs


def restored(device: Device) -> None:
    """Another database lets the device in."""
    assert device.replica.welcome("anna", "e2")


def read(device: Device, *rows: object, **more: object) -> None:
    """A page of the second database."""
    page(device, *rows, **{"epoch": "e2"} | more)  # type: ignore[arg-type]


def status(device: Device, job: Job | UUID) -> Status:
    return device.client.get(job.id if isinstance(job, Job) else job).status


def test_what_it_lacks_is_sent_again_as_if_for_the_first_time(device: Device) -> None:
    kept, lost = sent(device, "kept", "lost")
    device.apply(change(lost, Status.RUNNING, progress=0.5, attempts=2, started_at=NOON))
    restored(device)
    read(device, told(kept.id, Status.QUEUED))
    found = device.client.get(lost.id)
    assert (found.status, found.progress, found.attempts) == (Status.PENDING, 0, 0)
    assert (found.started_at, found.received_at) == (None, None)
    assert device.outbox == [("submit", lost.id)]
    device.acknowledge()
    assert status(device, lost) is Status.QUEUED
    assert device.outbox == []


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_what_had_ended_is_history_and_is_not_run_again(device: Device, end: Status) -> None:
    (job,) = sent(device, 1)
    device.apply(change(job, end, result="7" if end is Status.COMPLETED else None))
    restored(device)
    read(device)
    assert status(device, job) is end
    assert device.client.get(job.id).result == (7 if end is Status.COMPLETED else None)
    assert device.outbox == []


def test_its_word_counts_where_it_has_an_earlier_state_of_a_job(device: Device) -> None:
    (job,) = sent(device, 1)
    device.apply(change(job, Status.COMPLETED, result="7"))
    restored(device)
    read(device, told(job.id, Status.QUEUED))
    found = device.client.get(job.id)
    assert (found.status, found.result) == (Status.QUEUED, None)
    assert device.outbox == []


def test_a_new_file_has_nothing_that_the_first_database_could_lack(
    device_file: Callable[[str], Path],
) -> None:
    new = Device(device_file("new"))
    new.replica.welcome("anna", "e1")
    (job,) = sent(new, 1)
    new.client.cancel(job.id)
    new.acknowledge()
    page(new, told(job.id, Status.RUNNING), epoch="e1")
    assert new.outbox == []
    new.close()


def test_a_cancel_that_it_lacks_is_said_again(device: Device) -> None:
    cancelled, asked = sent(device, 1, 2)
    device.apply(change(cancelled, Status.CANCELLED), change(asked, Status.RUNNING))
    device.client.cancel(asked.id)
    device.acknowledge()
    restored(device)
    read(device, told(cancelled.id, Status.QUEUED), told(asked.id, Status.RUNNING))
    assert sorted(device.outbox) == sorted([("cancel", cancelled.id), ("cancel", asked.id)])


def test_what_was_lost_goes_before_what_was_said_later(device: Device) -> None:
    first, second = sent(device, 1, 2)
    later = device.client.submit("t", 3)
    device.client.cancel(second.id)
    restored(device)
    read(device)
    assert device.outbox == [
        ("submit", first.id),
        ("submit", second.id),
        ("submit", later.id),
        ("cancel", second.id),
    ]
    batch = device.next_batch()
    assert batch is not None
    assert [getattr(op, "cancelled", None) for op in batch.ops] == [False, True, False, None]


def test_nothing_is_sent_before_it_was_read_through(device: Device) -> None:
    sent(device, 1)
    device.client.submit("t", 2)
    restored(device)
    assert device.next_batch() is None
    read(device, complete=False)
    assert device.next_batch() is None
    read(device)
    batch = device.next_batch()
    assert batch is not None
    assert len(batch.ops) == 2


def test_nothing_is_held_back_where_nothing_can_be_lost(device: Device) -> None:
    job = device.client.submit("t", 1)
    restored(device)
    assert device.next_batch() is not None
    read(device)
    assert device.outbox == [("submit", job.id)]


def test_reading_goes_on_after_a_restart(device: Device) -> None:
    kept, lost = sent(device, 1, 2)
    restored(device)
    read(device, told(kept.id, Status.QUEUED), complete=False)
    device.replica.close()
    device.replica = Replica(device.path)
    assert not device.replica.welcome("anna", "e2")
    assert device.next_batch() is None
    read(device)
    assert device.outbox == [("submit", lost.id)]


def test_a_third_database_is_read_from_the_start(device: Device) -> None:
    one, two = sent(device, 1, 2)
    restored(device)
    read(device, told(one.id, Status.QUEUED), complete=False)
    assert device.replica.welcome("anna", "e3")
    page(device, told(two.id, Status.QUEUED), epoch="e3")
    assert device.outbox == [("submit", one.id)]


def test_the_first_database_s_return_does_not_make_the_second_s_jobs_gone(device: Device) -> None:
    restored(device)
    (job,) = sent(device, "acknowledged by the second")
    assert device.replica.welcome("anna", "e1")
    page(device)
    assert device.outbox == [("submit", job.id)]


def test_the_same_database_put_back_to_an_earlier_state(device: Device) -> None:
    (lost,) = sent(device, 1)
    device.replica.forget_cursor("e1", restored=True)
    page(device)
    assert device.outbox == [("submit", lost.id)]


def test_jobs_of_the_owner_s_other_devices_are_sent_again_too(device: Device) -> None:
    theirs, servers = uuid4(), uuid4()
    other_device = str(uuid4())
    page(
        device,
        told(theirs, Status.QUEUED, client_id=other_device),
        told(servers, Status.QUEUED),
    )
    restored(device)
    read(device)
    assert device.outbox == [("submit", theirs)]
    # What the server had made is the server's to make again.
    assert ids(device) == {theirs}
    device.acknowledge()
    # The ledger knows only who sent it last.
    assert device.client.get(theirs).client_id == device.client.status().client_id


def test_what_had_left_the_ledger_before_leaves_quietly(device: Device) -> None:
    pruned, lost = sent(device, 1, 2)
    restored(device)
    read(device)
    device.acknowledge(rejected=[refusal(pruned, "gone")])
    assert ids(device) == {lost.id}
    assert device.outbox == []


def test_a_first_submit_that_is_gone_is_shown_as_before(device: Device) -> None:
    job = device.client.submit("t", 1)
    device.acknowledge(rejected=[refusal(job, "gone")])
    assert status(device, job) is Status.REJECTED


def test_what_was_rejected_is_not_sent_again(device: Device) -> None:
    job = device.client.submit("t", 1)
    device.acknowledge(rejected=[refusal(job, "id_taken")])
    restored(device)
    read(device)
    assert (status(device, job), device.outbox) == (Status.REJECTED, [])


def test_a_new_file_meets_its_first_database_without_ado(
    device_file: Callable[[str], Path],
) -> None:
    new = Device(device_file("new"))
    assert not new.replica.welcome("anna", "e7")
    (job,) = sent(new, 1)
    page(new, epoch="e7")
    assert (status(new, job), new.outbox) == (Status.QUEUED, [])
    new.close()


def test_a_refusal_from_before_does_not_reject_what_is_sent_again(device: Device) -> None:
    """A database that nobody knew yet for another has refused to cancel what it lacks."""
    (lost,) = sent(device, 1)
    device.client.cancel(lost.id)
    asked = device.next_batch()
    assert asked is not None
    restored(device)
    read(device)
    answer = [refusal(lost, "not_found")]
    device.replica.acknowledge(asked.first, asked.last, NOON, "anna", answer)
    found = device.client.get(lost.id)
    assert (found.status, found.cancel_requested, found.error) == (Status.PENDING, True, None)
    device.acknowledge()
    assert status(device, lost) is Status.QUEUED


def test_a_cancel_of_what_had_ended_is_no_news(device: Device) -> None:
    (job,) = sent(device, 1)
    device.client.cancel(job.id)
    device.apply(change(job, Status.COMPLETED, result="7"))
    restored(device)
    read(device)
    device.acknowledge(rejected=[refusal(job, "not_found")])
    found = device.client.get(job.id)
    assert (found.status, found.result, found.error) == (Status.COMPLETED, 7, None)


def test_what_was_told_of_before_it_was_acknowledged_is_sent_all_the_same(device: Device) -> None:
    job = device.client.submit("t", 1)
    device.apply(change(job, Status.RUNNING, attempts=1))
    restored(device)
    assert device.next_batch() is None
    read(device)
    assert (status(device, job), device.outbox) == (Status.PENDING, [("submit", job.id)])
    device.acknowledge()
    assert (status(device, job), ids(device)) == (Status.QUEUED, {job.id})


def test_the_cursor_is_forgotten_in_the_moment_in_which_the_other_is_met(device: Device) -> None:
    """Or a power cut between the two would leave it unnoticed."""
    sent(device, 1)
    device.sql(
        "CREATE TRIGGER power_cut BEFORE UPDATE OF cursor ON _jobferry_state"
        " WHEN NEW.cursor IS NULL BEGIN SELECT RAISE(ABORT, 'no power'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        restored(device)
    device.sql("DROP TRIGGER power_cut")
    assert device.replica.welcome("anna", "e2")
