"""The gateway: a websocket for every device, a few plain pages, and a clean end."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from jobferry_server.beside import beside
from jobferry_server.database import DATABASE_ERRORS, open_pool, patiently
from jobferry_server.doorbell import Doorbell
from jobferry_server.errors import TokenRefused
from jobferry_server.gateway.device import Device, Line
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.history import History
from jobferry_server.gateway.ingest import GroupCommit
from jobferry_server.gateway.notes import Notes
from jobferry_server.gateway.pages import Pages, plain
from jobferry_server.metrics import watch_loop
from jobferry_server.settings import GatewaySettings
from jobferry_server.tokens import Identity, Verifier
from jobferry_shared.errors import ProtocolError
from jobferry_shared.messages import Applied, Heartbeat, Hello, Push, Renew, UpMessage

__all__ = ["Gateway"]

log = logging.getLogger("jobferry.gateway")

ROLE = "jobferry_gateway"
#: Group commit, feed, postponed cancels and health pages.
CONNECTIONS = 4
#: How often one looks within the silence that a device is allowed.
SWEEPS_PER_SILENCE = 9
#: How long a device may take to say goodbye.
CLOSE_SECONDS = 2.0
#: In how many steps the devices are sent away when the gateway ends.
DRAIN_STEPS = 20


class Gateway:
    """One gateway process. Stateless: run as many as you like against one Postgres."""

    def __init__(
        self, dsn: str, verifier: Verifier, settings: GatewaySettings | None = None
    ) -> None:
        self.settings = settings or GatewaySettings()
        self._dsn = dsn
        self._verifier = verifier

    @property
    def url(self) -> str:
        """Where devices connect."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator["Gateway"]:
        """Serve within the block; at its end finish what is in flight and send everybody away.

        Waits for Postgres first. Sets ``stop`` if it can't go on.
        """
        self._pool = await patiently(lambda: open_pool(self._dsn, ROLE, size=CONNECTIONS), stop)
        try:
            self._history = History(self._pool)
            self._epoch = await patiently(self._history.epoch, stop)
            async with self._serving(stop) as self._server:
                log.info("listening on %s", self.url)
                yield self
        finally:
            self._pool.terminate()

    @asynccontextmanager
    async def _serving(self, stop: asyncio.Event) -> AsyncIterator[Server]:
        limits = self.settings.limits
        self._ingest = GroupCommit(self._pool, limits, self.settings.group)
        self._feed = Feed(self._pool, limits)
        self._notes = Notes(self._pool)
        self._bell = Doorbell(
            self._dsn,
            ROLE,
            ["jobferry_changes"],
            self._feed.owner_changed,
            self._feed.everything_changed,
        )
        self._pages = Pages(self._pool, self._bell, self._feed, self.settings)
        server = await serve(
            self._handle,
            self.settings.host,
            self.settings.port,
            process_request=self._process_request,
            create_connection=Line,
            compression=None,
            close_timeout=CLOSE_SECONDS,
            max_size=self.settings.message_bytes,
            # One heartbeat of the protocol's own serves browsers too and needs no task per device.
            ping_interval=None,
            server_header=None,
        )
        async with beside(
            stop,
            self._ingest.run(),
            self._ingest.run_postponed(),
            self._feed.run(),
            self._notes.run(),
            self._bell.run(),
            self._sweep(),
            watch_loop(),
        ):
            try:
                yield server
            finally:
                await self._drain(server)

    async def _drain(self, server: Server) -> None:
        """Let nobody new in, answer what was sent, then send the devices away a few at a time."""
        server.close(close_connections=False)
        try:
            async with asyncio.timeout(self.settings.drain_seconds):
                await self._ingest.drained()
        except TimeoutError:
            log.warning("not all devices were answered in time; they will send again")
        await self._send_away(list(server.connections))
        await server.wait_closed()

    async def _send_away(self, sockets: list[ServerConnection]) -> None:
        """In steps, so that they do not all come back in the same moment."""
        step = max(1, len(sockets) // DRAIN_STEPS)
        pause = self.settings.drain_seconds / DRAIN_STEPS
        closing = []
        for number, socket in enumerate(sockets, 1):
            closing.append(asyncio.ensure_future(socket.close(1012, "the gateway stops")))
            if number % step == 0 and number < len(sockets):
                await asyncio.sleep(pause)
        await asyncio.gather(*closing)

    async def _check_epoch(self) -> None:
        """Perhaps Postgres came back as another database: then all devices must say hello again."""
        epoch = await self._history.epoch()
        if epoch != self._epoch:
            log.warning("this is another database: all devices read anew")
            self._epoch = epoch
            for device in list(self._feed.devices):
                device.dismiss("unavailable", "the database was replaced", retry_after=0)

    async def _process_request(self, socket: ServerConnection, request: Request) -> Response | None:
        if (page := await self._pages.answer(socket, request)) is not None:
            return page
        header = request.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            try:
                self._verifier.verify(header.removeprefix("Bearer "))
            except TokenRefused as error:
                return plain(HTTPStatus.UNAUTHORIZED, f"{error}\n")
        return None

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Line)
        device = Device(socket, self.settings.limits)
        try:
            async with asyncio.timeout(self.settings.hello_seconds):
                first = await socket.recv()
            socket.understood = time.monotonic()
            self._greet(device, first)
            async for text in socket:
                socket.understood = time.monotonic()
                self._obey(device, device.session.receive(text))
        except ProtocolError as error:
            device.dismiss(error.code, str(error))
            await socket.wait_closed()
        except TokenRefused as error:
            device.dismiss("unauthenticated", str(error))
            await socket.wait_closed()
        except TimeoutError:
            await socket.close(1008, "no hello")
        except ConnectionClosed:
            pass
        finally:
            if device.identity:
                self._feed.leave(device)

    def _greet(self, device: Device, text: str | bytes) -> None:
        hello = device.session.receive(text)
        assert isinstance(hello, Hello)
        identity = self._identify(device.socket, hello)
        device.let_in(hello, identity, self._epoch)
        self._notes.note(device, hello)
        self._feed.join(device)

    def _identify(self, socket: ServerConnection, hello: Hello) -> Identity:
        header = socket.request.headers.get("Authorization", "") if socket.request else ""
        token = header.removeprefix("Bearer ") or hello.token
        if not token:
            raise TokenRefused("a token is wanted, in the Authorization header or in hello")
        return self._verifier.verify(token)

    def _obey(self, device: Device, message: UpMessage) -> None:
        match message:
            case Push(seq=seq, ops=ops):
                self._ingest.add(device.take(seq, ops))
            case Applied():
                self._feed.applied(device)
            case Heartbeat():
                self._notes.note(device, message)
                device.post(device.session.heartbeat())
            case Renew(token=token):
                device.renew(self._verifier.verify(token))
            case _:
                pass

    async def _sweep(self) -> None:
        """Find the dead, the expired, and what a lost ring did not tell."""
        while True:
            await asyncio.sleep(self.settings.silence_seconds / SWEEPS_PER_SILENCE)
            for device in list(self._feed.devices):
                self._look_after(device)
            # Perhaps those of a gateway that is gone.
            self._ingest.look_for_postponed()
            if not self._bell.listening:
                self._feed.everything_changed()
            with suppress(*DATABASE_ERRORS):
                await self._check_epoch()

    def _look_after(self, device: Device) -> None:
        assert device.identity is not None
        line = device.socket
        if time.monotonic() - line.heard > self.settings.silence_seconds:
            device.hang_up()
        elif device.identity.expires_at < time.time():
            device.dismiss("unauthenticated", "the token has expired")
        elif line.heard > line.understood:
            # A message takes its time to come, and a heartbeat behind it waits: we live, too.
            device.post(device.session.heartbeat())
