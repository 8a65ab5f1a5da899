"""A device that was answered before it had read anything: its first walk tells what has left since."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from integration.test_device_keep import ids, page, told
from integration.test_device_replica import Device
from jobferry_client import Job, Status


@pytest.fixture
def device(device_file: Callable[[str], Path]) -> Iterator[Device]:
    """A new device, let in as anna's for the first time."""
    found = Device(device_file("till"))
    found.replica.welcome("anna", "e1")
    yield found
    found.close()


def answered(device: Device) -> Job:
    """A job that is acknowledged on a connection which then breaks."""
    job = device.client.submit()
    device.acknowledge()
    return job


def test_what_was_pruned_before_it_is_gone(device: Device) -> None:
    pruned, kept = answered(device), answered(device)
    device.replica.welcome("anna", "e1")
    fresh = answered(device)
    pending = device.client.submit()
    page(device, told(UUID(str(kept.id)), Status.COMPLETED), complete=False)
    assert ids(device) == {pruned.id, kept.id, fresh.id, pending.id}
    page(device)
    assert ids(device) == {kept.id, fresh.id, pending.id}


def test_another_database_is_sent_it_again(device: Device) -> None:
    lost = answered(device)
    assert device.replica.welcome("anna", "e2")
    page(device, epoch="e2")
    assert device.outbox == [("submit", lost.id)]
