"""How long who has much rests for those who have little."""

import pytest

from jobferry_server.gateway.way import MOST_REST_SECONDS, RECENT_SECONDS, Way


@pytest.fixture
def way() -> Way:
    """Somebody with little was here at 10."""
    found = Way()
    assert not found.given(0)
    found.wanted_by_little(10)
    return found


def test_a_way_is_given_for_a_moment(way: Way) -> None:
    assert way.given(10)
    assert not way.given(10 + RECENT_SECONDS)
    assert way.rest(0.01, 10 + RECENT_SECONDS, owners=1) == 0


@pytest.mark.parametrize(
    ("owners", "connections", "times"),
    [
        (1, 1, 7),
        (2, 1, 3),
        (8, 1, 0),
        (9, 1, 0),
        (1, 3, 7),
        (2, 3, 7),
        (3, 3, 7),
        (6, 3, 3),
        (24, 3, 0),
    ],
)
def test_an_owner_takes_an_eighth_of_a_connection(
    way: Way, owners: int, connections: int, times: float
) -> None:
    assert way.rest(0.01, 10, owners=owners, connections=connections) == pytest.approx(0.01 * times)


def test_a_rest_is_bounded(way: Way) -> None:
    assert way.rest(1, 10, owners=1) == MOST_REST_SECONDS
