"""What a job's time went into, lengths of time in words, and jobs counted by the second."""

from datetime import UTC, datetime, timedelta

import pytest

from jobferry_server.timeline import Spans, spans, timeline
from jobferry_server.top.rates import LATE_IDS, SPAN, Rates
from jobferry_shared.durations import in_words

START = datetime(2026, 1, 1, tzinfo=UTC)


def happened(*events: tuple[float, str]) -> list[dict[str, object]]:
    return [
        {
            "at": START + timedelta(seconds=seconds),
            "event": event,
            "attempt": 1,
            "actor": "p",
            "detail": None,
        }
        for seconds, event in events
    ]


def seconds(number: float | None) -> timedelta | None:
    return None if number is None else timedelta(seconds=number)


@pytest.mark.parametrize(
    ("events", "waited", "ran", "total"),
    [
        ([], None, None, None),
        ([(0, "submitted")], None, None, None),
        ([(0, "submitted"), (2, "started")], 2, None, None),
        ([(0, "submitted"), (2, "started"), (5, "completed")], 2, 3, 5),
        ([(0, "submitted"), (1, "cancelled")], None, None, 1),
        (
            [
                *((0, "submitted"), (2, "started"), (3, "retrying")),
                *((10, "started"), (14, "failed")),
            ],
            *(2, 5, 14),
        ),
        ([(0, "submitted"), (1, "started"), (2, "failed"), (9, "revived")], 1, 1, None),
    ],
)
def test_what_the_steps_add_up_to(
    events: list[tuple[float, str]], waited: float | None, ran: float | None, total: float | None
) -> None:
    found = spans(timeline(happened(*events)))
    assert found == Spans(seconds(waited), seconds(ran), seconds(total))


def test_each_step_says_how_long_after_the_last_it_was() -> None:
    steps = timeline(happened((0, "submitted"), (2, "started"), (2.5, "completed")))
    assert [step.since for step in steps] == [None, seconds(2), seconds(0.5)]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.6, "1 m"),
        (200, "3 m 20 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (7500, "2 h 5 m"),
        (90000, "1 d 1 h"),
        (86400 * 400, "400 d"),
        (-75, "-1 m 15 s"),
    ],
)
def test_a_length_of_time_in_words(length: float, words: str) -> None:
    assert in_words(length) == words


def ended(
    second: int | None, jobs: int, last: int, event: str | None = "completed"
) -> dict[str, object]:
    return {"second": second, "event": event, "jobs": jobs, "last": last}


def test_a_second_is_asked_for_once_it_has_been_over_for_one() -> None:
    rates = Rates()
    assert rates.wanted(1000.7) == (999 - SPAN, 999)
    rates.add([ended(998, 5, 100_000), ended(998, 1, 100_001, "failed")], 999)
    assert rates.wanted(1000.9) == (999, 999)
    assert rates.wanted(1003.0) == (999, 1002)
    assert rates.after == 100_001 - LATE_IDS
    assert rates.per_second()[-1] == 6
    rates.add([ended(1001, 2, 100_002), ended(None, 9, 200_000, None)], 1002)
    assert rates.after == 200_000 - LATE_IDS
    assert rates.per_second()[-4:] == [6, 0, 0, 2]
    assert rates.last_minute() == {"completed": 7, "failed": 1}


def test_what_was_a_minute_ago_is_forgotten() -> None:
    rates = Rates()
    rates.add([ended(998, 5, 1)], 999)
    rates.add([], 999 + SPAN)
    assert rates.last_minute() == {}
    assert rates.per_second() == [0] * SPAN
