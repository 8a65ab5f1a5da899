"""Values as people read them. Pure."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from jobferry_shared.states import Status
from jobferry_shared.strict_json import lenient

__all__ = [
    "actor",
    "age",
    "count",
    "is_past",
    "moment",
    "numerals",
    "pretty",
    "seconds",
    "short",
    "word",
]

#: What a status is called here; the others are called what they are.
WORDS: dict[str, str] = {Status.COMPLETED: "done", Status.RETRYING: "failed, will retry"}
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
NOTHING = "\N{EN DASH}"
#: Characters of a text within a payload that are shown of it.
LONG = 300
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def word(status: str) -> str:
    """A status in words."""
    return WORDS.get(status, status)


def numerals(value: float) -> str:
    """A number with its thousands parted."""
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:,.1f}"


def count(value: int, most: int) -> str:
    """A number that was counted no further than ``most``."""
    return f"{most:,}+" if value >= most else f"{value:,}"


def seconds(value: float | None) -> str:
    """A length of time given in seconds: ``3 ms``, ``4.2 s``, ``5 min``, ``3 d``."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return next(f"{int(value // size)} {unit}" for unit, size in UNITS if value >= size)


def age(then: datetime | None, now: datetime | None = None) -> str:
    """How long ago, or in how long."""
    if then is None:
        return NOTHING
    passed = (now or datetime.now(UTC)) - then
    if passed < -timedelta(seconds=1):
        return f"in {_whole(-passed)}"
    return f"{_whole(passed)} ago" if passed >= timedelta(seconds=1) else "now"


def is_past(then: datetime) -> bool:
    """Has that time been?"""
    return then < datetime.now(UTC)


def moment(then: datetime | None) -> str:
    """A time to the second, UTC."""
    return "" if then is None else f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def actor(who: str) -> str:
    """Who did something, with the ids of devices as short as everywhere."""
    return UUID.sub(lambda found: short(found[0]), who)


def short(value: object) -> str:
    """The end of an id, which tells ids apart; their beginning is the time."""
    return f"…{str(value)[-8:]}"


def pretty(text: str | None, most: int) -> str:
    """JSON as people read it: of a picture in base64 the beginning, and no more than ``most`` characters."""
    if text is None:
        return ""
    # What Python does not read, because it was cut on the way or is too deep, is shown as it came.
    if (found := lenient(text)) is not text:
        with suppress(RecursionError):
            text = json.dumps(_shortened(found), ensure_ascii=False, indent=2)
    return text if len(text) <= most else text[:most] + "\n… and more"


def _shortened(value: Any) -> Any:
    match value:
        case str() if len(value) > LONG:
            return f"{value[:LONG]}… ({len(value):,} characters)"
        case dict():
            return {name: _shortened(one) for name, one in value.items()}
        case list():
            return [_shortened(one) for one in value]
        case _:
            return value


def _whole(length: timedelta) -> str:
    found = length.total_seconds()
    return seconds(found) if found >= 60 else f"{found:.0f} s"
