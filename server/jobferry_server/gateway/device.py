"""One connected device: its session, its socket, and what it waits for."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed

from jobferry_server.errors import TokenRefused
from jobferry_server.gateway.cursor import Cursor
from jobferry_server.gateway.line import Line
from jobferry_server.tokens import Identity
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Hello, Operation, Rejection
from jobferry_shared.session import GatewaySession

__all__ = ["Batch", "Device"]

CLOSE_SECONDS = 2.0


@dataclass(slots=True)
class Batch:
    """One push on its way through the group commit."""

    device: "Device"
    seq: int
    ops: Sequence[Operation]
    rejected: list[Rejection] = field(default_factory=list)
    decided: bool = False
    #: Does it wait for a job key that somebody is at work on?
    held: bool = False
    #: The ledger's clock at the commit of its submits.
    received_at: datetime | None = None

    def reject(self, id: str, code: str, message: str) -> None:  # noqa: A002
        """One operation will not be done."""
        self.rejected.append(Rejection(seq=self.seq, id=id, code=code, message=message))


class Device:
    """A device for as long as its connection lasts."""

    __slots__ = (
        "batches",
        "client_id",
        "cursor",
        "dirty",
        "greeted",
        "identity",
        "session",
        "socket",
    )

    def __init__(self, socket: Line, limits: Limits) -> None:
        self.socket = socket
        self.session = GatewaySession(limits)
        self.identity: Identity | None = None
        self.client_id = ""
        self.cursor = Cursor("")
        #: Is there, as far as we know, something that it has not read?
        self.dirty = False
        #: Did it get a first page, so that it knows whether it is in step?
        self.greeted = False
        self.batches: deque[Batch] = deque()

    @property
    def owner(self) -> str:
        """Whose device this is, once it said hello."""
        assert self.identity is not None
        return self.identity.owner

    @property
    def tenant(self) -> str | None:
        """Whose database its jobs belong to, if tokens say so."""
        assert self.identity is not None
        return self.identity.tenant

    def let_in(self, hello: Hello, identity: Identity, epoch: str) -> None:
        """Answer a hello."""
        self.identity = identity
        self.client_id = hello.client_id
        self.post(self.session.welcome(identity.owner, epoch, datetime.now(UTC)))
        cursor = Cursor.parse(hello.cursor, epoch)
        if cursor is None:
            self.read_anew(epoch)
        else:
            self.cursor = cursor

    def read_anew(self, epoch: str, *, restored: bool = False) -> None:
        """The device's cursor is of another database than ours, of a later state, or too old."""
        self.cursor = Cursor.start(epoch)
        self.post(self.session.reset(restored=restored))

    def renew(self, identity: Identity) -> None:
        """A fresh token of the same subject; :class:`TokenRefused` if it is somebody else's."""
        if (identity.owner, identity.tenant) != (self.owner, self.tenant):
            raise TokenRefused("a renewed token must be of the same subject")
        self.identity = identity

    def take(self, seq: int, ops: Sequence[Operation]) -> Batch:
        """A push has arrived; answers leave in the order of arrival."""
        batch = Batch(self, seq, ops)
        self.batches.append(batch)
        return batch

    def answer(self) -> None:
        """Acknowledge the batches that are decided, as far as none before them is undecided."""
        through = 0
        received_at = None
        rejected: list[Rejection] = []
        while self.batches and self.batches[0].decided:
            batch = self.batches.popleft()
            through = batch.seq
            received_at = batch.received_at or received_at
            rejected += batch.rejected
        if through:
            self.post(self.session.pushed(through, received_at or datetime.now(UTC), rejected))

    def post(self, text: str) -> None:
        """Send without waiting: a device that does not read must hold up nobody.

        What may be under way to one device is bounded by the session's flow control.
        """
        _spawn(self._send(text))

    def dismiss(self, code: str, message: str, retry_after: float | None = None) -> None:
        """End the session, saying why."""
        _spawn(self._close(self.session.error(code, message, retry_after)))

    def hang_up(self) -> None:
        """The device does not answer any more: do not wait for its goodbye."""
        _spawn(self.socket.close(1001, "silent"))

    async def _send(self, text: str) -> None:
        # A connection that is gone is found by its own handler.
        with suppress(ConnectionClosed):
            await self.socket.send(text)

    async def _close(self, text: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send(text)
        await self.socket.close(1008)


def _spawn(work: Coroutine[None, None, None]) -> None:
    """Run beside everything else; asyncio itself keeps only weak references to tasks."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)


_running: set[asyncio.Task[None]] = set()
