"""What a scheduler says to the database: the few calls, with their arrays laid out."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from jobferry_server.database import Pool
from jobferry_server.scheduler.crontab import Entry
from jobferry_server.scheduler.slots import LATE, Standing, Step

__all__ = ["Timetable", "entries_json"]

DUE = (
    "select id, info, planned_at, next_run_at, last_scheduled, anew, looked_at"
    " from jobferry.due_schedules($1, $2)"
)
ADVANCE = "select jobferry.advance_schedule($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
LOAD = "select name, change from jobferry.load_crontab($1, $2) order by name"

#: So many schedules are looked at in one go.
MOST = 100


class Timetable:
    """The schedules of a database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(self, at: datetime | None) -> list[Standing]:
        """What is to be looked at; ``None``: by the database's clock."""
        return [Standing(**row) for row in await self._pool.fetch(DUE, at, MOST)]

    async def seconds_until_next(self, at: datetime | None) -> float | None:
        """How long until the next slot; ``None`` if there is none."""
        seconds: float | None = await self._pool.fetchval("select jobferry.until_next_slot($1)", at)
        return seconds

    async def advance(self, standing: Standing, step: Step) -> list[UUID] | None:
        """Take the step; the new jobs, or ``None`` if somebody else has taken it."""
        jobs: list[UUID] | None = await self._pool.fetchval(
            ADVANCE,
            standing.id,
            standing.info,
            standing.planned_at,
            standing.next_run_at,
            standing.looked_at,
            list(step.slots),
            [slot < standing.looked_at - LATE for slot in step.slots],
            step.following,
            step.missed,
            step.problem,
        )
        return jobs

    async def load(self, crontab: str, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """Make these the schedules of a crontab; what was done, by name."""
        rows = await self._pool.fetch(LOAD, crontab, entries_json(entries))
        return [(row["name"], row["change"]) for row in rows]


def entries_json(entries: Sequence[Entry]) -> str:
    """The entries as ``load_crontab`` takes them."""
    return json.dumps([{**asdict(entry), "task_identifier": entry.task} for entry in entries])
