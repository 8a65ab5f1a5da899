"""One connection to a gateway: what is new here goes up, what is new there comes down.

All of it runs on the engine's own event loop and thread, so SQLite may take its milliseconds here
without holding up anybody else.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobferry_client.errors import TokenUnavailable
from jobferry_client.line import Line
from jobferry_client.outgoing import Batch, next_batch
from jobferry_client.replica import CursorMoved, Entry, Replica, UnknownJob
from jobferry_client.rows import parse_time
from jobferry_client.state import Switch
from jobferry_client.token import TokenSource, seconds_to_renewal
from jobferry_shared import __version__
from jobferry_shared.errors import RemoteProtocolError
from jobferry_shared.messages import Changes, Error, Pushed, Reset, Waiting, Welcome
from jobferry_shared.session import ClientSession

__all__ = ["Connection", "GatewayRefused", "Timing"]

log = logging.getLogger("jobferry.client")

#: Jobs in one transaction that drops old ones.
TIDY_ROWS = 500


class GatewayRefused(Exception):
    """The gateway ended the session and said why."""

    def __init__(self, code: str, message: str, retry_after: float | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Timing:
    """How often the engine looks and how long it waits, in seconds."""

    #: Looking whether another process wrote the file: a few microseconds each.
    watch: float = 0.025
    heartbeat: float = 15.0
    #: When not an octet has come for this long, the connection is taken for dead.
    silence: float = 40.0
    connect: float = 10.0
    #: A row that waits longer than this while connected is reported.
    stalled: float = 30.0
    #: After about this long a token that was refused is tried once more.
    doubt: float = 300.0
    #: Dropping what is older than it is to be kept.
    tidy: float = 600.0


@dataclass(slots=True)
class Connection:
    """The conversation over one websocket, until one side ends it."""

    socket: Line
    replica: Replica
    doorbell: asyncio.Event
    timing: Timing
    #: Called when the gateway let us in, when the outbox got shorter, and after every page (is there
    #: nothing more to read?).
    on_welcome: Callable[[], None]
    on_answer: Callable[[], None]
    on_page: Callable[[bool], None]
    #: Called with the reason when the gateway makes us wait, and with ``None`` when all is answered.
    on_wait: Callable[[str | None], None]
    #: How long finished jobs stay in the file; ``None``: for ever.
    keep: timedelta | None = None
    #: The token of the request, and where the next comes from.
    token: str | None = field(default=None, repr=False)
    tokens: TokenSource = field(default_factory=lambda: TokenSource(None))
    #: Off: what is written from now on stays here, though the connection may take a moment to end.
    switch: Switch = field(default_factory=Switch)
    session: ClientSession = field(default_factory=ClientSession)
    _in_flight: deque[tuple[int, Batch]] = field(default_factory=deque)
    _sent: int = 0
    #: What the gateway was last told is unsent; it is told at once when that has become nothing.
    _said: int = 0
    _all_sent: asyncio.Event = field(default_factory=asyncio.Event)
    #: The server's clock minus our monotonic one.
    _clock: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    async def _say_hello(self) -> None:
        identity = self.replica.identity()
        self._said, oldest = self.replica.pending()
        await self.socket.send(
            self.session.hello(
                identity.client_id,
                identity.cursor,
                client_version=__version__,
                pending=self._said,
                oldest_pending_at=parse_time(oldest) if oldest else None,
            )
        )

    async def run(self) -> None:
        """Talk until the connection ends, always by an exception."""
        await self._say_hello()
        async with asyncio.timeout(self.timing.silence):
            await self._receive()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.socket.until_silent(self.timing.silence))
            tasks.create_task(self._receive_all())
            tasks.create_task(self._push_all())
            tasks.create_task(self._watch_file())
            tasks.create_task(self._beat())
            if self.keep is not None:
                tasks.create_task(self._tidy(self.keep))
            if self.tokens.renews:
                tasks.create_task(self._renew())

    async def _receive_all(self) -> None:
        while True:
            await self._receive()

    async def _receive(self) -> None:
        match self.session.receive(await self.socket.recv()):
            case Welcome() as welcome:
                self._welcome(welcome)
            case Pushed() as pushed:
                self._acknowledge(pushed)
            case Waiting() as waiting:
                log.info("what was sent waits %.1f s: %s", waiting.retry_after, waiting.message)
                self.on_wait(f"{waiting.code}: {waiting.message}")
            case Changes() as page:
                await self._apply(page)
            case Reset(restored=restored):
                log.warning("the server can't go on from where we were: reading everything again")
                self.replica.forget_cursor(self.session.epoch, restored=restored)
                self.on_page(False)
            case Error() as error:
                raise GatewayRefused(error.code, error.message, error.retry_after)
            case _:
                pass

    def _welcome(self, welcome: Welcome) -> None:
        self._clock = welcome.server_time - timedelta(seconds=time.monotonic())
        if self.replica.welcome(welcome.owner, welcome.epoch):
            log.warning("the server's database was restored or replaced: reading it from the start")
        self.on_welcome()

    def _acknowledge(self, pushed: Pushed) -> None:
        while self._in_flight and self._in_flight[0][0] <= pushed.through:
            seq, batch = self._in_flight.popleft()
            refused = [refusal for refusal in pushed.rejected if refusal.seq == seq]
            for refusal in refused:
                log.warning(
                    "job %s was rejected: %s: %s", refusal.id, refusal.code, refusal.message
                )
            self.replica.acknowledge(
                batch.first, batch.last, pushed.received_at, self.session.owner, refused
            )
        self.on_answer()
        if not self._in_flight:
            self.on_wait(None)
        self.doorbell.set()

    async def _apply(self, page: Changes) -> None:
        try:
            again = self.replica.apply(
                page.rows,
                page.cursor,
                datetime.now(UTC),
                gone=page.gone or (),
                complete=page.complete,
                epoch=self.session.epoch,
                expired_before=self._expired_before(self.keep) if self.keep is not None else None,
            )
        except UnknownJob as unknown:
            # The file was put back from a backup: its cursor is ahead of its rows.
            self.replica.forget_cursor(self.session.epoch)
            raise RemoteProtocolError(
                f"a change of job {unknown}, which this file does not have: reading it all again"
            ) from unknown
        except CursorMoved as moved:
            raise RemoteProtocolError("another engine has read further in this file") from moved
        await self.socket.send(self.session.applied())
        self._resume(page.complete, again)
        self.on_page(page.complete)

    def _resume(self, complete: bool, again: int) -> None:
        """Send what was held back while the server's database was read."""
        if again:
            log.warning("%d operations that the server's database has lost are sent again", again)
        if complete:
            self.doorbell.set()

    async def _push_all(self) -> None:
        while True:
            self.doorbell.clear()
            await self._push()
            await self.doorbell.wait()

    async def _push(self) -> None:
        """Send what there is to send and may be sent."""
        while self.session.free and (batch := self._next()):
            seq, text = self.session.push(batch.ops)
            self._in_flight.append((seq, batch))
            self._sent = batch.last
            await self.socket.send(text)
        if self._said and not self._in_flight:
            self._all_sent.set()

    def _next(self) -> Batch | None:
        while entries := self.switch.unless_off(self._unsent):
            if batch := next_batch(entries, self.session.limits, self._refuse):
                return batch
            self._sent = entries[-1]["seq"]
        return None

    def _unsent(self) -> list[Entry]:
        limits = self.session.limits
        return self.replica.outbox(self._sent, limits.batch, limits.page_bytes)

    def _refuse(self, seq: int, id: str, code: str, message: str) -> None:  # noqa: A002
        log.warning("job %s can not be sent: %s: %s", id, code, message)
        self.replica.reject(seq, id, code, message)
        self.on_answer()

    async def _watch_file(self) -> None:
        seen = self.replica.version()
        while True:
            await asyncio.sleep(self.timing.watch)
            if (now := self.replica.version()) != seen:
                seen = now
                self.doorbell.set()

    async def _tidy(self, keep: timedelta) -> None:
        while True:
            more = self.replica.drop_expired(self._expired_before(keep), TIDY_ROWS)
            await asyncio.sleep(0 if more else self.timing.tidy)

    def _expired_before(self, keep: timedelta) -> datetime:
        """By the server's clock: by a device's that is years ahead all would be old."""
        return self._server_time() - keep

    def _server_time(self) -> datetime:
        return self._clock + timedelta(seconds=time.monotonic())

    async def _renew(self) -> None:
        """Hand in a fresh token before the old one expires; without one the gateway will say so."""
        while (pause := seconds_to_renewal(self.token, self._server_time())) is not None:
            await asyncio.sleep(pause)
            try:
                fresh = await self.tokens.get(self.timing.connect)
            except TokenUnavailable as error:
                log.warning("the token can not be renewed: %s", error)
                continue
            if fresh and fresh != self.token:
                self.token = fresh
                await self.socket.send(self.session.renew(fresh))

    async def _beat(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.heartbeat):
                    await self._until_all_is_sent()
            self._said, text = self.replica.pending()
            oldest = parse_time(text) if text else None
            if oldest and (datetime.now(UTC) - oldest).total_seconds() > self.timing.stalled:
                log.warning("%d operations wait, the oldest since %s", self._said, oldest)
            await self.socket.send(self.session.heartbeat(self._said, oldest))

    async def _until_all_is_sent(self) -> None:
        """Return when there was something unsent, as far as the gateway knows, and is no more."""
        while True:
            self._all_sent.clear()
            await self._all_sent.wait()
            # Something may be held back.
            if not self.replica.pending()[0]:
                return
