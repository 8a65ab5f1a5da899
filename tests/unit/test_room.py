"""Room: when it is full, those who filled it wait."""

import asyncio

from jobferry_server.gateway.room import SHARE, Room


def test_an_owner_may_fill_a_share_of_it() -> None:
    room = Room(800)
    room.enter("anna", 800 // SHARE)
    assert not room.full("anna")
    room.enter("anna", 1)
    assert room.full("anna")
    assert not room.full("bert")
    room.leave("anna", 1)
    assert not room.full("anna")


def test_when_it_is_full_whoever_has_something_in_it_waits_and_nobody_else() -> None:
    room = Room(800)
    for number in range(9):
        room.enter(str(number), 90)
    assert all(room.full(str(number)) for number in range(9))
    assert not room.full("anna")


async def test_who_waits_goes_on_once_there_is_room() -> None:
    room = Room(80)
    room.enter("anna", 30)
    waiting = asyncio.ensure_future(room.wait("anna"))
    room.enter("bert", 30)
    room.leave("bert", 30)
    await asyncio.sleep(0)
    assert not waiting.done()
    room.leave("anna", 30)
    await asyncio.wait_for(waiting, 5)
