"""From one instant to the next: tables across changes of the clocks, and a plain model."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.scheduler.recurrence import Recurrence

MINUTE = timedelta(minutes=1)


def instants(recurrence: Recurrence, since: datetime, number: int) -> list[datetime]:
    """The next ones."""
    found: list[datetime] = []
    while len(found) < number and (following := recurrence.after(since)) is not None:
        found.append(since := following)
    return found


def shown(recurrence: Recurrence, since: str, number: int) -> list[str]:
    """The next ones as the clocks of the zone show them, with their offsets."""
    start = datetime.fromisoformat(since).replace(tzinfo=recurrence.zone)
    return [
        one.astimezone(recurrence.zone).strftime("%d %H:%M %z")
        for one in instants(recurrence, start, number)
    ]


TABLE = [
    # Europe/Paris, 29 March 2026: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00.
    ("30 2 * * *", "Europe/Paris", "2026-03-28", "28 02:30 +0100, 29 03:00 +0200, 30 02:30 +0200"),
    ("0 3 * * *", "Europe/Paris", "2026-03-28", "28 03:00 +0100, 29 03:00 +0200, 30 03:00 +0200"),
    ("0,30 2,3 * * *", "Europe/Paris", "2026-03-29", "29 03:00 +0200, 29 03:30 +0200, 30 02:00 +0200"),
    ("30 2 * * *", "Europe/Paris", "2026-10-24", "24 02:30 +0200, 25 02:30 +0200, 26 02:30 +0100"),
    ("0 2,3 * * *", "Europe/Paris", "2026-10-25", "25 02:00 +0200, 25 03:00 +0100, 26 02:00 +0100"),
    ("0 * * * *", "Europe/Paris", "2026-10-25T01:30", "25 02:00 +0200, 25 02:00 +0100, 25 03:00 +0100"),
    ("30 * * * *", "Europe/Paris", "2026-03-29T01:00", "29 01:30 +0100, 29 03:30 +0200, 29 04:30 +0200"),
    # America/New_York, 8 March 2026: 02:00 becomes 03:00. 1 November: 02:00 becomes 01:00.
    ("15 2 * * *", "America/New_York", "2026-03-07", "07 02:15 -0500, 08 03:00 -0400, 09 02:15 -0400"),
    ("45 1 * * *", "America/New_York", "2026-10-31", "31 01:45 -0400, 01 01:45 -0400, 02 01:45 -0500"),
    ("59 1 * * SUN", "America/New_York", "2026-10-26", "01 01:59 -0400, 08 01:59 -0500, 15 01:59 -0500"),
    # Australia/Lord_Howe moves by half an hour. 5 April 2026: 02:00 becomes 01:30; 4 October: 02:00
    # becomes 02:30.
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", "04 01:45 +1100, 05 01:45 +1100, 06 01:45 +1030"),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", "03 02:15 +1030, 04 02:30 +1100, 05 02:15 +1100"),
    ("*/30 * * * *", "Australia/Lord_Howe", "2026-04-05T01:00", "05 01:30 +1100, 05 01:30 +1030, 05 02:00 +1030"),
    ("*/20 * * * *", "Australia/Lord_Howe", "2026-10-04T01:30", "04 01:40 +1030, 04 02:40 +1100, 04 03:00 +1100"),
    # Asia/Kathmandu stands a quarter of an hour aside, and moved there once: 1 January 1986.
    ("0 9 * * MON", "Asia/Kathmandu", "2026-03-28", "30 09:00 +0545, 06 09:00 +0545, 13 09:00 +0545"),
    ("5 0 * * *", "Asia/Kathmandu", "1985-12-31", "31 00:05 +0530, 01 00:15 +0545, 02 00:05 +0545"),
    # In Havana it is midnight that is skipped, and the hour before one that comes twice.
    ("0 0 * * *", "America/Havana", "2026-03-07T12:00", "08 01:00 -0400, 09 00:00 -0400, 10 00:00 -0400"),
    ("0 0 1 * *", "America/Havana", "2026-10-01T12:00", "01 00:00 -0400, 01 00:00 -0500, 01 00:00 -0500"),
    # Samoa left out a whole day: 30 December 2011.
    ("0 9 * * *", "Pacific/Apia", "2011-12-29", "29 09:00 -1000, 31 00:00 +1400, 31 09:00 +1400"),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "zone", "since", "wanted"), TABLE)
def test_changes_of_the_clocks(cron: str, zone: str, since: str, wanted: str) -> None:
    assert ", ".join(shown(Recurrence(cron, ZoneInfo(zone)), since, 3)) == wanted


def test_what_an_hour_repeats_is_not_run_again_even_when_asked_in_it() -> None:
    paris = Recurrence("30 2 * * *", ZoneInfo("Europe/Paris"))
    in_the_second_hour = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert paris.after(in_the_second_hour) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_later_means_later() -> None:
    minutely = Recurrence("* * * * *")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert minutely.after(noon) == noon + MINUTE
    assert minutely.after(noon - timedelta(microseconds=1)) == noon
    assert minutely.after(noon + timedelta(microseconds=1)) == noon + MINUTE


def test_bounds_belong_to_it() -> None:
    start, end = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 3, 9, tzinfo=UTC)
    daily = Recurrence("0 9 * * *", start=start, end=end)
    assert instants(daily, datetime(2020, 1, 1, tzinfo=UTC), 9) == [
        start,
        start + timedelta(days=1),
        end,
    ]


def test_what_never_comes_is_not_waited_for() -> None:
    gone = Recurrence("0 0 */20 * 1L")
    assert gone.after(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_years_may_pass() -> None:
    leap = Recurrence("0 0 12 29 2 *", weekdays=frozenset({1}))
    assert instants(leap, datetime(2026, 1, 1, tzinfo=UTC), 2) == [
        datetime(2044, 2, 29, 12, tzinfo=UTC),
        datetime(2072, 2, 29, 12, tzinfo=UTC),
    ]


# -- a plain model: every minute of some days, and what clocks showed

CHANGES = [
    ("Europe/Paris", date(2026, 3, 29)),
    ("Europe/Paris", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(1986, 1, 1)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("Africa/Cairo", date(2026, 10, 30)),
    ("Pacific/Apia", date(2011, 12, 30)),
]

minutes = st.frozensets(st.integers(0, 59), min_size=1, max_size=6)
hours = st.one_of(
    st.just(frozenset(range(24))), st.frozensets(st.integers(0, 23), min_size=1, max_size=24)
)
weekdays = st.one_of(
    st.just(frozenset(range(7))), st.frozensets(st.integers(0, 6), min_size=1, max_size=6)
)


def listed(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def model(
    zone: ZoneInfo,
    begin: datetime,
    days: int,
    matches: tuple[frozenset[int], frozenset[int], frozenset[int]],
) -> list[datetime]:
    """What should come, found by looking at every minute; ``begin`` is in UTC."""
    minutes, hours, weekdays = matches

    def matching(wall: datetime) -> bool:
        return wall.minute in minutes and wall.hour in hours and wall.isoweekday() % 7 in weekdays

    found = set()
    seen: set[datetime] = set()
    walls = defaultdict(list)
    every = [begin + n * MINUTE for n in range(days * 1440)]
    for one in every:
        walls[one.astimezone(zone).replace(tzinfo=None, fold=0)].append(one)
    if len(hours) == 24:
        return sorted(one for wall, times in walls.items() if matching(wall) for one in times)
    last = min(walls)
    for one in every:
        wall = one.astimezone(zone).replace(tzinfo=None, fold=0)
        passed = [last + n * MINUTE for n in range(1, int((wall - last) / MINUTE) + 1)]
        if any(matching(each) and each not in seen for each in [wall, *passed]):
            found.add(one)
        seen |= {wall, *passed}
        last = wall
    return sorted(found)


@given(st.sampled_from(CHANGES), minutes, hours, weekdays, st.integers(0, 4 * 1440))
def test_it_names_what_a_look_at_every_minute_finds(
    change: tuple[str, date],
    minutes: frozenset[int],
    hours: frozenset[int],
    weekdays: frozenset[int],
    offset: int,
) -> None:
    zone = ZoneInfo(change[0])
    recurrence = Recurrence(f"{listed(minutes)} {listed(hours)} * * {listed(weekdays)}", zone)
    begin = datetime.combine(change[1], time(), UTC) - timedelta(days=3)
    wanted = model(zone, begin, 7, (minutes, hours, weekdays))
    since = begin + timedelta(days=1) + offset * MINUTE
    wanted = [one for one in wanted if one > since]
    assert instants(recurrence, since, min(len(wanted), 40)) == wanted[:40]


@given(
    st.sampled_from(CHANGES),
    minutes,
    hours,
    st.integers(-3 * 86400, 3 * 86400),
    st.integers(0, 86400),
)
def test_a_later_question_never_has_an_earlier_answer(
    change: tuple[str, date], minutes: frozenset[int], hours: frozenset[int], at: int, more: int
) -> None:
    recurrence = Recurrence(f"{listed(minutes)} {listed(hours)} * * *", ZoneInfo(change[0]))
    first = datetime.combine(change[1], time(), UTC) + timedelta(seconds=at)
    second = first + timedelta(seconds=more)
    one, another = recurrence.after(first), recurrence.after(second)
    assert one is not None
    assert another is not None
    assert first < one <= another
    # Nothing lies between a question and its answer.
    assert recurrence.after(one - timedelta(seconds=1)) == one
