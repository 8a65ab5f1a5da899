"""What a page says when there is nothing to show: what is wrong, and what to do."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jobferry_server.dashboard.view import render
from jobferry_server.logs import events
from jobferry_shared.errors import JobferryError

__all__ = ["HANDLERS", "page"]

Handler = Callable[[Request, Any], Awaitable[Response]]


def page(request: Request, status: int, message: str, hint: str = "") -> Response:
    """A page that says so."""
    title = HTTPStatus(status).phrase
    return render(request, "failure.html", status=status, title=title, message=message, hint=hint)


async def _http(request: Request, error: HTTPException) -> Response:
    return page(request, error.status_code, error.detail)


async def _too_slow(request: Request, error: Exception) -> Response:
    events.PAGE_TOOK_TOO_LONG(page=request.url.path, error=error)
    hint = "Narrow the filter, by time for example."
    return page(request, 503, "Postgres was not done with this after five seconds.", hint)


async def _unreadable(request: Request, error: asyncpg.DataError) -> Response:
    return page(request, 400, f"The address says something that can't be read: {error}")


async def _ours(request: Request, error: JobferryError) -> Response:
    return page(request, 503, str(error), error.hint or "")


async def _postgres(request: Request, error: asyncpg.PostgresError) -> Response:
    """Our own functions refuse in words of ours; anything else is Postgres' own trouble."""
    told = error.as_dict()
    if str(told.get("sqlstate", "")).startswith(("JF", "23")):
        return page(request, 409, str(error), told.get("hint") or "")
    events.PAGE_FAILED(page=request.url.path, error=error)
    return page(request, 503, "Postgres can not do this now.", str(error)[:300])


async def _away(request: Request, error: Exception) -> Response:
    events.DASHBOARD_ALONE(error=error)
    return page(request, 503, "Postgres does not answer.", f"{type(error).__name__}: {error}"[:300])


async def _unexpected(request: Request, _: Exception) -> Response:
    return page(request, 500, "That is a fault of the dashboard's. Its log has the traceback.")


HANDLERS: Mapping[Any, Handler] = {
    HTTPException: _http,
    asyncpg.QueryCanceledError: _too_slow,
    psycopg.errors.QueryCanceled: _too_slow,
    asyncpg.DataError: _unreadable,
    JobferryError: _ours,
    asyncpg.PostgresError: _postgres,
    psycopg.Error: _away,
    asyncpg.InterfaceError: _away,
    asyncpg.InternalClientError: _away,
    OSError: _away,
    Exception: _unexpected,
}
