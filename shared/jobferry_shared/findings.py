"""What the doctor found: one sentence each, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level", "error", "ok", "warning"]


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    ``check`` is its name, ``mend`` a command, or a sentence where there is none.
    """

    check: str
    level: Level
    says: str
    mend: str | None = None


def ok(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, says)


def warning(check: str, says: str, mend: str) -> Finding:
    """It works, and may not for long."""
    return Finding(check, Level.WARNING, says, mend)


def error(check: str, says: str, mend: str) -> Finding:
    """It does not work, or loses data."""
    return Finding(check, Level.ERROR, says, mend)
