"""Who is served by the next tick of the feed."""

from typing import cast

from jobferry_server.gateway.cursor import Cursor
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.way import Way
from jobferry_server.tokens import Identity
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Hello
from jobferry_shared.session import Phase
from jobferry_shared.versions import PROTOCOL

NO_SOCKET = cast(Line, None)
WALKING, RESTING = Cursor.start("epoch"), Cursor("epoch", since="1:1:")


def device(number: int) -> Device:
    found = Device(NO_SOCKET, Limits())
    hello = Hello(protocol=PROTOCOL, client_id=f"00000000-0000-4000-8000-{number:012}")
    found.introduce(hello, Identity("anna", 0))
    found.session.phase = Phase.OPEN
    return found


def test_a_device_that_leaves_a_stream_and_comes_back_before_its_turn_is_served_once() -> None:
    feed = Feed(None, Limits(), Way())  # type: ignore[arg-type]
    restless, other = device(1), device(2)
    for cursor in (WALKING, RESTING, WALKING):
        restless.cursor = cursor
        feed.join(restless)
    other.cursor = WALKING
    feed.join(other)
    assert feed._news.take() == []
    assert feed._walks.take() == [restless, other]
    assert feed.waiting == 0
