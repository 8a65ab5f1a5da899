"""Running the page: its web server, and the device's client beside it, in one process."""

import asyncio
import logging
import socket
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from jobferry_client import AsyncJobClient
from jobferry_demo.web.app import Page
from jobferry_server.beside import beside

__all__ = ["HOST", "Device", "serve"]

log = logging.getLogger("jobferry.demo")

HOST = "127.0.0.1"
#: How long an upload that is under way may take when the page ends.
GOODBYE_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device and its page: the file, the gateway's address, the owner's token, and the looks.

    ``beside`` are the origins of other devices' pages, such as ``http://127.0.0.1:8081``.
    """

    path: Path
    url: str | None
    token: str | None
    name: str
    looks: str
    beside: tuple[str, ...] = ()


class _Server(uvicorn.Server):
    """A web server that leaves signals to whoever runs it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # a generator there
        """Nothing."""
        return nullcontext()


async def serve(device: Device, port: int, stop: asyncio.Event) -> None:
    """Serve the device's page on loopback until ``stop`` is set; port 0 takes a free one.

    ``OSError`` if the port is taken. Sets ``stop`` if it can't go on.
    """
    listener = socket.create_server((HOST, port))
    port = listener.getsockname()[1]
    async with AsyncJobClient(device.path, device.url, device.token) as client:
        page = Page(client, device.name, port, device.looks, device.beside)
        server = _Server(_config(page))
        async with beside(stop, page.live.follow_jobs(), page.live.follow_connection()):
            serving = asyncio.ensure_future(server.serve(sockets=[listener]))
            serving.add_done_callback(lambda _: stop.set())
            log.info("%s is at http://%s:%d", device.name, HOST, port)
            await stop.wait()
            page.live.end()
            server.should_exit = True
            await serving


def _config(page: Page) -> uvicorn.Config:
    return uvicorn.Config(
        page.app,
        lifespan="off",
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
