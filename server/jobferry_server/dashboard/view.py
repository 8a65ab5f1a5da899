"""What the pages are made with: the board behind them, the paths between them, the templates."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from jobferry_server.dashboard import wording
from jobferry_server.dashboard.changes import Changes
from jobferry_server.dashboard.fresh import Fresh
from jobferry_server.dashboard.gateway import FeedLag
from jobferry_server.dashboard.past import Past
from jobferry_server.dashboard.source import Source
from jobferry_shared import __version__

if TYPE_CHECKING:
    from jobferry_server.dashboard.access import Access

__all__ = ["Board", "address", "board_of", "local_path", "path_to", "render"]

#: The pages, as the navigation shows them.
NAVIGATION = {
    "overview": "Overview",
    "jobs": "Jobs",
    "devices": "Devices",
    "queues": "Queues & schedules",
    "processors": "Processors",
    "audit": "Audit",
}

#: What a page may take to come, in milliseconds; more than any question to the database may.
PATIENCE_MS = 20_000
#: For htmx: no style of its own, nothing evaluated, no page kept in the browser, nothing waited for in vain.
HTMX = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "historyCacheSize": 0,
        "timeout": PATIENCE_MS,
    }
)

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update({name: getattr(wording, name) for name in wording.__all__})
TEMPLATES.globals.update(navigation=NAVIGATION, htmx=HTMX, version=__version__)


@dataclass(slots=True)
class Board:
    """All that one dashboard has."""

    app: Starlette
    source: Source
    changes: Changes
    access: "Access"
    feed_lag: FeedLag
    fresh_seconds: float
    fresh: Fresh = field(init=False)
    past: Past = field(init=False, default_factory=Past)

    def __post_init__(self) -> None:
        self.fresh = Fresh(self.fresh_seconds)


def board_of(request: Request) -> Board:
    """The dashboard that is asked."""
    board: Board = request.scope["app"].state.board
    return board


def path_to(request: Request, name: str, **parts: Any) -> str:
    """The path of one of our pages, wherever we are mounted. (A URL of the outer application's making
    would not know our names.)"""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/") + str(board_of(request).app.url_path_for(name, **parts))


def local_path(request: Request) -> str:
    """The path that was asked for, without what we are mounted under."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", "").rstrip("/")) or "/"


def address(path: str, **query: Any) -> str:
    """A path with what of the query says something."""
    said = urlencode({name: value for name, value in query.items() if value}, doseq=True)
    return f"{path}?{said}" if said else path


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page; what refreshes itself gets its live part alone."""
    board = board_of(request)
    shown = TEMPLATES.get_template(template).render(
        path=lambda name, **parts: path_to(request, name, **parts),
        here=local_path(request),
        there=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        alone=request.headers.get("hx-target") == "live",
        user=request.scope.get("jobferry_user"),
        manage=board.source.manage,
        can_leave=board.access.token is not None,
        address=address,
        **context,
    )
    return HTMLResponse(shown, status)
