"""The gateway: a websocket for every device, a few plain pages, and a clean end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Origin

from jobferry_server.beside import beside
from jobferry_server.database import DATABASE_ERRORS, free_connections, open_pool, patiently
from jobferry_server.doorbell import Bell, Doorbell, Rounds
from jobferry_server.errors import RateLimited, TokenRefused, TryLater
from jobferry_server.gateway import revocations
from jobferry_server.gateway.answers import plain
from jobferry_server.gateway.cancels import Cancels
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.doorkeeper import Doorkeeper
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.history import History
from jobferry_server.gateway.ingest import GroupCommit
from jobferry_server.gateway.line import STRANGER_BYTES, Line, Strangers
from jobferry_server.gateway.notes import Notes
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.pages import Pages
from jobferry_server.gateway.places import RETRY_SECONDS, Places
from jobferry_server.gateway.pushes import IN_FLIGHT, Lane, Pushes
from jobferry_server.gateway.quota import Quota
from jobferry_server.gateway.revocations import Revocations
from jobferry_server.gateway.room import Room
from jobferry_server.gateway.submits import Submits
from jobferry_server.gateway.tls import Certificate
from jobferry_server.gateway.way import Way
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_server.metrics import watch_loop
from jobferry_server.settings import GatewaySettings
from jobferry_server.tokens import Verifier
from jobferry_shared.discretion import discreet
from jobferry_shared.errors import ProtocolError
from jobferry_shared.messages import Applied, Heartbeat, Hello, Push, Renew, UpMessage

__all__ = ["Gateway"]

ROLE = "jobferry_gateway"
#: Commits, two streams of the feed, postponed cancels, and notes, counts, health pages.
CONNECTIONS = 5 + IN_FLIGHT
#: Connections that the kernel keeps until they are accepted: all come back at once.
BACKLOG = 4096
#: A message of so many octets takes a millisecond to read: one at a time.
LARGE = 64 * 1024
#: Messages of a device that are kept before it is read no further.
MOST_UNREAD = 1
#: Heartbeats and renewals that a device may send at once, in seconds of their rate.
CHATTER_SECONDS = 10.0
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
        self._certificate = Certificate.of(self.settings)

    @property
    def url(self) -> str:
        """Where devices connect."""
        scheme = "wss" if self._certificate else "ws"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator["Gateway"]:
        """Serve within the block; at its end finish what is in flight and send everybody away.

        Waits for Postgres first. Sets ``stop`` if it can't go on.
        """
        pooled = self.settings.pooled
        self._pool = await patiently(
            lambda: open_pool(self._dsn, ROLE, size=CONNECTIONS, pooled=pooled), stop
        )
        try:
            self._history = History(self._pool)
            self._epoch = await patiently(self._history.epoch, stop)
            self._revocations = Revocations(self._pool, self._dismiss_revoked)
            # Before anybody comes, not beside it: nobody gets in by being early.
            await patiently(self._revocations.read, stop)
            async with self._serving(stop) as self._server:
                events.LISTENING(url=self.url)
                yield self
        finally:
            self._pool.terminate()

    @asynccontextmanager
    async def _serving(self, stop: asyncio.Event) -> AsyncIterator[Server]:
        settings, limits, way = self.settings, self.settings.limits, Way()
        self._places = Places(settings.connections, settings.owner_connections)
        self._chatter = Pace(settings.chatter, CHATTER_SECONDS * settings.chatter)
        self._room = Room(settings.waiting_bytes)
        self._notes = Notes(self._pool, settings.silence_seconds)
        self._quota = Quota(self._pool, settings.owner_jobs)
        self._cancels = Cancels(self._pool)
        self._ingest = GroupCommit(
            Submits(self._pool, limits, self._quota),
            self._cancels,
            Pushes(settings.group, Pace(settings.owner_rate, settings.owner_burst), way),
            self._room,
            self._quota,
            self._notes.rejected,
        )
        self._feed = Feed(self._pool, limits, way)
        self._bell = self._doorbell(self._feed)
        self._pages = Pages(self._pool, self._bell, self._look, self.settings)
        self._door = Doorkeeper(
            self._verifier, self._revocations, self.settings.limits.message_bytes
        )
        server = await self._listen()
        async with beside(
            stop,
            self._verifier.keys.run(),
            self._revocations.run(),
            self._ingest.run(Lane.LITTLE),
            *(self._ingest.run(Lane.MUCH) for _ in range(IN_FLIGHT)),
            self._cancels.run(),
            self._quota.run(),
            self._feed.run_news(),
            self._feed.run_walks(),
            self._notes.run(),
            self._bell.run(),
            self._sweep(),
            watch_loop(),
        ):
            try:
                yield server
            finally:
                await self._drain(server)

    def _doorbell(self, feed: Feed) -> Bell:
        if not self.settings.listens:
            return Rounds(self.settings.poll_seconds, self._look_at_everything)
        channels: dict[str, Callable[[str], None]] = {
            "jobferry_changes": feed.owner_changed,
            revocations.CHANNEL: self._revocations.ring,
        }
        dsn = self.settings.listen_dsn or self._dsn
        return Doorbell(dsn, ROLE, self._pool, channels, self._look_at_everything)

    async def _listen(self) -> Server:
        self._strangers = Strangers(self.settings.strangers)
        return await serve(
            self._handle,
            self.settings.host,
            self.settings.port,
            process_request=self._process_request,
            create_connection=Line.among(self._strangers),
            # Who is no browser names no origin.
            origins=[None, *map(Origin, self.settings.origins)],
            compression=None,
            open_timeout=self.settings.hello_seconds,
            close_timeout=CLOSE_SECONDS,
            max_size=min(STRANGER_BYTES, self.settings.message_bytes),
            max_queue=MOST_UNREAD,
            backlog=BACKLOG,
            # One heartbeat of the protocol's own serves browsers too and needs no task per device.
            ping_interval=None,
            server_header=None,
            logger=discreet("jobferry.gateway.websocket"),
            **self._tls(),
        )

    def _tls(self) -> dict[str, Any]:
        if self._certificate is None:
            return {}
        return {
            "ssl": self._certificate.context,
            "ssl_handshake_timeout": self.settings.hello_seconds,
        }

    def _look(self) -> None:
        """What changes by itself, looked at when somebody asks."""
        metrics.LISTENING.labels("gateway").set(self._bell.listening)
        metrics.POOL_FREE.labels("gateway").set(free_connections(self._pool))
        metrics.CONNECTIONS.set(sum(1 for _ in self._feed.devices))
        metrics.STRANGERS.set(len(self._strangers))
        metrics.FEED_WAITING.set(self._feed.waiting)
        metrics.WAITING_BYTES.set(self._room.octets)

    def _look_at_everything(self) -> None:
        """Rings may have been missed."""
        self._feed.everything_changed()
        self._revocations.ring()

    async def _drain(self, server: Server) -> None:
        """Let nobody new in, answer what was sent, then send the devices away a few at a time."""
        server.close(close_connections=False)
        answered = await self._answer_all()
        self._strangers.turn_away()
        await self._send_away(list(server.connections))
        await server.wait_closed()
        # A Postgres that does not answer would not do so now.
        if answered:
            await self._notes.write_last()

    async def _answer_all(self) -> bool:
        try:
            async with asyncio.timeout(self.settings.drain_seconds):
                await self._ingest.drained()
        except TimeoutError:
            events.NOT_ALL_ANSWERED()
            return False
        return True

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
            events.DATABASE_REPLACED()
            self._epoch = epoch
            for device in list(self._feed.devices):
                device.dismiss("unavailable", "the database was replaced", retry_after=0)

    async def _process_request(self, line: ServerConnection, request: Request) -> Response | None:
        assert isinstance(line, Line)
        if (page := await self._pages.answer(line, request)) is not None:
            return page
        refusal = await self._refusal(line, request)
        if refusal is not None:
            metrics.TURNED_AWAY.labels(refusal.status_code).inc()
        return refusal

    async def _refusal(self, line: Line, request: Request) -> Response | None:
        if self._places.full:
            later = {"Retry-After": str(RETRY_SECONDS)}
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "no place for another device\n", **later)
        return await self._door.look(line, request)

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Line)
        device = Device(socket, self.settings.limits)
        try:
            await self._converse(device)
        except TryLater as error:
            device.dismiss(error.code, str(error), error.retry_after)
            await socket.wait_closed()
        except (ProtocolError, TokenRefused) as error:
            device.dismiss(error.code, str(error))
            await socket.wait_closed()
        except TimeoutError:
            await socket.close(1008, "no hello")
        except ConnectionClosed:
            pass
        finally:
            if device.identity:
                self._feed.leave(device)
                self._places.leave(device)
                self._notes.left(device)

    async def _until_there_is_room(self, device: Device) -> None:
        """Read nothing more from a device that does not read, or whose owner's pushes fill the room."""
        await device.socket.settled()
        if self._room.full(device.owner):
            device.held_up = True
            await self._room.wait(device.owner)
            device.held_up = False

    async def _read(self, device: Device, text: str | bytes) -> UpMessage:
        """A large message is read when it is wanted, and others get a turn between two of them."""
        if len(text) >= LARGE:
            device.held_up = True
            await self._ingest.hungry(device.owner)
            device.held_up = False
        return device.session.receive(text)

    async def _converse(self, device: Device) -> None:
        socket = device.socket
        async with asyncio.timeout(self.settings.hello_seconds):
            first = await socket.recv()
        socket.understood = time.monotonic()
        await self._greet(device, first)
        async for text in socket:
            socket.understood = time.monotonic()
            message = await self._read(device, text)
            if isinstance(message, Renew):
                self._let_chat(device)
                device.renew(await self._door.identify(message.token))
            else:
                self._obey(device, message, len(text))
            await self._until_there_is_room(device)

    async def _greet(self, device: Device, text: str | bytes) -> None:
        hello = device.session.receive(text)
        assert isinstance(hello, Hello)
        identity = await self._door.greet(device.socket, hello)
        device.introduce(hello, identity)
        self._places.enter(device)
        device.let_in(hello, self._epoch)
        self._notes.heard(device, hello)
        self._feed.join(device)

    def _obey(self, device: Device, message: UpMessage, octets: int) -> None:
        match message:
            case Push(seq=seq, ops=ops):
                self._ingest.add(device.take(seq, ops, octets))
            case Applied():
                self._feed.applied(device)
            case Heartbeat():
                self._let_chat(device)
                self._notes.heard(device, message)
                device.post(device.session.heartbeat())
            case _:
                pass

    def _let_chat(self, device: Device) -> None:
        """Pushes and pages wait for an answer each; what does not is counted."""
        name, now = f"{device.client_id} {device.owner}", time.monotonic()
        if self._chatter.wait(name, now):
            raise RateLimited("more heartbeats and renewals than anybody needs", CHATTER_SECONDS)
        self._chatter.spend(name, 1, now)

    async def _sweep(self) -> None:
        """Find the dead, the expired, and what a lost ring did not tell."""
        while True:
            await asyncio.sleep(self.settings.silence_seconds / SWEEPS_PER_SILENCE)
            for device in list(self._feed.devices):
                self._look_after(device)
            # Perhaps those of a gateway that is gone.
            self._cancels.look_for_postponed()
            if not self._bell.listening:
                self._look_at_everything()
            if self._certificate:
                self._certificate.refresh()
            with suppress(*DATABASE_ERRORS):
                await self._check_epoch()

    def _dismiss_revoked(self) -> None:
        for device in list(self._feed.devices):
            assert device.identity is not None
            try:
                self._revocations.check(device.identity)
            except TokenRefused as error:
                device.dismiss("unauthenticated", str(error))

    def _look_after(self, device: Device) -> None:
        assert device.identity is not None
        line = device.socket
        line.look()
        if device.held_up:
            self._reassure(device)
        elif time.monotonic() - line.heard > self.settings.silence_seconds:
            device.hang_up()
        elif device.identity.expires_at < time.time():
            device.dismiss("unauthenticated", "the token has expired")
        elif line.heard > line.understood:
            # A message takes its time to come, and a heartbeat behind it waits: we live, too.
            self._reassure(device)

    def _reassure(self, device: Device) -> None:
        device.reassure()
        self._notes.alive(device)
