"""A job's attempts, as its events tell them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from jobferry_shared.strict_json import lenient

__all__ = ["Attempt", "attempts"]

#: Events that end an attempt.
ENDS = {"completed", "failed", "cancelled", "retrying", "released", "snoozed"}


class Event(Protocol):
    """A row of the audit log, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(slots=True)
class Attempt:
    """One run of a job: by whom, from when to when, and what came of it."""

    number: int
    by: str
    began: datetime
    ended: datetime | None = None
    outcome: str = "running"
    code: str = ""
    message: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended is None else (self.ended - self.began).total_seconds()


def attempts(events: Iterable[Event]) -> list[Attempt]:
    """From the events, oldest first."""
    found: list[Attempt] = []
    for event in events:
        if event["event"] == "started":
            found.append(Attempt(event["attempt"], event["actor"], event["at"]))
        elif event["event"] in ENDS and found and found[-1].ended is None:
            _end(found[-1], event)
    return found


def _end(attempt: Attempt, event: Event) -> None:
    attempt.ended, attempt.outcome = event["at"], event["event"]
    detail = lenient(event["detail"]) if event["detail"] else None
    if isinstance(detail, dict):
        attempt.code, attempt.message = (str(detail.get(name, "")) for name in ("code", "message"))
