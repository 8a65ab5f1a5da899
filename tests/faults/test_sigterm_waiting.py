"""SIGTERM while the gateway reads nothing of a device, since its pushes must wait."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.test_sigterm import end
from integration.wire import device, job, submit
from jobferry_client import ConnectionState, JobClient
from support.processes import eventually
from support.proxy import Proxy, postgres_behind, postgres_target
from support.services import token
from support.stack import Gateway, Stack


@pytest.fixture
def frozen(dsn: str) -> Iterator[Proxy]:
    """Between a gateway and Postgres."""
    with Proxy(postgres_target(dsn)) as found:
        yield found


@pytest.fixture
def gateway(stack: Stack, dsn: str, frozen: Proxy) -> Gateway:
    """An owner may have a few octets of pushes waiting."""
    return stack.gateway(
        dsn=postgres_behind(frozen, dsn),
        JOBFERRY_DRAIN_SECONDS="0.5",
        JOBFERRY_WAITING_BYTES="1000",
    )


def test_until_there_is_room(gateway: Gateway, frozen: Proxy) -> None:
    with device(gateway.url) as wire:
        wire.walk()
        frozen.freeze()
        for _ in range(3):
            wire.push(submit(job(payload=f'"{"x" * 500}"')))
        wire.say("heartbeat", pending=3)
        end(gateway.part)


def test_until_it_is_known_where_the_first_walk_ends(
    gateway: Gateway, frozen: Proxy, device_file: Callable[[str], Path]
) -> None:
    gateway.ready()
    frozen.freeze()
    with JobClient(device_file("till"), gateway.url, token()) as client:
        client.submit("quick")
        eventually(lambda: client.status().state is ConnectionState.CONNECTED)
        end(gateway.part)
