"""Who may use the page: this machine's own browser, on the page itself, with requests of sane size.

A page on loopback is reached by every site that the person visits. So the Host must be ours (else a
name that is made to point here would do), and whatever changes something must come from the page
itself, as its Origin says.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobferry_demo.web.files import MOST_OCTETS

__all__ = ["Guard", "policy"]

#: Room for what surrounds a file in a form.
MOST_BODY = MOST_OCTETS + 64 * 1024
SAFE = ("GET", "HEAD")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with it a browser hides where a form without scripts comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}


def policy(framed_by: str, frames: str = "'none'") -> str:
    """The page's own files and nothing else; ``framed_by`` and ``frames`` are lists of sources."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        f" form-action 'self'; base-uri 'none'; frame-src {frames}; frame-ancestors {framed_by}"
    )


class _TooLarge(Exception):
    """More came than was announced."""


class Guard:
    """ASGI middleware around the page at ``port``; ``policy`` is its Content-Security-Policy."""

    def __init__(self, app: ASGIApp, port: int, policy: str) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost")}
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._bounded)(scope, receive, send_guarded)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, _counted(receive), send)
        except _TooLarge:
            await _too_large()(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host not in self._hosts:
            return PlainTextResponse(f"This page is at {min(self._hosts)}.", 421)
        if method not in SAFE and headers.get("origin") != f"http://{host}":
            return PlainTextResponse("Only the page itself may ask for that.", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return _too_large()
        return None

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        headers.update({**HEADERS, "Content-Security-Policy": self._policy})
        headers.setdefault("Cache-Control", "no-store")


def _counted(receive: Receive) -> Receive:
    """Not every request says how long it is."""
    left = MOST_BODY

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return counted


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(
        f"That is too large: a file may have {MOST_OCTETS // 1_000_000} MB.", 413
    )
