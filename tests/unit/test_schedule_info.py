"""What a schedule and a crontab may say, and what becomes of what they may not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.errors import InvalidSchedule
from jobferry_server.scheduler.crontab import Entry, parse_crontab
from jobferry_server.scheduler.schedule_info import (
    FIELDS,
    WEEKDAY,
    Schedule,
    parse,
    parse_duration,
    parse_text,
)

SINCE = datetime(2026, 3, 28, 12, 7, 13, tzinfo=UTC)  # a Saturday


def following(info: Any, number: int = 3) -> list[str]:
    schedule, since = parse(info), SINCE
    found: list[str] = []
    while len(found) < number and (then := schedule.recurrence.after(since)) is not None:
        found.append(then.isoformat(sep=" ").removesuffix("+00:00").removesuffix(":00"))
        since = then
    return found


FORMS: list[tuple[Any, list[str]]] = [
    ("0 2 * * *", ["2026-03-29 02:00", "2026-03-30 02:00", "2026-03-31 02:00"]),
    ("*/30 * * * * *", ["2026-03-28 12:07:30", "2026-03-28 12:08", "2026-03-28 12:08:30"]),
    ("@daily", ["2026-03-29 00:00", "2026-03-30 00:00", "2026-03-31 00:00"]),
    ("0 0 L * *", ["2026-03-31 00:00", "2026-04-30 00:00", "2026-05-31 00:00"]),
    ({"cron": "0 2 * * *"}, ["2026-03-29 02:00", "2026-03-30 02:00", "2026-03-31 02:00"]),
    (
        {"cron": "30 2 * * *", "tz": "Europe/Paris", "fill": "1d"},
        ["2026-03-29 01:00", "2026-03-30 00:30", "2026-03-31 00:30"],
    ),
    # Rules: what is finer than anything given is least, what is coarser is free.
    ({"hour": [2], "minute": [0]}, ["2026-03-29 02:00", "2026-03-30 02:00", "2026-03-31 02:00"]),
    ({"hour": 2}, ["2026-03-29 02:00", "2026-03-30 02:00", "2026-03-31 02:00"]),
    ({"hour": [13, 1]}, ["2026-03-28 13:00", "2026-03-29 01:00", "2026-03-29 13:00"]),
    ({"minute": [10]}, ["2026-03-28 12:10", "2026-03-28 13:10", "2026-03-28 14:10"]),
    ({"second": [5]}, ["2026-03-28 12:08:05", "2026-03-28 12:09:05", "2026-03-28 12:10:05"]),
    ({"day": [1]}, ["2026-04-01 00:00", "2026-05-01 00:00", "2026-06-01 00:00"]),
    ({"month": [6]}, ["2026-06-01 00:00", "2027-06-01 00:00", "2028-06-01 00:00"]),
    ({"dayOfWeek": [0, 7, 1]}, ["2026-03-29 00:00", "2026-03-30 00:00", "2026-04-05 00:00"]),
    ({"dayOfWeek": 1, "month": 6}, ["2026-06-01 00:00", "2026-06-08 00:00", "2026-06-15 00:00"]),
    ({"hour": 2, "second": 30}, ["2026-03-29 02:00:30", "2026-03-29 02:01:30", "2026-03-29 02:02:30"]),
    # Of a rule every part must hold: Friday the 13th, not Fridays and 13ths as in cron.
    ({"day": 13, "dayOfWeek": 5}, ["2026-11-13 00:00", "2027-08-13 00:00", "2028-10-13 00:00"]),
    ("0 0 13 * FRI", ["2026-04-03 00:00", "2026-04-10 00:00", "2026-04-13 00:00"]),
    ({"hour": [2], "tz": "Asia/Kathmandu"}, ["2026-03-28 20:15", "2026-03-29 20:15", "2026-03-30 20:15"]),
    (
        {"start": "2026-04-01T09:00:00.000Z", "end": "2026-04-02T09:00:00Z", "rule": {"hour": 9}},
        ["2026-04-01 09:00", "2026-04-02 09:00"],
    ),
    (
        {"start": "2026-04-01", "end": "2026-04-01T00:01", "rule": "* * * * *", "tz": "Asia/Kathmandu"},
        ["2026-03-31 18:15", "2026-03-31 18:16"],
    ),
    ({"end": "2020-01-01", "rule": {"hour": 9}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("info", "wanted"), FORMS, ids=str)
def test_every_form(info: Any, wanted: list[str]) -> None:
    assert following(info) == wanted


WRONG: list[tuple[Any, str]] = [
    ("", "not a cron expression: Wrong number of fields"),
    ("@reboot", "not a cron expression"),
    ("61 * * * *", "Bad minute"),
    ("0 0 30 2 *", "not a cron expression"),
    ("0 0 * * * * *", "Wrong number of fields"),
    (None, "a cron expression or an object"),
    (17, "a cron expression or an object"),
    ([], "a cron expression or an object"),
    ({}, "does not say when"),
    ({"tz": "UTC"}, "does not say when"),
    ({"rule": {}}, "does not say when"),
    ({"cron": 5}, "5 is not a cron expression"),
    ({"rule": None}, "None is not a cron expression"),
    ({"cron": "* * * * *", "hour": 2}, "'cron' and 'hour' can't stand beside one another"),
    ({"cron": "* * * * *", "rule": {"hour": 2}}, "'cron' and 'rule' can't stand beside"),
    ({"hours": [2]}, "a rule has no 'hours'"),
    ({"rule": {"hour": 2, "fill": "1d"}}, "a rule has no 'fill'"),
    ({"hour": []}, "hour is []"),
    ({"hour": [24]}, "from 0 to 23"),
    ({"hour": "2"}, "hour is '2'"),
    ({"hour": True}, "hour is True"),
    ({"hour": [2.5]}, "hour is [2.5]"),
    ({"month": 0}, "from 1 to 12"),
    ({"dayOfWeek": 8}, "from 0 to 7"),
    ({"hour": 2, "tz": "Europe/Nowhere"}, "there is no time zone 'Europe/Nowhere'"),
    ({"hour": 2, "tz": "Europe"}, "there is no time zone"),
    ({"hour": 2, "tz": "../../etc/passwd"}, "there is no time zone"),
    ({"hour": 2, "tz": ""}, "there is no time zone"),
    ({"hour": 2, "tz": 1}, "there is no time zone"),
    ({"hour": 2, "fill": "1 day"}, "not a duration"),
    ({"hour": 2, "fill": 60}, "not a duration"),
    ({"hour": 2, "fill": "9999999999999w"}, "longer than a calendar"),
    ({"hour": 2, "start": "tomorrow"}, "start is 'tomorrow'"),
    ({"hour": 2, "end": 1774700000}, "end is 1774700000"),
    ({"hour": 2, "start": "0001-01-01T00:00+14:00"}, "start is"),
]


@pytest.mark.parametrize(("info", "message"), WRONG, ids=str)
def test_what_nobody_understands_is_said(info: Any, message: str) -> None:
    with pytest.raises(InvalidSchedule) as no:
        parse(info)
    assert message in str(no.value)
    assert no.value.hint == "docs/schedules.md shows what a schedule may say."


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70),
    st.text(max_size=12),
    st.sampled_from(["* * * * *", "0 2 29 2 *", "Europe/Paris", "1d", "2026-03-01"]),
)
keys = st.sampled_from(["cron", "rule", "tz", "fill", "start", "end", *FIELDS, WEEKDAY])
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@given(json_values)
def test_whatever_stands_there_is_a_schedule_or_refused(info: Any) -> None:
    try:
        schedule = parse(info)
    except InvalidSchedule:
        return
    found = schedule.recurrence.after(SINCE)
    assert found is None or found > SINCE


def test_a_text_that_is_not_json() -> None:
    with pytest.raises(InvalidSchedule):
        parse_text("0 2 * * *")
    assert isinstance(parse_text('"0 2 * * *"'), Schedule)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90s", 90), ("1d", 86400), ("2h30m", 9000), ("1w2d3h4m5s", 788645), ("0s", 0)],
)
def test_durations(text: str, wanted: int) -> None:
    assert parse_duration(text) == timedelta(seconds=wanted)


# -- crontabs

CRONTAB = """\
# Every night, and what was missed in the last day.
0 4 * * * clean_up ?fill=1d

  */5 9-17 * * MON-FRI  poll  ?id=poll_shops&max=3&queue=shops&jobKey=poll%20shops&priority=-2  {"shop": "Zürich ?{}"}
