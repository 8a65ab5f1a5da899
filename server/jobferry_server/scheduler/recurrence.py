"""When something recurs: from an instant, the next one. Pure: no clock, no database.

A cron expression speaks of wall clocks, and wall clocks jump. There are two kinds of schedule:

- one that names hours of the day is about the wall clock. A time that the clock skips stands for
  the next instant there is, a time that it shows twice counts the first time only;
- one that runs in every hour is a beat: it goes on while the clock is put back, and nothing of it
  is made up for when the clock is put forward, since no hour has passed.

So no instant is ever named twice, and the instants only ever grow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from jobferry_server.errors import InvalidSchedule

__all__ = ["EVERY_WEEKDAY", "Recurrence"]

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
EVERY_WEEKDAY = frozenset(range(7))

#: What has not come within so many years does not come.
YEARS = 50


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A cron expression in a time zone, perhaps within bounds.

    ``cron`` has five fields, or six with the seconds first. ``weekdays`` (0 is Sunday) must hold
    beside it. ``start`` and ``end`` are aware and both belong to the time in which it recurs.
    """

    cron: str
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    weekdays: frozenset[int] = EVERY_WEEKDAY
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        try:
            CronSim(self.cron, datetime(2000, 1, 1))
        except CronSimError as error:
            raise InvalidSchedule(f"{self.cron!r} is not a cron expression: {error}") from error

    @property
    def is_beat(self) -> bool:
        """Does it run in every hour of its days?"""
        hours = CronSim(self.cron, datetime(2000, 1, 1)).hours
        return hours == set(range(24))

    def after(self, instant: datetime) -> datetime | None:
        """The first instant later than ``instant`` (aware), in UTC; ``None`` if there is none."""
        since = instant.astimezone(UTC).replace(microsecond=0)
        if self.start is not None and self.start > since:
            since = self.start.astimezone(UTC) - SECOND
        found = self._next_beat(since) if self.is_beat else self._next_time(since)
        return None if found is None or (self.end is not None and found > self.end) else found

    def _next_time(self, since: datetime) -> datetime | None:
        for wall in self._wall_times(_wall(since, self.zone)):
            # While a clock is put back, it shows what has already been.
            if (found := _instant(wall, self.zone)) > since:
                return found
        return None

    def _next_beat(self, since: datetime) -> datetime | None:
        earliest = since + SECOND
        while True:
            shown = _wall(earliest, self.zone)
            wall = next(self._wall_times(shown - SECOND), None)
            found = None if wall is None else earliest + (wall - shown)
            change = _next_change(earliest, found or earliest + DAY, self.zone)
            if change is None:
                return found
            earliest = change

    def _wall_times(self, after: datetime) -> Iterator[datetime]:
        """What clocks show when it recurs, whether or not they do; all naive."""
        last = after.year + YEARS
        times = CronSim(self.cron, after)
        while (found := next(times, None)) is not None and found.year <= last:
            if found.isoweekday() % 7 in self.weekdays:
                yield found
            else:
                times = CronSim(self.cron, found.replace(hour=23, minute=59, second=59))


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What clocks show at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks show this for the first time, or are put beyond it."""
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(found, zone) == wall:
        return found
    # Of a time that is skipped, the one reading lies before the change, the other behind it.
    change = _next_change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found, zone)
    assert change is not None
    return change


def _next_change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant in (after, until] from which on clocks go otherwise than at ``after``."""
    offset = after.astimezone(zone).utcoffset()
    while after < until:
        step = min(after + DAY, until)
        if step.astimezone(zone).utcoffset() != offset:
            return _change_between(after, step, zone)
        after = step
    return None


def _change_between(before: datetime, behind: datetime, zone: ZoneInfo) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while behind - before > SECOND:
        middle = before + timedelta(seconds=(behind - before) // SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            behind = middle
    return behind
