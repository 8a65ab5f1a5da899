"""What ``schedule_info`` may say, read into a :class:`Schedule`. Pure.

::

    "0 2 * * *"                                        a cron expression, in UTC
    {"cron": "0 2 * * *", "tz": "Europe/Paris"}        the same in a time zone
    {"hour": [2], "minute": [0]}                       a rule
    {"start": "…", "end": "…", "rule": …}              a rule or a cron expression within bounds

Each object may also have ``tz``, ``start``, ``end`` and ``fill``, how far back what was missed is
made up for (``"1d"``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobferry_server.errors import InvalidSchedule
from jobferry_server.scheduler.recurrence import EVERY_WEEKDAY, Recurrence
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJSON

__all__ = ["Schedule", "parse", "parse_duration", "parse_text"]

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

#: The fields of a rule, the finest first, with their least and greatest values.
FIELDS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "month": (1, 12),
}
WEEKDAY = "dayOfWeek"

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:\d+[wdhms])+")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it recurs, and how far back what was missed is made up for."""

    recurrence: Recurrence
    fill: timedelta = timedelta()


def parse_text(text: str) -> Schedule:
    """The schedule in a JSON text; :class:`InvalidSchedule` says what is wrong with it."""
    try:
        return parse(strict_json.parse(text))
    except InvalidJSON as error:
        raise InvalidSchedule(str(error)) from error


def parse(info: Any) -> Schedule:
    """The schedule in a JSON value; :class:`InvalidSchedule` says what is wrong with it."""
    if isinstance(info, str):
        return Schedule(Recurrence(_cron(info)))
    if not isinstance(info, dict):
        raise InvalidSchedule("a schedule is a cron expression or an object")
    rest = dict(info)
    zone = _zone(rest.pop("tz", "UTC"))
    fill = parse_duration(rest.pop("fill", "0s"))
    start, end = (_bound(name, rest.pop(name, None), zone) for name in ("start", "end"))
    cron, weekdays = _what(rest)
    return Schedule(Recurrence(cron, zone, weekdays, start, end), fill)


def parse_duration(text: Any) -> timedelta:
    """A duration as ``"90s"``, ``"1d"`` or ``"1w2d3h4m5s"``."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise InvalidSchedule(f"{text!r} is not a duration such as '1d' or '2h30m'")
    try:
        parts = re.findall(r"(\d+)(.)", text)
        return sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta())
    except OverflowError as error:
        raise InvalidSchedule(f"{text!r} is longer than a calendar") from error


def _what(rest: dict[str, Any]) -> tuple[str, frozenset[int]]:
    """The cron expression of what is left of an object, and on which weekdays it holds."""
    named = rest.keys() & {"cron", "rule"}
    if not named:
        return _rule(rest)
    if len(rest) > 1:
        raise InvalidSchedule(f"{_words(rest)} can't stand beside one another")
    what = rest[named.pop()]
    return _rule(what) if isinstance(what, dict) else (_cron(what), EVERY_WEEKDAY)


def _cron(text: Any) -> str:
    if not isinstance(text, str):
        raise InvalidSchedule(f"{text!r} is not a cron expression")
    return NICKNAMES.get(text.strip().lower(), text.strip())


def _rule(rule: Mapping[str, Any]) -> tuple[str, frozenset[int]]:
    """A rule as a cron expression.

    What is finer than the finest field that is given has its least value, what is coarser is free.
    """
    if unknown := rule.keys() - FIELDS.keys() - {WEEKDAY}:
        raise InvalidSchedule(f"a rule has no {_words(unknown)}")
    if not rule:
        raise InvalidSchedule("the schedule does not say when")
    weekdays = frozenset(_numbers(WEEKDAY, rule[WEEKDAY], 0, 7)) if WEEKDAY in rule else frozenset()
    names = list(FIELDS)
    finest = min([names.index(name) for name in names if name in rule] or [len(names)])
    if weekdays:
        finest = min(finest, names.index("day"))
    fields = [_field(name, rule, names.index(name) < finest) for name in names]
    return " ".join([*fields, "*"]), frozenset(day % 7 for day in weekdays) or EVERY_WEEKDAY


def _field(name: str, rule: Mapping[str, Any], finer: bool) -> str:
    least, greatest = FIELDS[name]
    if name in rule:
        return ",".join(map(str, _numbers(name, rule[name], least, greatest)))
    return str(least) if finer else "*"


def _numbers(name: str, value: Any, least: int, greatest: int) -> list[int]:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(n) is int and least <= n <= greatest for n in numbers):
        raise InvalidSchedule(
            f"{name} is {value!r}, not a number or numbers from {least} to {greatest}"
        )
    return sorted(set(numbers))


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise InvalidSchedule(f"there is no time zone {name!r}") from error


def _bound(name: str, value: Any, zone: ZoneInfo) -> datetime | None:
    """A bound as an instant; without an offset it is what clocks of the zone show."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidSchedule(
            f"{name} is {value!r}, not a time such as 2026-03-01T08:00"
        ) from error


def _words(names: Any) -> str:
    return " and ".join(repr(name) for name in sorted(names))
