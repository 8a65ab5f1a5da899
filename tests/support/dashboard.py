"""Dashboards beside a test, and what a program or a browser says to them."""

import asyncio
import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from jobferry_server.dashboard.serve import serving
from jobferry_server.settings import DashboardSettings, with_options
from support.services import Services

__all__ = ["Answer", "Form", "ask", "dashboard", "send"]

Form = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back; no redirection is followed."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def text(self) -> str:
        """The page."""
        return self.content.decode()

    @property
    def location(self) -> str:
        """Where it sends one."""
        return self.headers["location"] or ""


@contextmanager
def dashboard(services: Services, **settings: object) -> Iterator[str]:
    """One on the services' database; its URL, without the slash."""
    named = {f"dashboard_{name}": value for name, value in settings.items()}
    chosen = with_options(DashboardSettings(dashboard_port=0, dashboard_fresh_seconds=0), **named)
    stack = AsyncExitStack()
    url = services.run(stack.enter_async_context(serving(services.dsn, chosen, asyncio.Event())))
    try:
        yield url.rstrip("/")
    finally:
        services.run(stack.aclose())


def ask(url: str, path: str = "/", **headers: str) -> Answer:
    """A page, as a program asks for it; ``_`` in a header's name is ``-``."""
    return _exchange(url, "GET", path, None, headers)


def send(url: str, path: str, *form: tuple[str, str], **headers: str) -> Answer:
    """A form, as a page of the dashboard's own sends it unless the headers say otherwise."""
    ours = {"Origin": url, "Content-Type": "application/x-www-form-urlencoded"}
    return _exchange(url, "POST", path, urlencode(form), ours | headers)


def _exchange(
    url: str, method: str, path: str, body: str | None, headers: Mapping[str, str]
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items() if value}
    try:
        connection.request(method, path, body, named)
        found = connection.getresponse()
        return Answer(found.status, found.headers, found.read())
    finally:
        connection.close()
