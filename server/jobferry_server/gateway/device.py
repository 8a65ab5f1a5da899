"""One connected device: its session, its socket, and what it waits for."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobferry_server.errors import TokenRefused
from jobferry_server.gateway.cursor import Cursor
from jobferry_server.gateway.line import Line
from jobferry_server.metrics import definitions as metrics
from jobferry_server.tokens import Identity
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Heartbeat, Hello, Operation, Rejection
from jobferry_shared.session import GatewaySession, Phase

__all__ = ["Batch", "Device"]

TOO_FAST = "this owner wants more operations a second than are allowed"


@dataclass(slots=True)
class Batch:
    """One push on its way through the group commit."""

    device: "Device"
    seq: int
    ops: Sequence[Operation]
    #: About how much memory it takes.
    octets: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    decided: bool = False
    #: Does its device know that it waits?
    told: bool = False
    #: Does it wait for a job key that somebody is at work on, or for a count of its owner's jobs?
    held: bool = False
    #: Was there, so far as was known, a job too many in it?
    over: bool = False
    #: Were its owner's jobs counted since?
    counted: bool = False
    #: The ledger's clock at the commit of its submits.
    received_at: datetime | None = None

    def begin(self) -> None:
        """It is about to be committed, perhaps not for the first time."""
        self.rejected.clear()
        self.held = self.over = False

    def reject(self, id: str, code: str, message: str) -> None:  # noqa: A002
        """One operation will not be done."""
        self.rejected.append(Rejection(seq=self.seq, id=id, code=code, message=message))


class Device:
    """A device for as long as its connection lasts."""

    __slots__ = (
        "batches",
        "client_id",
        "client_version",
        "cursor",
        "dirty",
        "gone",
        "greeted",
        "held_up",
        "identity",
        "oldest_pending_at",
        "pending",
        "reset",
        "session",
        "socket",
    )

    def __init__(self, socket: Line, limits: Limits) -> None:
        self.socket = socket
        self.session = GatewaySession(limits)
        self.identity: Identity | None = None
        self.client_id = ""
        self.client_version: str | None = None
        #: What it had unsent when it last said so, and since when by its own clock.
        self.pending = 0
        self.oldest_pending_at: datetime | None = None
        #: Has its connection ended?
        self.gone = False
        self.cursor = Cursor("")
        #: Must it be told to forget what it has read, and why: is the database restored?
        self.reset: bool | None = None
        #: Is there, as far as we know, something that it has not read?
        self.dirty = False
        #: Did it get a first page, so that it knows whether it is in step?
        self.greeted = False
        #: Do we read nothing of it, since what it says would have to wait?
        self.held_up = False
        self.batches: deque[Batch] = deque()

    @property
    def owner(self) -> str:
        """Whose device this is, once it said hello."""
        assert self.identity is not None
        return self.identity.owner

    @property
    def name(self) -> tuple[str, str]:
        """Whose connections these are, one after the other: a file may change hands."""
        return self.client_id, self.owner

    @property
    def tenant(self) -> str | None:
        """Whose database its jobs belong to, if tokens say so."""
        assert self.identity is not None
        return self.identity.tenant

    def introduce(self, hello: Hello, identity: Identity) -> None:
        """Now it is known who this is."""
        self.identity = identity
        self.client_id = hello.client_id

    def heard(self, message: Hello | Heartbeat) -> None:
        """What it says of itself."""
        if isinstance(message, Hello):
            self.client_version = message.client_version
        self.pending, self.oldest_pending_at = message.pending, message.oldest_pending_at

    def let_in(self, hello: Hello, epoch: str) -> None:
        """Answer a hello."""
        self.post(self.session.welcome(self.owner, epoch, datetime.now(UTC)))
        cursor = Cursor.parse(hello.cursor, epoch)
        if cursor is None:
            self.read_anew(epoch)
        else:
            self.cursor = cursor if cursor.begun else Cursor.start(epoch)

    def read_anew(self, epoch: str, *, restored: bool = False) -> None:
        """The device's cursor is of another database than ours, of a later state, or too old.

        It is told so when it begins.
        """
        self.cursor = Cursor.start(epoch)
        self.reset = restored

    def begin(self, target: str) -> None:
        """Read from the start up to this snapshot."""
        if self.reset is not None:
            self.post(self.session.reset(restored=self.reset))
            self.reset = None
        self.cursor = Cursor.start(self.cursor.epoch, target)

    @property
    def ready(self) -> bool:
        """May a page of changes be read for it?"""
        return self.session.ready and self.cursor.begun

    def renew(self, identity: Identity) -> None:
        """A fresh token of the same subject; :class:`TokenRefused` if it is somebody else's."""
        if (identity.owner, identity.tenant) != (self.owner, self.tenant):
            raise TokenRefused("a renewed token must be of the same subject")
        self.identity = identity

    def take(self, seq: int, ops: Sequence[Operation], octets: int) -> Batch:
        """A push of so many octets has arrived; answers leave in the order of arrival."""
        batch = Batch(self, seq, ops, octets)
        self.batches.append(batch)
        return batch

    async def hold_up(self, until: Coroutine[Any, Any, None]) -> None:
        """Read nothing of it until then, or until its connection has ended."""
        self.held_up = True
        await self.socket.unless_closed(until)
        self.held_up = False
        # It may have spoken all the while.
        self.socket.heard = time.monotonic()

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

    def make_wait(self, seconds: float) -> None:
        """Say that its owner was too fast."""
        metrics.TOLD_TO_WAIT.inc()
        self.post(self.session.waiting("rate_limited", TOO_FAST, seconds))

    def post(self, text: str) -> None:
        """Send without waiting."""
        self.socket.post(text)

    def dismiss(self, code: str, message: str, retry_after: float | None = None) -> None:
        """End the session, saying why, and when to come again if that may help."""
        metrics.ENDED.labels(code).inc()
        self.post(self.session.error(code, message, retry_after))
        _spawn(self.socket.close(1008 if retry_after is None else 1013))

    def say_hello_again(self) -> None:
        """The database was replaced; it will read the other one from the start."""
        self.dismiss("unavailable", "the database was replaced", retry_after=0)

    def reassure(self) -> None:
        """We live, if that can't be seen otherwise: nothing was said and nothing is under way."""
        if self.session.phase is Phase.OPEN and not self.socket.unsent:
            self.post(self.session.heartbeat())

    def hang_up(self) -> None:
        """The device does not answer any more: do not wait for its goodbye."""
        _spawn(self.socket.close(1001, "silent"))


def _spawn(work: Coroutine[None, None, None]) -> None:
    """Run beside everything else; asyncio itself keeps only weak references to tasks."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)


_running: set[asyncio.Task[None]] = set()
