"""The dashboard as an ASGI application, which stands alone or is mounted in another."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from jobferry_server.dashboard import actions, bulk, failures, login
from jobferry_server.dashboard.access import Access, Guard, Identify
from jobferry_server.dashboard.changes import Changes
from jobferry_server.dashboard.gateway import FeedLag
from jobferry_server.dashboard.headers import Headers
from jobferry_server.dashboard.pages import audit, devices, job, jobs, overview, processors, queues
from jobferry_server.dashboard.source import Source
from jobferry_server.dashboard.view import Board

__all__ = ["dashboard"]

STATIC = Path(__file__).parent / "static"


class _Assets(StaticFiles):
    """May be kept, unlike what the pages say; a newer version has the same names, so it is asked for."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = "no-cache"
        return response


PAGES = [
    Route("/", overview.overview, name="overview"),
    Route("/jobs", jobs.jobs, name="jobs"),
    Route("/jobs/all/{verb:str}", bulk.ask, name="ask_all"),
    Route("/jobs/{job:uuid}", job.job, name="job"),
    Route("/jobs/{job:uuid}/{part:str}.json", job.part, name="part"),
    Route("/jobs/{job:uuid}/pictures/{number:int}", job.picture, name="picture"),
    Route("/devices", devices.devices, name="devices"),
    Route("/queues", queues.queues, name="queues"),
    Route("/processors", processors.processors, name="processors"),
    Route("/audit", audit.audit, name="audit"),
    Route("/audit.{form:str}", audit.export, name="export"),
    Route("/changes", overview.changes, name="changes"),
]
ACTIONS = [
    Route("/jobs/{verb:str}", actions.jobs, methods=["POST"], name="change_jobs"),
    Route("/jobs/all/{verb:str}", bulk.change, methods=["POST"], name="change_all"),
    Route("/pauses/{what:str}/{verb:str}", actions.pauses, methods=["POST"], name="pauses"),
    Route("/schedules/{schedule:int}/run", actions.run, methods=["POST"], name="run"),
    Route("/login", login.login, methods=["GET", "POST"], name="login"),
    Route("/logout", login.logout, methods=["POST"], name="logout"),
]


def dashboard(
    dsn: str,
    *,
    manage: bool = False,
    token: str | None = None,
    trusted_header: str | None = None,
    identify: Identify | None = None,
    hosts: Collection[str] | None = None,
    gateway: str | None = None,
    gateway_token: str | None = None,
    pooled: bool = False,
    listen_dsn: str | None = None,
    browsers: int = 64,
    fresh_seconds: float = 1.0,
) -> Starlette:
    """An ASGI application that shows the jobs of one database; ``manage`` lets it change them too.

    Who may look is said by at most one of: ``token``, which is asked for once; ``trusted_header``, in which
    an authenticating proxy says who asks (and which it must strip from what it is sent); ``identify``, a
    function from a connection to a name, or to ``None`` for nobody. With none of them everybody may, by
    the names of this machine alone: ``hosts`` are the names by which it may be asked for.

    The database is connected to when it is first needed. Where it is mounted, have the outer application's
    lifespan enter ``app.router.lifespan_context(app)``, so that its connections end with it.

    ``gateway`` is the URL of a gateway's /metrics, for the lag of its feed; "" takes this process'. At
    most ``browsers`` are told of changes at a time; figures serve all of them for ``fresh_seconds``.
    Raises :class:`ConfigurationError` for a token that is too short, or more than one way of saying who.
    """
    access = Access.of(token, trusted_header, identify, hosts)
    changes = Changes(browsers)
    source = Source(dsn, changes, manage=manage, pooled=pooled, listen_dsn=listen_dsn)
    app = Starlette(
        routes=[*PAGES, *ACTIONS, Mount("/static", _Assets(directory=STATIC), name="static")],
        middleware=[Middleware(Headers), Middleware(Guard, access=access)],
        exception_handlers=failures.HANDLERS,
        lifespan=_lifespan,
    )
    app.state.board = Board(
        app, source, changes, access, FeedLag(gateway, gateway_token), fresh_seconds
    )
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    board: Board = app.state.board
    try:
        yield
    finally:
        board.changes.close()
        await board.source.close()
