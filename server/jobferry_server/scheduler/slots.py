"""Which slots are run and what follows them, from what a schedule says and where it stands. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from jobferry_server.scheduler.schedule_info import Schedule, parse_text

__all__ = ["LATE", "MOST", "Standing", "Step", "next_step"]

#: A slot that is later than this was missed: it is made up for only within the schedule's ``fill``.
LATE = timedelta(minutes=1)

#: So many slots are run at once; the rest with the next step.
MOST = 100

#: A clock that is put back by less is waited for; nothing is run a second time.
PATIENCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a schedule stands when a scheduler looks at it, at ``looked_at``.

    ``anew``: there is no plan, or none that holds. Otherwise ``next_run_at`` is due.
    """

    id: int
    info: str
    planned_at: datetime | None
    next_run_at: datetime | None
    last_scheduled: datetime | None
    anew: bool
    looked_at: datetime

    @property
    def place(self) -> tuple[int, datetime | None, datetime | None]:
        """What is another after each step."""
        return self.id, self.planned_at, self.next_run_at


@dataclass(frozen=True, slots=True)
class Step:
    """How it moves on: the slots to run, what follows, and what was missed for good."""

    slots: tuple[datetime, ...] = ()
    following: datetime | None = None
    missed: datetime | None = None
    problem: str | None = None


def next_step(standing: Standing) -> Step:
    """The step to take; :class:`InvalidSchedule` if nobody understands the schedule."""
    schedule = _parsed(standing.info)
    if standing.anew or standing.next_run_at is None:
        return Step(following=schedule.recurrence.after(_beginning(standing)))
    return _due(schedule, standing.next_run_at, standing.looked_at)


@lru_cache(maxsize=1024)
def _parsed(info: str) -> Schedule:
    return parse_text(info)


def _beginning(standing: Standing) -> datetime:
    """From when on a new plan counts: from now, but never over slots that were run."""
    now, last = standing.looked_at, standing.last_scheduled
    return last if last is not None and now < last <= now + PATIENCE else now


def _due(schedule: Schedule, due: datetime, now: datetime) -> Step:
    following: datetime | None = due
    missed = None
    earliest = now - max(schedule.fill, LATE)
    if due < earliest:
        following, missed = schedule.recurrence.after(earliest - timedelta.resolution), due
    slots: list[datetime] = []
    while following is not None and following <= now and len(slots) < MOST:
        slots.append(following)
        following = schedule.recurrence.after(following)
    return Step(tuple(slots), following, missed)
