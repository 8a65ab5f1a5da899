"""One look at the database: all that is shown, as it stood at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from jobferry_server.database import Pool
from jobferry_server.top.rates import Rates
from jobferry_sql import query

__all__ = ["VIEWS", "Detail", "Look", "Row", "View", "look"]

Row = Mapping[str, Any]
View = Literal["running", "waiting", "failed", "finished"]

VIEWS: tuple[View, ...] = ("running", "waiting", "failed", "finished")
#: What each view of the past shows.
EVENTS: dict[View, list[str]] = {
    "failed": ["failed"],
    "finished": ["completed", "failed", "cancelled"],
}

#: Most rows of a table, and of the queue's groups of all kinds.
ROWS = 500
GROUPS = 1000
#: Most characters of a payload or result.
TEXT = 4000
ANSWER_SECONDS = 10.0
#: Ledger and audit log are read by their keys, a few rows at their ends. A planner who knows nothing of
#: what was written since the last analyze would rather read all of it.
BY_INDEX = "set local enable_seqscan = off; set local enable_bitmapscan = off"

#: What the groups of the queue are by.
ALL, TASK, QUEUE, PROCESSOR = 7, 3, 5, 6


@dataclass(frozen=True, slots=True)
class Detail:
    """A job in full, and what happened to it, oldest first."""

    job: Row
    events: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. ``jobs`` are those of the view asked for, ``detail`` the job asked for, if any."""

    totals: Row
    jobs: Sequence[Row]
    processors: Sequence[Row]
    devices: Sequence[Row]
    queues: Sequence[Row]
    detail: Detail | None


async def look(pool: Pool, view: View, job: UUID | None, rates: Rates) -> Look:
    """Look once, and let ``rates`` know what ended. An error of the database is the caller's."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):

        async def rows(name: str, *values: object) -> list[Row]:
            found = await connection.fetch(query(name), *values, timeout=ANSWER_SECONDS)
            return [dict(row) for row in found]

        totals, *groups = await rows("top_queue", GROUPS)
        processors = await rows("top_processors", ROWS)
        devices = await rows("top_devices", ROWS)
        await connection.execute(BY_INDEX)
        since, until = rates.wanted(totals["now"])
        rates.add(await rows("top_ended", rates.after, since, until), until)
        events = (EVENTS[view],) if view in EVENTS else ()
        hands = {group["name"]: group["running"] for group in groups if group["kind"] == PROCESSOR}
        return Look(
            totals=totals,
            jobs=await rows(f"top_{'finished' if events else view}", ROWS, *events),
            processors=[{**row, "running": hands.get(row["id"], 0)} for row in processors],
            devices=devices,
            queues=[group for group in groups if group["kind"] in (TASK, QUEUE)],
            detail=await _detail(rows, job) if job else None,
        )


async def _detail(rows: Any, job: UUID) -> Detail | None:
    found = await rows("top_job", job, TEXT)
    return Detail(found[0], await rows("job_events", job)) if found else None
