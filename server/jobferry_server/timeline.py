"""What happened to a job, and how long it took from one thing to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from jobferry_shared.states import FINISHED

__all__ = ["Spans", "Step", "spans", "timeline"]

Event = Mapping[str, Any]

STARTED = "started"


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the audit log, and the time since the one before it."""

    at: datetime
    event: str
    attempt: int
    actor: str
    detail: Any
    since: timedelta | None


@dataclass(frozen=True, slots=True)
class Spans:
    """How long a job waited for its first attempt, ran in all its attempts, and took in all.

    ``None``: that has not come to its end yet.
    """

    waited: timedelta | None
    ran: timedelta | None
    total: timedelta | None


def timeline(events: Iterable[Event]) -> list[Step]:
    """The events of one job, oldest first, each with the time since the last."""
    steps: list[Step] = []
    for event in events:
        since = event["at"] - steps[-1].at if steps else None
        steps.append(Step(**event, since=since))
    return steps


def spans(steps: Sequence[Step]) -> Spans:
    """What the steps add up to. A job that was revived is still under way, however it ended before."""
    if not steps:
        return Spans(None, None, None)
    started = next((step.at for step in steps if step.event == STARTED), None)
    runs = [later.at - step.at for step, later in pairwise(steps) if step.event == STARTED]
    return Spans(
        waited=started - steps[0].at if started else None,
        ran=sum(runs, timedelta()) if runs else None,
        total=steps[-1].at - steps[0].at if steps[-1].event in FINISHED else None,
    )
