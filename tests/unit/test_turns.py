"""Turns: one thing of each owner, and again."""

from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.gateway.turns import Turns


def turns_of(**waiting: str) -> Turns[str]:
    """Each owner's things, a letter each."""
    turns: Turns[str] = Turns()
    for owner, items in waiting.items():
        for item in items:
            turns.add(owner, item)
    return turns


def take(turns: Turns[str], most: int) -> str:
    left = iter(range(most))
    return "".join(turns.take(lambda _: next(left, None) is not None))


def test_owners_take_turns_whatever_they_have_waiting() -> None:
    turns = turns_of(anna="abcdef", bert="x", carl="yz")
    assert take(turns, 6) == "axybzc"
    assert take(turns, 6) == "def"
    assert not turns


def test_whoever_had_no_turn_is_first_the_next_time() -> None:
    turns = turns_of(anna="abc", bert="x", carl="y")
    assert take(turns, 2) == "ax"
    turns.add("bert", "z")
    assert take(turns, 3) == "ybz"


def test_what_does_not_fit_stays_where_it_is() -> None:
    turns = turns_of(anna="ab", bert="x")
    assert turns.take(lambda item: item != "x") == ["a"]
    assert take(turns, 3) == "xb"


def test_some_may_not_yet() -> None:
    turns = turns_of(anna="a", bert="x")
    assert turns.take(lambda _: True, lambda owner, _: owner == "bert") == ["x"]
    assert take(turns, 3) == "a"


def test_what_is_put_back_is_first_again() -> None:
    turns = turns_of(anna="cd")
    turns.add_first("anna", "ab")
    assert take(turns, 9) == "abcd"


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1),
    st.integers(1, 10),
)
def test_nobody_waits_for_more_than_one_turn_of_each_other(
    waiting: dict[str, int], most: int
) -> None:
    turns: Turns[tuple[str, int]] = Turns()
    for owner, number in waiting.items():
        for n in range(number):
            turns.add(owner, (owner, n))
    order: list[tuple[str, int]] = []
    while turns:
        left = iter(range(most))
        order += turns.take(lambda _, left=left: next(left, None) is not None)  # type: ignore[misc]
    assert len(order) == len(set(order)) == sum(waiting.values())
    for owner, number in waiting.items():
        places = [order.index((owner, n)) for n in range(number)]
        assert places == sorted(places)
        for n, place in enumerate(places):
            assert place <= sum(min(others, n + 1) for others in waiting.values()) - 1
