"""What a device costs is bounded, also one that comes again and again."""

import pytest

from integration.wire import device, job, submit
from jobferry_server.gateway.room import Room
from support.services import Services

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
