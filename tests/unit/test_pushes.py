"""Whose push is committed next, beside whom, and who gives way."""

from typing import cast

import pytest

from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.pushes import HANDFUL, LITTLE, Lane, Pushes
from jobferry_server.gateway.way import RECENT_SECONDS, Way
from jobferry_server.tokens import Identity
from jobferry_shared.ids import new_id
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Cancel, Hello
from jobferry_shared.versions import PROTOCOL

NO_SOCKET = cast(Line, None)
MUCH = LITTLE + 1


def device(owner: str) -> Device:
    found = Device(NO_SOCKET, Limits())
    hello = Hello(protocol=PROTOCOL, client_id="00000000-0000-4000-8000-000000000001")
    found.introduce(hello, Identity(owner, 0))
    return found


def push(of: Device, size: int = 1) -> Batch:
    return Batch(of, len(of.batches) + 1, [Cancel(id=str(new_id())) for _ in range(size)])


@pytest.fixture
def pushes() -> Pushes:
    return Pushes(1000, Pace(0, 1), Way())


def test_who_has_little_and_who_has_much_are_in_lanes_of_their_own(pushes: Pushes) -> None:
    little, much = push(device("anna"), LITTLE), push(device("bert"), MUCH)
    for batch in (little, much):
        pushes.add(batch)
    assert pushes.take(Lane.MUCH, 0) == [much]
    assert pushes.take(Lane.LITTLE, 0) == [little]


def test_many_little_pushes_of_an_owner_are_much(pushes: Pushes) -> None:
    batches = [push(device("anna")) for _ in range(MUCH)]
    for batch in batches:
        pushes.add(batch)
    assert pushes.take(Lane.LITTLE, 0) == []
    assert pushes.take(Lane.MUCH, 0) == batches


def test_an_owner_is_in_one_lane_at_a_time(pushes: Pushes) -> None:
    anna = device("anna")
    first, second = push(anna, MUCH), push(anna)
    pushes.add(first)
    group = pushes.take(Lane.MUCH, 0)
    pushes.add(second)
    assert pushes.take(Lane.LITTLE, 0) == []
    assert not pushes.empty
    pushes.done(group)
    group = pushes.take(Lane.LITTLE, 0)
    assert group == [second]
    pushes.done(group)
    assert pushes.empty


def test_much_gives_way_while_there_is_little(pushes: Pushes) -> None:
    anna = device("anna")
    for _ in range(9):
        pushes.add(push(anna, 100))
    group = pushes.take(Lane.MUCH, 0)
    assert len(group) == 9
    assert pushes.rest(Lane.MUCH, 0.02, 0) == 0
    pushes.add(push(device("bert")))
    assert len(pushes.take(Lane.LITTLE, 0)) == 1
    assert pushes.rest(Lane.LITTLE, 0.02, 0) == 0
    assert pushes.rest(Lane.MUCH, 0.01, 0) == pytest.approx(7 * 0.01)
    assert pushes.most(Lane.MUCH, 0) == HANDFUL < pushes.most(Lane.LITTLE, 0)
    assert pushes.most(Lane.MUCH, RECENT_SECONDS) > HANDFUL
    pushes.done(group)
    for _ in range(9):
        pushes.add(push(anna, 100))
    group = pushes.take(Lane.MUCH, 0.5)
    assert len(group) == 1
    pushes.done(group)
    assert len(pushes.take(Lane.MUCH, RECENT_SECONDS)) == 8


def test_many_with_much_give_way_the_less(pushes: Pushes) -> None:
    pushes.add(push(device("bert")))
    pushes.take(Lane.LITTLE, 0)
    for n in range(24):
        pushes.add(push(device(f"owner {n}"), MUCH))
    assert pushes.most(Lane.MUCH, 0) == 24 * HANDFUL
    assert pushes.rest(Lane.MUCH, 0.02, 0) == 0
    assert len(pushes.take(Lane.MUCH, 0)) == 24 * HANDFUL // MUCH


def test_there_is_plenty_of_many_but_never_of_one(pushes: Pushes) -> None:
    anna = device("anna")
    for _ in range(2):
        assert not pushes.plenty_of("anna")
        pushes.add(push(anna, 500))
    assert pushes.plenty_of("anna")
    for _ in range(8):
        pushes.add(push(anna, 500))
    assert not pushes.plenty(0)
    for n in range(8):
        assert not pushes.plenty(0)
        pushes.add(push(device(f"owner {n}"), 500))
    pushes.add(push(device("bert"), 500))
    assert pushes.plenty(0)


def test_what_is_held_keeps_its_place_before_what_its_device_says_next(pushes: Pushes) -> None:
    anna, tablet = device("anna"), device("anna")
    first, second, third, other = push(anna), push(anna), push(anna), push(tablet)
    pushes.add(first)
    group = pushes.take(Lane.LITTLE, 0)
    first.held = True
    pushes.done(group)
    for batch in (second, other, third):
        pushes.add(batch)
    group = pushes.take(Lane.LITTLE, 0)
    assert group == [other]
    pushes.done(group)
    assert pushes.resume(anna) == [first, second, third]
    assert pushes.take(Lane.LITTLE, 0) == [first, second, third]


def test_who_was_too_fast_is_passed_over_until_it_was_paid_for() -> None:
    pushes = Pushes(1000, Pace(rate=10, burst=10), Way())
    anna, bert = device("anna"), device("bert")
    batches = [push(anna, 30), push(anna, 5)]
    for batch in batches:
        pushes.add(batch)
    assert pushes.take(Lane.LITTLE, 0) == batches[:1]
    pushes.done(batches[:1])
    later = push(bert)
    pushes.add(later)
    assert pushes.take(Lane.LITTLE, 0) == [later]
    assert pushes.pause(0) == pytest.approx(2.1)
    assert pushes.take(Lane.LITTLE, 2.101) == batches[1:]


def test_who_has_to_wait_is_no_plenty_for_the_others() -> None:
    pushes = Pushes(10, Pace(rate=10, burst=10), Way())
    for n in range(20):
        pushes.add(push(device(f"owner {n}"), 20))
    assert pushes.plenty(0)
    while group := pushes.take(Lane.LITTLE, 0):
        pushes.done(group)
    for n in range(20):
        pushes.add(push(device(f"owner {n}"), 20))
    assert not pushes.plenty(0)
    assert pushes.plenty(60)
