"""Values as people read them. Pure."""

import json
from datetime import UTC, datetime, timedelta

from jobferry_shared.states import Status
from jobferry_shared.strict_json import lenient

__all__ = ["age", "count", "moment", "numerals", "pretty", "seconds", "short", "word"]

#: What a status is called here; the others are called what they are.
WORDS: dict[str, str] = {Status.COMPLETED: "done", Status.RETRYING: "failed, will retry"}
NOTHING = "\N{EN DASH}"
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


def moment(then: datetime | None) -> str:
    """A time to the second, UTC."""
    return "" if then is None else f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def short(value: object) -> str:
    """The end of an id, which tells ids apart; their beginning is the time."""
    return f"…{str(value)[-8:]}"


def pretty(text: str | None, most: int) -> str:
    """JSON as people read it; a text that was cut as it is, and where it ends."""
    if text is None:
        return ""
    if len(text) > most:
        return text[:most] + "\n… and more"
    try:
        return json.dumps(lenient(text), ensure_ascii=False, indent=2)
    except RecursionError:
        return text


def _whole(length: timedelta) -> str:
    found = length.total_seconds()
    return seconds(found) if found >= 60 else f"{found:.0f} s"
