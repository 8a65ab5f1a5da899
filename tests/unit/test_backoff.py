"""Full jitter: anywhere between nothing and a bound that doubles."""

import random

import pytest

from jobferry_client.backoff import BASE_SECONDS, CAP_SECONDS, MOST_RETRY_SECONDS, full_jitter


@pytest.mark.parametrize("failures", [0, 1, 3, 6, 7, 50, 10_000])
def test_waits_anywhere_between_nothing_and_a_bound_that_doubles_up_to_a_cap(failures: int) -> None:
    bound = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(failures, 100))
    random.seed(7)
    waits = [full_jitter(failures) for _ in range(2000)]
    assert 0 <= min(waits) < bound * 0.01
    assert bound * 0.99 < max(waits) <= bound
    assert bound * 0.45 < sum(waits) / len(waits) < bound * 0.55


def test_the_server_s_wish_is_waited_in_full_before_the_spread_begins() -> None:
    waits = [full_jitter(2, retry_after=20) for _ in range(200)]
    assert min(waits) >= 20
    assert max(waits) <= 20 + BASE_SECONDS * 4
    assert len(set(waits)) > 190


@pytest.mark.parametrize("wish", [1e9, float("inf")])
def test_a_wish_for_ever_is_not_granted(wish: float) -> None:
    assert full_jitter(0, wish) <= MOST_RETRY_SECONDS + BASE_SECONDS
