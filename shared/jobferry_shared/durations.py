"""Lengths of time as people write them: ``90d``, ``12h``, ``30m``, ``45s``."""

import re
from datetime import timedelta

__all__ = ["parse_duration"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORM = re.compile(r"([0-9]{1,9})([smhdw])")


def parse_duration(text: str) -> timedelta:
    """The length of time in a text; ``ValueError`` if it is none, or longer than the calendar."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a number and one of s, m, h, d, w, such as 90d")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than the calendar") from error
