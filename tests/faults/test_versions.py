"""Devices and gateways of different releases: they agree, or say why not, and nothing is lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.wire import device, wired
from jobferry_client import ConnectionState, JobClient, Status
from jobferry_shared.versions import MINIMUM_PROTOCOL, PROTOCOL
from support.facts import Ledger, outbox
from support.processes import eventually
from support.proxy import free_port
from support.services import token
from support.stack import Running, Stack

LATER = PROTOCOL + 1


class OtherVersion(Running):
    """A part as another release has it."""

    module = "support.other_version"


@contextmanager
def other_version(log: Path, oldest: int, newest: int, *arguments: str) -> Iterator[OtherVersion]:
    """A part that understands these versions, while the block lasts."""
    found = OtherVersion(log, str(oldest), str(newest), *arguments)
    found.start()
    try:
        yield found
    finally:
        found.kill()
        print(found.log[-2000:])


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A device's file, with something to say."""
    found = device_file("till")
    with JobClient(found) as client:
        client.submit("t", {})
    return found


@pytest.fixture
def gateway(dsn: str) -> tuple[str, ...]:
    """The arguments of a gateway on a port that stays the same."""
    return "gateway", "--dsn", dsn, "--port", str(free_port())


def url_of(gateway: tuple[str, ...]) -> str:
    return f"ws://127.0.0.1:{gateway[-1]}"


def test_a_newer_gateway_that_still_understands_us(
    path: Path, gateway: tuple[str, ...], tmp_path: Path
) -> None:
    with (
        other_version(tmp_path / "new.log", PROTOCOL, LATER, *gateway),
        JobClient(path, url_of(gateway), token()) as client,
    ):
        client.sync(90)
        assert [job.status for job in client.jobs()] == [Status.QUEUED]
        with device(url_of(gateway)) as wire:
            wire.walk()


def test_a_newer_gateway_that_does_not_and_is_put_back(
    path: Path, gateway: tuple[str, ...], tmp_path: Path, facts: Ledger
) -> None:
    with JobClient(path, url_of(gateway), token()) as client:
        with other_version(tmp_path / "new.log", LATER, LATER, *gateway):
            eventually(lambda: "unsupported_protocol" in str(client.status().reason), every=0.01)
            found = client.status()
            assert found.state is ConnectionState.DISCONNECTED
            said = f"the client speaks protocol {PROTOCOL}, this gateway {LATER} to {LATER}"
            assert said in str(found.reason)
            assert found.pending == 1
        with other_version(tmp_path / "old.log", PROTOCOL, PROTOCOL, *gateway):
            # Nobody touches the device.
            client.sync(90)
    assert (facts.count(), outbox(path)) == (1, 0)


def test_an_older_gateway_that_is_updated(
    path: Path, gateway: tuple[str, ...], tmp_path: Path, facts: Ledger
) -> None:
    sync = ("client", "sync", str(path), "--url", url_of(gateway), "--token", token())
    with other_version(tmp_path / "device.log", LATER, LATER, *sync) as newer:
        with other_version(tmp_path / "old.log", MINIMUM_PROTOCOL, PROTOCOL, *gateway):
            said = f"speaks protocol {LATER}, this gateway {MINIMUM_PROTOCOL} to {PROTOCOL}"
            eventually(lambda: said in newer.log, every=0.02)
            assert (facts.count(), outbox(path)) == (0, 1)
        with other_version(tmp_path / "new.log", PROTOCOL, LATER, *gateway):
            eventually(lambda: outbox(path) == 0)
    assert facts.count() == 1


def test_a_hello_of_another_shape_is_told_about_its_version(stack: Stack) -> None:
    gateway = stack.gateway()
    with wired(gateway.url, Authorization=f"Bearer {token()}") as wire:
        wire.say("hello", protocol=LATER, clients=["an id of a new kind"], cursor={"new": 1})
        answer = wire.hear()
        assert (answer["type"], answer["code"]) == ("error", "unsupported_protocol")
        assert json.dumps(LATER) in answer["message"]
