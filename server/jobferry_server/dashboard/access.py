"""Who may look, and from where a change may come.

Three doors: the name of the host (a page elsewhere can make a browser call this machine by another name),
the identity, and for changes the origin (a page elsewhere can make a browser send a form).
"""

import hmac
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from jobferry_server.dashboard import failures
from jobferry_server.dashboard.view import board_of, local_path, path_to
from jobferry_server.errors import ConfigurationError

__all__ = ["LOOPBACK", "READ_ONLY", "Access", "Guard", "Identify", "Token"]

#: From a connection to the name of whoever is behind it; ``None``: nobody who may look.
Identify = Callable[[HTTPConnection], str | None]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
COOKIE = "jobferry_dashboard"
SESSION_SECONDS = 12 * 3600
SHORTEST_TOKEN = 16
READ_ONLY = "This dashboard is read-only. Start it with --manage to change jobs."
#: What needs no identity: the door itself, and what it looks like.
OUTSIDE = ("/login", "/static/")


class Token:
    """A token that is asked for once; after that a cookie proves that it was known."""

    def __init__(self, token: str) -> None:
        if len(token) < SHORTEST_TOKEN:
            raise ConfigurationError(
                f"the dashboard's token has {len(token)} characters, it needs {SHORTEST_TOKEN}",
                hint="openssl rand -hex 16 makes one.",
            )
        self._token = token.encode()
        self._key = sha256(b"jobferry dashboard session " + self._token).digest()

    def known(self, token: str) -> bool:
        """Is it this one?"""
        return hmac.compare_digest(token.encode(), self._token)

    def session(self) -> str:
        """The value of a cookie."""
        end = str(int(time.time()) + SESSION_SECONDS)
        return f"{end}.{self._sign(end)}"

    def identify(self, connection: HTTPConnection) -> str | None:
        """By the cookie, or as a program by ``Authorization: Bearer``."""
        scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and self.known(bearer):
            return "token"
        end, _, signature = connection.cookies.get(COOKIE, "").partition(".")
        fresh = end.isascii() and end.isdigit() and int(end[:12]) > time.time()
        # As octets: a cookie may hold anything, and texts beyond ASCII are not compared.
        signed = hmac.compare_digest(signature.encode(), self._sign(end).encode())
        return "token" if fresh and signed else None

    def _sign(self, end: str) -> str:
        return hmac.new(self._key, end.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Access:
    """The rules. Without ``hosts`` any name of the host will do."""

    identify: Identify
    token: Token | None
    hosts: frozenset[str] | None

    @classmethod
    def of(
        cls,
        token: str | None,
        trusted_header: str | None,
        identify: Identify | None,
        hosts: Collection[str] | None,
    ) -> "Access":
        """From what is said of a dashboard; without any identity it answers to this machine's names."""
        if sum(map(bool, (token, trusted_header, identify))) > 1:
            raise ConfigurationError(
                "say by one way who may look: token, trusted header or identify"
            )
        named = frozenset(host.lower() for host in hosts) if hosts else None
        if token:
            known = Token(token)
            return cls(known.identify, known, named)
        if trusted_header:
            return cls(lambda asked: asked.headers.get(trusted_header) or None, None, named)
        if identify:
            return cls(identify, None, named)
        return cls(lambda _: "", None, named or LOOPBACK)

    def serves(self, host: str) -> bool:
        """May it be asked for by this name?"""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return self.hosts is None or name in self.hosts


class Guard:
    """Lets in who may come in, and tells those behind it who it is."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer why not."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope, receive)
        if (answer := self._refusal(request)) is not None:
            return await answer(scope, receive, send)
        return await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> ASGIApp | None:
        if not self._access.serves(request.headers.get("host", "")):
            return failures.page(request, 421, "This dashboard does not answer to that name.")
        changing = request.method not in ("GET", "HEAD")
        if changing and not _same_origin(request.headers):
            return failures.page(
                request, 403, "A change must come from one of the dashboard's own pages."
            )
        if local_path(request).startswith(OUTSIDE):
            return None
        who = self._access.identify(request)
        if who is None:
            return self._ask_who(request)
        request.scope["jobferry_user"] = who
        if changing and not board_of(request).source.manage and local_path(request) != "/logout":
            return failures.page(request, 403, READ_ONLY)
        return None

    def _ask_who(self, request: Request) -> ASGIApp:
        if self._access.token is None:
            return failures.page(request, 401, "Nobody has said who you are.")
        if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
            return failures.page(request, 401, "This needs the dashboard's token.")
        there = f"{local_path(request)}?{request.url.query}".rstrip("?")
        return RedirectResponse(f"{path_to(request, 'login')}?{urlencode({'next': there})}", 303)


def _same_origin(headers: Headers) -> bool:
    """Browsers say where a request comes from, in the newer header or the older one."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    if (origin := headers.get("origin")) is not None:
        return urlsplit(origin).netloc == headers.get("host")
    # A program that shows the token itself; no browser sends that of its own accord.
    return headers.get("authorization", "").startswith("Bearer ")
