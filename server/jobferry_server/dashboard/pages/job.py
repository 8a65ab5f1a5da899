"""One job: what it was to do, what came of it, how it went; and its pictures."""

from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jobferry_server.dashboard.attempts import attempts
from jobferry_server.dashboard.outcome import done
from jobferry_server.dashboard.pictures import pictures
from jobferry_server.dashboard.source import Row
from jobferry_server.dashboard.view import board_of, render
from jobferry_shared.strict_json import lenient

__all__ = ["job", "part", "picture"]

#: Characters of a payload or a result that a page shows; a file of it has all.
SHOWN = 20_000
#: A result that is larger is not looked through for pictures.
SEARCHED = 4_000_000
EVENTS = 500
#: A picture stands alone and can do nothing, whatever it turns out to be.
ALONE = {"content-security-policy": "default-src 'none'; sandbox"}


async def job(request: Request) -> Response:
    """The page."""
    wanted: UUID = request.path_params["job"]
    async with board_of(request).source.reading() as reader:
        row = await reader.row("dashboard_job", wanted, SEARCHED + 1)
        history = await reader.rows("dashboard_history", wanted, EVENTS)
    if row is None and not history:
        raise HTTPException(404, f"There is no job {wanted}, and none is remembered.")
    return render(
        request,
        "job.html",
        id=wanted,
        job=row,
        history=history,
        attempts=attempts(history),
        pictures=_pictures(row),
        error=_error(row),
        shown=SHOWN,
        most=EVENTS,
        done=done(request.query_params),
    )


async def part(request: Request) -> Response:
    """The whole payload or result, as a file."""
    name = request.path_params["part"]
    if name not in ("payload", "result"):
        raise HTTPException(404, f"A job has no {name}.")
    row = await _row(request, None)
    if row[name] is None:
        raise HTTPException(404, f"This job has no {name}.")
    file = f'attachment; filename="{row["id"]}-{name}.json"'
    return Response(row[name], media_type="application/json", headers={"content-disposition": file})


async def picture(request: Request) -> Response:
    """One of the pictures in the result."""
    found = _pictures(await _row(request, SEARCHED + 1))
    try:
        wanted = found[request.path_params["number"]]
        return Response(wanted.content, media_type=wanted.media_type, headers=ALONE)
    except (IndexError, ValueError) as error:
        raise HTTPException(404, "The result has no such picture.") from error


async def _row(request: Request, most: int | None) -> Row:
    async with board_of(request).source.reading() as reader:
        row = await reader.row("dashboard_job", request.path_params["job"], most or 2**31 - 1)
    if row is None:
        raise HTTPException(404, f"There is no job {request.path_params['job']}.")
    return row


def _pictures(row: Row | None) -> list[Any]:
    if row is None or row["result"] is None or len(row["result"]) > SEARCHED:
        return []
    return pictures(lenient(row["result"]))


def _error(row: Row | None) -> dict[str, Any]:
    """Whoever wrote it and however."""
    if row is None or row["error"] is None:
        return {}
    found = lenient(row["error"])
    return found if isinstance(found, dict) else {"message": found}
