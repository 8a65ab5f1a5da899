"""Processors: who is there, when each was last seen, what it runs and how fast."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from jobferry_server.dashboard.view import board_of, render

__all__ = ["processors"]

#: So much of the queue is looked through for jobs that run.
SEARCHED = 20_000
PROBES = 1000
RUNNING = 50
#: A processor says every few seconds that it lives.
SILENCE = timedelta(seconds=30)


async def processors(request: Request) -> Response:
    """The page."""
    async with board_of(request).source.reading() as reader:
        found = await reader.rows("dashboard_processors", SEARCHED, PROBES)
        running = await reader.rows("dashboard_running", SEARCHED, RUNNING)
    return render(
        request,
        "processors.html",
        rows=found,
        running=running,
        most=RUNNING,
        searched=SEARCHED,
        silent_since=datetime.now(UTC) - SILENCE,
    )
