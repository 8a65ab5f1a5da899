"""What a device costs is bounded, also one that comes again and again, or comes and says nothing."""

from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from integration.wire import Wire, device, job, submit, wired
from jobferry_server.gateway.room import Room
from support.services import Services, token

ROOM = 1_000_000
LARGE = '"' + "x" * 100_000 + '"'


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> list[Room]:
    """Where what was pushed and is not committed is counted."""
    made: list[Room] = []
    init = Room.__init__

    def noted(self: Room, most: int) -> None:
        init(self, most)
        made.append(self)

    monkeypatch.setattr(Room, "__init__", noted)
    return made


def test_who_pushes_and_hangs_up_and_comes_again_fills_no_more_room(
    services: Services, rooms: list[Room]
) -> None:
    with services.gateway(owner_rate=0.001, owner_burst=1, waiting_bytes=ROOM) as url:
        with device(url) as first:
            first.deliver(submit(job()))
        for _ in range(10):
            with device(url) as wire:
                wire.push(submit(job(payload=LARGE)))
        # An eighth, and the message that was being read when that was full.
        assert rooms[0].octets < ROOM / 8 + 2 * len(LARGE)


def test_a_token_without_a_hello_holds_no_place(services: Services) -> None:
    """Else whoever has one opens as many connections as the gateway has room for."""
    with services.gateway(strangers=5, owner_connections=5) as url, ExitStack() as stack:
        bearer = {"Authorization": f"Bearer {token()}"}
        mute = [stack.enter_context(wired(url, **bearer)) for _ in range(15)]
        with device(url) as wire:
            assert wire.deliver(submit(job())) == []
        assert sum(map(_is_open, mute)) <= 5


def _is_open(wire: Wire) -> bool:
    try:
        wire.socket.recv(0.05)
    except TimeoutError:
        return True
    except ConnectionClosed:
        return False
    raise AssertionError("nobody has asked")
