"""The dashboard on a port of its own."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from jobferry_server.dashboard.app import dashboard
from jobferry_server.database import patiently
from jobferry_server.errors import ConfigurationError
from jobferry_server.logs import events
from jobferry_server.settings import DashboardSettings

__all__ = ["serving"]

#: How long answers that are under way may take at the end, in seconds.
END_SECONDS = 3
WAITING_CONNECTIONS = 128


class _Server(uvicorn.Server):
    """The signals are for whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@asynccontextmanager
async def serving(
    dsn: str, settings: DashboardSettings, stop: asyncio.Event, *, gateway: str | None = None
) -> AsyncIterator[str]:
    """Within the block; its URL. ``gateway`` as :func:`dashboard` takes it, if the settings name none.

    Waits for Postgres first. :class:`ConfigurationError` if it would be open to other machines without
    asking who it is, or if the port is taken. Sets ``stop`` if it can't go on.
    """
    _require_door(settings)
    app = _app(dsn, settings, gateway)
    async with app.router.lifespan_context(app):
        # What is wrong with a DSN is said where it was typed, not on a page to somebody else.
        await patiently(app.state.board.source.open, stop)
        async with _listening(app, settings, stop) as url:
            yield url


@asynccontextmanager
async def _listening(
    app: Starlette, settings: DashboardSettings, stop: asyncio.Event
) -> AsyncIterator[str]:
    listener = _bound(settings.dashboard_host, settings.dashboard_port)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=END_SECONDS,
    )
    server = _Server(config)
    work = asyncio.ensure_future(server.serve(sockets=[listener]))
    work.add_done_callback(lambda _: stop.set())
    try:
        url = _url(settings.dashboard_host, listener.getsockname()[1])
        events.DASHBOARD_LISTENING(url=url)
        yield url
    finally:
        app.state.board.changes.close()
        server.should_exit = True
        await work


def _app(dsn: str, settings: DashboardSettings, gateway: str | None) -> Starlette:
    token, metrics_token = settings.dashboard_token, settings.metrics_token
    return dashboard(
        dsn,
        manage=settings.dashboard_manage,
        token=token.get_secret_value() if token else None,
        trusted_header=settings.dashboard_trusted_header,
        hosts=settings.dashboard_hosts,
        gateway=gateway if settings.dashboard_gateway is None else settings.dashboard_gateway,
        gateway_token=metrics_token.get_secret_value() if metrics_token else None,
        pooled=settings.pooled,
        listen_dsn=settings.listen_dsn,
        browsers=settings.dashboard_browsers,
        fresh_seconds=settings.dashboard_fresh_seconds,
    )


def _require_door(settings: DashboardSettings) -> None:
    asks = settings.dashboard_token or settings.dashboard_trusted_header
    if not asks and not _is_loopback(settings.dashboard_host):
        raise ConfigurationError(
            f"the dashboard would be open to whoever reaches {settings.dashboard_host}",
            hint="Give it a --token, or the --trusted-header of an authenticating proxy.",
        )


def _is_loopback(host: str) -> bool:
    """Do all addresses of this name stay on this machine?"""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(f"the dashboard can't listen on {host}: {error}") from error
    return all(ipaddress.ip_address(str(address[0])).is_loopback for *_, address in found)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=WAITING_CONNECTIONS)
    except OSError as error:
        raise ConfigurationError(
            f"the dashboard can't listen on {host}:{port}: {error.strerror}",
            hint="Give it another --port; 0 takes a free one.",
        ) from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
