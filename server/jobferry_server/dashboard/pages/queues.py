"""Queues and schedules: what waits for which task, what is limited or paused, what recurs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jobferry_server.dashboard.source import Row
from jobferry_server.dashboard.view import board_of, render

__all__ = ["queues"]

#: Of the jobs in named queues so many are counted.
COUNTED = 20_000


async def queues(request: Request) -> Response:
    """The page."""
    async with board_of(request).source.reading() as reader:
        figures = json.loads(await reader.figures())
        limits = await reader.rows("dashboard_limits")
        named = await reader.rows("dashboard_queues", COUNTED)
        schedules = await reader.rows("schedules")
    return render(
        request,
        "queues.html",
        tasks=_tasks(figures, limits),
        named=named,
        counted=COUNTED,
        schedules=schedules,
    )


def _tasks(figures: Mapping[str, Any], limits: Sequence[Row]) -> list[dict[str, Any]]:
    """Every task that has jobs, a processor or a limit; the fullest first."""
    limited = {row["task"]: row for row in limits}
    jobs: Mapping[str, int] = figures["queue"]
    delegated = {*figures["delegated"]}
    offered = {*figures["offered"]}
    found = [
        {
            "task": task,
            "jobs": jobs.get(task, 0),
            "limit": limited.get(task),
            "delegated": task in delegated,
            "served": task in offered or task in delegated,
        }
        for task in {*jobs, *offered, *delegated, *limited}
    ]
    return sorted(found, key=lambda one: (-one["jobs"], one["task"]))[:500]
