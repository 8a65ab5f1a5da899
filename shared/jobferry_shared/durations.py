"""Lengths of time as people write them: ``90d``, ``12h``, ``30m``, ``45s``."""

import re
from datetime import timedelta

__all__ = ["in_words", "parse_duration"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: Units, how many seconds each has, and how many of them the next has.
_PARTS = (("d", 86400, 10**9), ("h", 3600, 24), ("m", 60, 60), ("s", 1, 60))
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


def in_words(seconds: float) -> str:
    """A length of time for people, to two units: ``0.4 s``, ``12 s``, ``3 m 20 s``, ``2 h 5 m``."""
    if abs(seconds) < 10:
        return f"{seconds:.1f} s"
    left = round(abs(seconds))
    units = [(unit, left // size % most) for unit, size, most in _PARTS]
    first = next(place for place, (_, number) in enumerate(units) if number)
    shown = " ".join(f"{number} {unit}" for unit, number in units[first : first + 2] if number)
    return f"-{shown}" if seconds < 0 else shown
