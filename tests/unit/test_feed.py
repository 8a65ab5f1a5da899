"""Who is served by the next tick of the feed."""

from typing import cast

import pytest

from jobferry_server.gateway.cursor import Cursor
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.feed import GIVING_WAY_ROWS, TICK_ROWS, Feed
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.way import Way
from jobferry_server.tokens import Identity
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Hello
from jobferry_shared.session import Phase
from jobferry_shared.versions import PROTOCOL

NO_SOCKET = cast(Line, None)
WALKING, RESTING = Cursor.start("epoch", "1:1:"), Cursor("epoch", since="1:1:")


def device(number: int) -> Device:
    found = Device(NO_SOCKET, Limits())
    hello = Hello(protocol=PROTOCOL, client_id=f"00000000-0000-4000-8000-{number:012}")
    found.introduce(hello, Identity("anna", 0))
    found.session.phase = Phase.OPEN
    return found


def test_a_device_that_leaves_a_stream_and_comes_back_before_its_turn_is_served_once() -> None:
    feed = Feed(None, Limits(), Way(), None)  # type: ignore[arg-type]
    restless, other = device(1), device(2)
    for cursor in (WALKING, RESTING, WALKING):
        restless.cursor = cursor
        feed.join(restless)
    other.cursor = WALKING
    feed.join(other)
    assert feed._news.take() == []
    assert feed._walks.take() == [restless, other]
    assert feed.waiting == 0


def test_walks_give_way_to_those_with_little_to_write_and_news_do_not() -> None:
    way = Way()
    feed = Feed(None, Limits(), way, None)  # type: ignore[arg-type]
    assert feed._rows(feed._walks, 1, 0) == TICK_ROWS
    assert feed._rest(feed._walks, 1, 0.01, 0) == 0.01
    way.wanted_by_little(0)
    assert feed._rows(feed._walks, 1, 0) == GIVING_WAY_ROWS
    assert feed._rest(feed._walks, 1, 0.01, 0) == pytest.approx(0.07)
    assert feed._rows(feed._walks, 50, 0) == TICK_ROWS
    assert feed._rest(feed._walks, 20, 0.01, 0) == 0.01
    assert feed._rows(feed._news, 1, 0) == TICK_ROWS
    assert feed._rest(feed._news, 1, 0.01, 0) == 0.01
