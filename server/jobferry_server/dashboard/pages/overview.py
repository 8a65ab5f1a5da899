"""Overview: how it is, how it was in the last hour or day; and the stream that says when to look again."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from jobferry_server.dashboard.plots import Stretch, bars, ceiling, curve
from jobferry_server.dashboard.view import Board, board_of, render

__all__ = ["changes", "overview"]

#: Spans by name: how long each stretch is, and how many there are.
SPANS = {"hour": (timedelta(minutes=2), 30), "day": (timedelta(hours=1), 24)}
#: So many rows are counted one by one; of more, an estimate.
SAMPLE = 20_000
MOST = 10_000
COME_AGAIN_SECONDS = 30


async def overview(request: Request) -> Response:
    """The page."""
    span = request.query_params.get("span", "hour")
    span = span if span in SPANS else "hour"
    board = board_of(request)
    context = await board.fresh.get(span, lambda: _found(board, span))
    return render(request, "overview.html", span=span, spans=SPANS, most=MOST, **context)


async def changes(request: Request) -> Response:
    """Server-sent events: the word that something changed, without what."""
    board = board_of(request)
    if board.changes.full:
        later = {"retry-after": str(COME_AGAIN_SECONDS)}
        return PlainTextResponse("too many browsers are told of changes already", 503, later)
    await board.source.listen()
    at_once = {"x-accel-buffering": "no"}  # to nginx, which would keep it until there is more
    return StreamingResponse(board.changes.stream(), 200, at_once, "text/event-stream")


async def _found(board: Board, span: str) -> dict[str, Any]:
    length, number = SPANS[span]
    now = datetime.now(UTC)
    starts = [_beginning(now, length) - back * length for back in reversed(range(number))]
    async with board.source.reading() as reader:
        counts = await reader.row("dashboard_counts", SAMPLE, MOST)
        stretches = await board.past.stretches(reader, starts, length, now)
        figures = json.loads(await reader.figures())
    assert counts is not None
    return {
        "counts": counts,
        "figures": figures,
        "unserved": _unserved(figures),
        "stretches": stretches,
        "lag": await _lag(board),
    } | _plots(stretches, length)


def _beginning(now: datetime, length: timedelta) -> datetime:
    """Of the stretch that is now: stretches begin where clocks would have them begin."""
    return now - (now - datetime(2000, 1, 1, tzinfo=UTC)) % length


def _plots(stretches: Sequence[Stretch], length: timedelta) -> dict[str, Any]:
    jobs = ceiling(max((one.completed + one.failed for one in stretches), default=0))
    known = [one.slow for one in stretches if one.slow is not None]
    slow = ceiling(max(known, default=0))
    return {
        "minutes": length.total_seconds() / 60,
        "bars": bars(stretches, jobs),
        "most_jobs": max(jobs, 1),
        "median": curve([one.median for one in stretches], slow),
        "slow": curve([one.slow for one in stretches], slow),
        "slowest": slow,
        "exact": all(one.exact for one in stretches),
        "totals": {
            name: sum(getattr(one, name) for one in stretches)
            for name in ("submitted", "completed", "failed")
        },
    }


def _unserved(figures: Mapping[str, Any]) -> list[str]:
    """Tasks whose jobs wait and that nobody offers to run."""
    return sorted({*figures["queue"]} - {*figures["offered"], *figures["delegated"]})


async def _lag(board: Board) -> dict[str, Any]:
    """What the gateway says; that it does not answer is worth knowing too."""
    if not board.feed_lag.known:
        return {"known": False, "seconds": None, "error": ""}
    try:
        return {"known": True, "seconds": await board.feed_lag.mean(), "error": ""}
    except (OSError, ValueError) as error:
        return {"known": True, "seconds": None, "error": str(error)}
