"""Pace: so many at once, so many a second, and a debt is waited for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.gateway.pace import FORGET_AT, Pace


def test_a_burst_is_let_through_and_then_one_after_the_other() -> None:
    pace = Pace(rate=10, burst=3)
    for _ in range(3):
        assert pace.wait("anna", 100) == 0
        pace.spend("anna", 1, 100)
    assert pace.wait("anna", 100) == pytest.approx(0.1)
    assert pace.wait("anna", 100.11) == 0
    assert pace.wait("bert", 100) == 0


def test_a_debt_is_waited_for() -> None:
    pace = Pace(rate=10, burst=3)
    pace.spend("anna", 50, 100)
    assert pace.wait("anna", 100) == pytest.approx(4.8)


def test_no_rate_is_no_limit() -> None:
    pace = Pace(rate=0, burst=1)
    pace.spend("anna", 1e9, 100)
    assert pace.wait("anna", 100) == 0


def test_who_has_rested_is_forgotten() -> None:
    pace = Pace(rate=10, burst=1)
    for number in range(3 * FORGET_AT):
        pace.spend(str(number), 1, float(number))
    assert len(pace._full_at) <= FORGET_AT + 1


@given(
    st.floats(0.1, 1e4),
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0, 10), st.integers(1, 500)), min_size=1, max_size=50),
)
def test_never_more_than_the_burst_the_rate_and_one_debt(
    rate: float, burst: int, wishes: list[tuple[float, int]]
) -> None:
    pace = Pace(rate, burst)
    now = began = 1000.0
    let_in = largest = 0
    for pause, number in wishes:
        now += pause
        if not pace.wait("anna", now):
            pace.spend("anna", number, now)
            let_in += number
            largest = max(largest, number)
    assert let_in <= burst + rate * (now - began) + largest + 1e-6 * let_in
