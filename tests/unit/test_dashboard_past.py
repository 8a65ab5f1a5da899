"""Of the past what has ended is looked up once; failures are counted each time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from jobferry_server.dashboard.past import MOST_FAILURES, Past
from jobferry_server.dashboard.plots import Stretch
from jobferry_server.dashboard.source import Reader

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Told:
    """A reader that counts what it is asked, and says the same of every stretch."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.failed = {1: 5}

    async def rows(self, name: str, *values: Any) -> list[dict[str, Any]]:
        """What Postgres would say."""
        if name == "dashboard_failures":
            return [{"stretch": n, "number": number} for n, number in self.failed.items()]
        since, length, number, _ = values
        self.asked.append(number)
        nothing = {
            "exact": True,
            "submitted": 2,
            "completed": 1,
            "failed": 7,
            "median": None,
            "slow": None,
        }
        return [{"at": since + n * length, **nothing} for n in range(number)]


def look(past: Past, told: Told, now: datetime, stretches: int = 6) -> list[Stretch]:
    """The last hours, as they are seen then."""
    last = now.replace(minute=0, second=0)
    starts = [last - n * HOUR for n in reversed(range(stretches))]
    found = asyncio.run(past.stretches(cast("Reader", told), starts, HOUR, now))
    assert [one.at for one in found] == starts
    return found


def test_what_has_ended_is_asked_for_once() -> None:
    past, told = Past(), Told()
    look(past, told, NOON + timedelta(minutes=30))
    look(past, told, NOON + timedelta(minutes=31))
    # An hour that has just ended may still get something.
    look(past, told, NOON + timedelta(hours=1, seconds=30))
    look(past, told, NOON + timedelta(hours=1, minutes=2))
    look(past, told, NOON + timedelta(hours=1, minutes=3))
    assert told.asked == [6, 1, 2, 2, 1]


def test_a_clock_that_was_put_back_is_followed() -> None:
    past, told = Past(), Told()
    look(past, told, NOON + timedelta(minutes=30))
    look(past, told, NOON - timedelta(hours=2, minutes=30))
    assert told.asked == [6, 6]


def test_failures_are_counted_each_time_unless_they_are_too_many() -> None:
    past, told = Past(), Told()
    now = NOON + timedelta(minutes=30)
    assert [one.failed for one in look(past, told, now)] == [5, 0, 0, 0, 0, 0]
    told.failed = {2: 1, 6: 3}
    assert [one.failed for one in look(past, told, now)] == [0, 1, 0, 0, 0, 3]
    told.failed = {6: MOST_FAILURES + 1}
    assert [one.failed for one in look(past, told, now)] == [7] * 6
