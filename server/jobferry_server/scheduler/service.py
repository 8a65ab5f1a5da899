"""The scheduler: it looks what is due, makes jobs of the slots, and sleeps until the next.

One runs inside every processor. None of them leads: whoever is first at a slot moves the schedule on,
and the others find it moved.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

from jobferry_server.database import Pool, is_transient
from jobferry_server.errors import InvalidSchedule
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_server.processor.trouble import after_error
from jobferry_server.scheduler.crontab_file import read_crontab
from jobferry_server.scheduler.slots import LATE, Standing, Step, next_step
from jobferry_server.scheduler.timetable import Timetable

__all__ = ["Scheduler"]

#: How often to look without being called, in seconds.
LOOK_SECONDS = 5.0
#: How soon to look again at what is due and could not be moved, in seconds.
RETRY_SECONDS = 0.1

Clock = Callable[[], datetime | None]


class Scheduler:
    """Makes jobs of slots.

    ``clock`` says what time it is (aware); without one it is the database's clock that decides, as it
    should wherever several of them run.
    """

    def __init__(self, pool: Pool, clock: Clock = lambda: None) -> None:
        self._timetable = Timetable(pool)
        self._clock = clock
        self._rung = asyncio.Event()

    async def load(self, crontab: Path) -> None:
        """Make the schedules of this crontab what its file says now."""
        entries = await asyncio.to_thread(read_crontab, crontab)
        for name, change in await self._timetable.load(crontab.name, entries):
            events.CRONTAB_LOADED(schedule=name, change=change)

    def ring(self) -> None:
        """There is, or may be, another schedule."""
        self._rung.set()

    async def run(self) -> None:
        """Look after the schedules for ever."""
        while True:
            self._rung.clear()
            try:
                await self.look()
                seconds = await self._timetable.seconds_until_next(self._clock())
            except Exception as error:
                await after_error("look after the schedules", error)
            else:
                await self._rest(seconds)

    async def look(self) -> list[UUID]:
        """Run all that is due at this moment; the new jobs."""
        jobs: list[UUID] = []
        tried: set[object] = set()
        while standings := await self._due_but(tried):
            for standing in standings:
                jobs += await self._advance(standing) or []
            # One that did not move is in somebody's hands, and left for the next look.
            tried |= {standing.place for standing in standings}
        return jobs

    async def _due_but(self, tried: set[object]) -> list[Standing]:
        standings = await self._timetable.due(self._clock())
        return [standing for standing in standings if standing.place not in tried]

    async def _advance(self, standing: Standing) -> list[UUID] | None:
        """Take the next step with one schedule, whose trouble is no other's."""
        step = _step(standing)
        try:
            jobs = await self._timetable.advance(standing, step)
        except Exception as error:
            if is_transient(error):
                events.SCHEDULE_WAITS(schedule=standing.id, error=error)
                return None
            step = Step(following=step.following, missed=step.missed, problem=str(error))
            jobs = await self._timetable.advance(standing, step)
        if jobs is not None:
            _tell(standing, step)
        return jobs

    async def _rest(self, until_next: float | None) -> None:
        """Wait for the next slot or a ring, but not for ever."""
        seconds = LOOK_SECONDS if until_next is None else min(until_next, LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds > 0 else RETRY_SECONDS):
                await self._rung.wait()


def _step(standing: Standing) -> Step:
    try:
        return next_step(standing)
    except InvalidSchedule as error:
        return Step(problem=str(error))
    except Exception as error:
        events.SCHEDULE_BROKEN(schedule=standing.id, raised=error)
        return Step(problem=repr(error))


def _tell(standing: Standing, step: Step) -> None:
    for slot in step.slots:
        if slot >= standing.looked_at - LATE:
            metrics.SCHEDULE_LAG.observe((standing.looked_at - slot).total_seconds())
    if step.problem is not None:
        events.SCHEDULE_STOPPED(schedule=standing.id, problem=step.problem)
    if step.missed is not None:
        events.SLOTS_MISSED(schedule=standing.id, missed=step.missed)
