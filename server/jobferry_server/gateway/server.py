"""The gateway: a websocket for every device, a few plain pages, and a clean end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Origin

from jobferry_server.beside import beside
from jobferry_server.database import Pool, free_connections, open_pool, patiently
from jobferry_server.doorbell import Bell, Doorbell, Rounds
from jobferry_server.errors import TokenRefused
from jobferry_server.gateway import revocations
from jobferry_server.gateway.answers import plain
from jobferry_server.gateway.cancels import Cancels
from jobferry_server.gateway.doorkeeper import Doorkeeper
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.history import History
from jobferry_server.gateway.ingest import GroupCommit
from jobferry_server.gateway.line import STRANGER_BYTES, Line, Strangers
from jobferry_server.gateway.notes import Notes
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.pages import Pages
from jobferry_server.gateway.places import RETRY_SECONDS
from jobferry_server.gateway.pushes import IN_FLIGHT, Lane, Pushes
from jobferry_server.gateway.quota import Quota
from jobferry_server.gateway.reception import Reception
from jobferry_server.gateway.revocations import Revocations
from jobferry_server.gateway.room import Room
from jobferry_server.gateway.submits import Submits
from jobferry_server.gateway.tls import Certificate
from jobferry_server.gateway.upkeep import Upkeep
from jobferry_server.gateway.way import Way
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_server.metrics import watch_loop
from jobferry_server.settings import GatewaySettings
from jobferry_server.tokens import Verifier
from jobferry_shared.discretion import discreet

__all__ = ["Gateway"]

ROLE = "jobferry_gateway"
#: Commits, two streams of the feed, postponed cancels, and notes, counts, health pages.
CONNECTIONS = 5 + IN_FLIGHT
#: Connections that the kernel keeps until they are accepted: all come back at once.
BACKLOG = 4096
#: Messages of a device that are kept before it is read no further.
MOST_UNREAD = 1
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
        self._pool = await patiently(self._connect, stop)
        try:
            self._history = History(self._pool)
            await patiently(self._history.epoch, stop)
            self._revocations = Revocations(self._pool, self._dismiss_revoked)
            # Before anybody comes, not beside it: nobody gets in by being early.
            await patiently(self._revocations.read, stop)
            async with self._serving(stop) as self._server:
                events.LISTENING(url=self.url)
                yield self
        finally:
            self._pool.terminate()

    async def _connect(self) -> Pool:
        pooled, seconds = self.settings.pooled, self.settings.statement_seconds
        return await open_pool(self._dsn, ROLE, size=CONNECTIONS, pooled=pooled, seconds=seconds)

    @asynccontextmanager
    async def _serving(self, stop: asyncio.Event) -> AsyncIterator[Server]:
        settings, limits, way = self.settings, self.settings.limits, Way()
        self._room = Room(settings.waiting_bytes)
        self._notes = Notes(self._pool, settings.silence_seconds)
        quota, cancels = Quota(self._pool, settings.owner_jobs), Cancels(self._pool)
        self._ingest = GroupCommit(
            Submits(self._pool, limits, quota),
            cancels,
            Pushes(settings.group, Pace(settings.owner_rate, settings.owner_burst), way),
            self._room,
            quota,
            self._notes.rejected,
        )
        self._feed = Feed(self._pool, limits, way, self._history)
        self._bell = self._doorbell(self._feed)
        self._pages = Pages(self._pool, self._bell, self._look, self.settings)
        self._door = Doorkeeper(self._verifier, self._revocations, limits.message_bytes)
        self._reception = Reception(
            settings, self._history, self._door, self._room, self._ingest, self._feed, self._notes
        )
        upkeep = Upkeep(
            settings.silence_seconds,
            self._history,
            self._feed,
            self._notes,
            cancels,
            self._bell,
            self._look_at_everything,
            self._certificate,
        )
        server = await self._listen()
        async with beside(
            stop,
            self._verifier.keys.run(),
            self._revocations.run(),
            self._ingest.run(Lane.LITTLE),
            *(self._ingest.run(Lane.MUCH) for _ in range(IN_FLIGHT)),
            cancels.run(),
            quota.run(),
            self._feed.run_starts(),
            self._feed.run_news(),
            self._feed.run_walks(),
            self._notes.run(),
            self._bell.run(),
            upkeep.run(),
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
            self._reception.handle,
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

    async def _process_request(self, line: ServerConnection, request: Request) -> Response | None:
        assert isinstance(line, Line)
        if (page := await self._pages.answer(line, request)) is not None:
            return page
        refusal = await self._refusal(line, request)
        if refusal is not None:
            metrics.TURNED_AWAY.labels(refusal.status_code).inc()
        return refusal

    async def _refusal(self, line: Line, request: Request) -> Response | None:
        if self._reception.full:
            later = {"Retry-After": str(RETRY_SECONDS)}
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "no place for another device\n", **later)
        return await self._door.look(line, request)

    def _dismiss_revoked(self) -> None:
        for device in list(self._feed.devices):
            assert device.identity is not None
            try:
                self._revocations.check(device.identity)
            except TokenRefused as error:
                device.dismiss("unauthenticated", str(error))
