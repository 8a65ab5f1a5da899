"""The gateway's plain HTTP pages: is it alive, can it serve, how is it."""

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from jobferry_server.database import Pool
from jobferry_server.doorbell import Bell
from jobferry_server.gateway.answers import plain
from jobferry_server.metrics import REGISTRY, Figures
from jobferry_server.settings import GatewaySettings

__all__ = ["Pages"]

READY_SECONDS = 2.0
#: Whoever comes through a proxy is somebody else than who connects.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


class Pages:
    """What a GET without a websocket is answered with."""

    def __init__(
        self, pool: Pool, bell: Bell, look: Callable[[], None], settings: GatewaySettings
    ) -> None:
        self._pool = pool
        self._bell = bell
        self._look = look
        self._figures = Figures(pool)
        self._token = settings.metrics_token

    async def answer(self, socket: ServerConnection, request: Request) -> Response | None:
        """The page of this path; ``None`` if it is no page's."""
        match request.path:
            case "/healthz":
                return plain(HTTPStatus.OK, "ok\n")
            case "/readyz":
                return await self._readiness()
            case "/metrics":
                return await self._metrics(socket, request)
            case _:
                return None

    async def _readiness(self) -> Response:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._pool.fetchval("select 1")
        except Exception as error:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, f"the database does not answer: {error}\n")
        if not self._bell.listening:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "not listening to the database\n")
        return plain(HTTPStatus.OK, "ready\n")

    async def _metrics(self, socket: ServerConnection, request: Request) -> Response:
        if not self._may_look(socket, request):
            return plain(
                HTTPStatus.FORBIDDEN, "set JOBFERRY_METRICS_TOKEN and send it as a bearer token\n"
            )
        await self._figures.refresh()
        # No await from here on: another gateway in this process has figures of its own.
        self._look()
        return plain(HTTPStatus.OK, generate_latest(REGISTRY).decode(), CONTENT_TYPE_PLAIN_0_0_4)

    def _may_look(self, socket: ServerConnection, request: Request) -> bool:
        """Tasks' names and numbers are not for everybody who can reach this port."""
        if self._token is None:
            return _is_here(socket) and not any(name in request.headers for name in FORWARDED)
        wanted = f"Bearer {self._token.get_secret_value()}".encode()
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted)


def _is_here(socket: ServerConnection) -> bool:
    """Does the caller connect from this machine?"""
    address = socket.remote_address
    return address is None or ip_address(address[0]).is_loopback
