"""Devices: who they are, when they were last heard of, and what they had not sent."""

from starlette.requests import Request
from starlette.responses import Response

from jobferry_server.dashboard.filters import uuid_in, word_in
from jobferry_server.dashboard.view import board_of, render

__all__ = ["devices"]

LIMIT = 50


async def devices(request: Request) -> Response:
    """The page."""
    query = request.query_params
    owner, unsent = word_in(query, "owner"), query.get("unsent") == "1"
    async with board_of(request).source.reading() as reader:
        rows = await reader.rows(
            "dashboard_devices",
            *(owner, unsent, uuid_in(query, "device"), query.get("of"), LIMIT + 1),
        )
    return render(
        request,
        "devices.html",
        rows=rows[:LIMIT],
        more=len(rows) > LIMIT,
        owner=owner,
        unsent=unsent,
    )
