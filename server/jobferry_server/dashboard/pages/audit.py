"""Audit: the log by any filter of ``jobferry audit``, in pages by number, and as a file."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jobferry_server.audit import Filter, csv_lines, events, json_lines
from jobferry_server.dashboard.filters import STATUSES, event_filter, number_in, query_of
from jobferry_server.dashboard.source import Reader, Row
from jobferry_server.dashboard.view import board_of, render
from jobferry_shared.states import TRANSITIONS

__all__ = ["audit", "export"]

LIMIT = 50
REACHES = (500, 10_000)
#: Events in a file, at most: the newest are in none that is longer. ``jobferry audit`` has no such limit.
EXPORTED = 100_000
EXPORT_SECONDS = 30
FORMS = {"csv": ("text/csv", csv_lines), "jsonl": ("application/jsonl", json_lines)}
#: Transitions, and what else is written there.
EVENTS = sorted(
    {
        *TRANSITIONS.values(),
        *("replaced", "removed", "handed_over", "left_behind", "taken_back"),
        *("paused", "resumed", "pruned", "erased", "deleted"),
    }
)


async def audit(request: Request) -> Response:
    """The page."""
    query = request.query_params
    wanted = event_filter(query)
    async with board_of(request).source.reading() as reader:
        rows, before, looked = await _find(reader, wanted, number_in(query, "before"))
    return render(
        request,
        "audit.html",
        rows=rows,
        before=before,
        looked=looked,
        wanted=wanted,
        said=query_of(wanted),
        statuses=STATUSES,
        events=EVENTS,
        exported=EXPORTED,
    )


async def export(request: Request) -> Response:
    """The same as a file, oldest first."""
    form = request.path_params["form"]
    if form not in FORMS:
        raise HTTPException(404, "The audit log comes as csv or jsonl.")
    media_type, lines = FORMS[form]
    wanted = replace(event_filter(request.query_params), limit=EXPORTED)
    name = f'attachment; filename="audit.{form}"'
    found = events(board_of(request).source.dsn, wanted, seconds=EXPORT_SECONDS)
    # Before the answer has begun: what is wrong can still be said.
    first = await asyncio.to_thread(list, islice(found, 1))
    return StreamingResponse(
        lines(chain(first, found)), media_type=media_type, headers={"content-disposition": name}
    )


async def _find(
    reader: Reader, wanted: Filter, before: int | None
) -> tuple[Sequence[Row], int | None, int]:
    """The rows, before which event there may be more, and how many were looked at."""
    for reach in REACHES:
        found = await reader.rows(
            "dashboard_events",
            *(before, reach, wanted.owner, wanted.device, wanted.task, wanted.status),
            *(wanted.event, wanted.job, wanted.since, wanted.until, LIMIT + 1),
        )
        rows = [row for row in found if row["id"] is not None]
        looked = found[0]["looked"]
        if len(rows) > LIMIT:
            return rows[:LIMIT], rows[LIMIT - 1]["id"], looked
        if looked < reach:
            return rows, None, looked
    return rows, found[0]["last_id"], looked