0 9 1 * * invoice:send ?tz=Europe/Paris
0 0 * * * nightly {"a": {"b": 1}}
"""


def test_a_crontab() -> None:
    assert parse_crontab(CRONTAB) == [
        Entry("clean_up", "clean_up", {"cron": "0 4 * * *", "fill": "1d"}, {}),
        Entry(
            name="poll_shops",
            task="poll",
            schedule_info={"cron": "*/5 9-17 * * MON-FRI"},
            payload={"shop": "Zürich ?{}"},
            queue_name="shops",
            job_key="poll shops",
            max_attempts=3,
            priority=-2,
        ),
        Entry("invoice:send", "invoice:send", {"cron": "0 9 1 * *", "tz": "Europe/Paris"}, {}),
        Entry("nightly", "nightly", {"cron": "0 0 * * *"}, {"a": {"b": 1}}),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 4 * * *", "not of the form"),
        ("0 4 * * task", "not of the form"),
        ("0 4 * * * ?id=x", "not of the form"),
        ("0 4 * * * task [1]", "not of the form"),
        ("0 4 * * * task extra", "not of the form"),
        ("0 24 * * * task", "Bad hour"),
        ("0 4 * * * task ?fill=often", "not a duration"),
        ("0 4 * * * task ?tz=Mars", "no time zone 'Mars'"),
        ("0 4 * * * task ?max=0", "max is '0'"),
        ("0 4 * * * task ?max=many", "max is 'many'"),
        ("0 4 * * * task ?priority=99999", "priority is '99999'"),
        ("0 4 * * * task ?jobkey=x", "no option 'jobkey', only id, fill"),
        ("0 4 * * * task ?fill", "not name=value"),
        ("0 4 * * * task ?id=", "without a value"),
        ("0 4 * * * task ?id=a&id=b", "twice"),
        ('0 4 * * * task {"a": NaN}', "the payload is not JSON"),
        ('0 4 * * * task {"a": 1, "a": 2}', "the payload is not JSON"),
    ],
)
def test_a_line_that_nobody_understands_is_named(line: str, message: str) -> None:
    with pytest.raises(InvalidSchedule) as no:
        parse_crontab(f"# first\n0 4 * * * fine\n\n{line}\n")
    assert str(no.value).startswith("line 4: ")
    assert message in str(no.value)


def test_two_lines_of_one_id() -> None:
    with pytest.raises(InvalidSchedule, match=r"line 2: 'a' is there already"):
        parse_crontab("0 4 * * * a\n0 5 * * * a\n")
    assert len(parse_crontab("0 4 * * * a\n0 5 * * * a ?id=again\n")) == 2
