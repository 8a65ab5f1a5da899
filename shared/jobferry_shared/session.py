"""The conversation between a device and a gateway as two pure objects, one for each side.

Messages in, messages and facts out: no socket, no database, no clock. The owner of a session feeds
it every text that arrives (:meth:`receive` returns the message once it is known to be legal), asks
it for the text of everything it wants to say, and obeys :attr:`free` and :attr:`ready`, the two
flow controls: a device has at most ``limits.window`` pushes unanswered; a gateway has at most one
page of changes unapplied. So neither side ever has to queue.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

from jobferry_shared.errors import LocalProtocolError, RemoteProtocolError
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Applied,
    Change,
    Changes,
    DownMessage,
    Error,
    Heartbeat,
    Hello,
    Operation,
    Push,
    Pushed,
    Rejection,
    Renew,
    Reset,
    UpMessage,
    Waiting,
    Welcome,
    decode_down,
    decode_up,
    encode,
    protocol_of,
)
from jobferry_shared.versions import MINIMUM_PROTOCOL, PROTOCOL

__all__ = ["ClientSession", "GatewaySession", "Phase"]

M = TypeVar("M")


class Phase(Enum):
    """How far a session has come."""

    NEW = auto()
    GREETED = auto()
    OPEN = auto()
    CLOSED = auto()


class ClientSession:
    """The device's side of one connection."""

    __slots__ = ("_answered", "_pushed", "_unapplied", "epoch", "limits", "owner", "phase")

    def __init__(self) -> None:
        self.phase = Phase.NEW
        self.limits = Limits()
        self.owner: str | None = None
        self.epoch: str | None = None
        self._pushed = 0
        self._answered = 0
        self._unapplied: str | None = None

    @property
    def free(self) -> int:
        """How many pushes may be sent now."""
        if self.phase is not Phase.OPEN:
            return 0
        return self.limits.window - (self._pushed - self._answered)

    def hello(
        self,
        client_id: str,
        cursor: str | None,
        *,
        token: str | None = None,
        client_version: str | None = None,
        pending: int = 0,
        oldest_pending_at: datetime | None = None,
    ) -> str:
        """Open the conversation."""
        _expect(self.phase is Phase.NEW, "hello was said before")
        self.phase = Phase.GREETED
        return encode(
            Hello(
                protocol=PROTOCOL,
                client_id=client_id,
                cursor=cursor,
                token=token,
                client_version=client_version,
                pending=pending,
                oldest_pending_at=oldest_pending_at,
            )
        )

    def push(self, ops: Sequence[Operation]) -> tuple[int, str]:
        """The number and the text of the next batch."""
        _expect(self.free > 0, "no push may be sent now")
        _expect(0 < len(ops) <= self.limits.batch, "a push has 1 to limits.batch operations")
        self._pushed += 1
        return self._pushed, encode(Push.model_construct(seq=self._pushed, ops=list(ops)))

    def applied(self) -> str:
        """Say that the last page of changes is durable here."""
        _expect(self.phase is Phase.OPEN, "nothing but hello is said before welcome")
        cursor = self._unapplied
        if cursor is None:
            raise LocalProtocolError("there is no page to acknowledge")
        self._unapplied = None
        return encode(Applied(cursor=cursor))

    def heartbeat(self, pending: int, oldest_pending_at: datetime | None) -> str:
        """Say that this device is alive and what it has not sent."""
        _expect(self.phase is Phase.OPEN, "nothing but hello is said before welcome")
        return encode(Heartbeat(pending=pending, oldest_pending_at=oldest_pending_at))

    def renew(self, token: str) -> str:
        """Hand in a fresh token."""
        _expect(self.phase is Phase.OPEN, "nothing but hello is said before welcome")
        return encode(Renew(token=token))

    def receive(self, text: str | bytes) -> DownMessage:
        """Take one text from the gateway; :class:`RemoteProtocolError` if it has no place here."""
        message = _read(decode_down, text, "gateway", "client")
        match message:
            case Error():
                self.phase = Phase.CLOSED
            case Welcome():
                self._receive_welcome(message)
            case _ if self.phase is not Phase.OPEN:
                raise RemoteProtocolError(f"{message.type} before welcome")
            case Pushed():
                self._receive_pushed(message)
            case Changes() | Reset() if self._unapplied is not None:
                raise RemoteProtocolError(f"{message.type} before the last page was applied")
            case Changes(cursor=cursor):
                self._unapplied = cursor
            case _:
                pass
        return message

    def _receive_welcome(self, message: Welcome) -> None:
        if self.phase is not Phase.GREETED:
            raise RemoteProtocolError("an unexpected welcome")
        _check_version(message.protocol, "gateway", "client")
        self.phase = Phase.OPEN
        self.limits = message.limits
        self.owner = message.owner
        self.epoch = message.epoch

    def _receive_pushed(self, message: Pushed) -> None:
        if not self._answered < message.through <= self._pushed:
            raise RemoteProtocolError(f"pushed through {message.through}, sent {self._pushed}")
        # A rejection that belongs to no batch would be taken for an acknowledgement.
        for refusal in message.rejected:
            if not self._answered < refusal.seq <= message.through:
                raise RemoteProtocolError(f"rejected in push {refusal.seq}, which is not answered")
        self._answered = message.through


class GatewaySession:
    """The gateway's side of one connection."""

    __slots__ = ("_answered", "_pushed", "_unapplied", "cursor", "limits", "phase", "protocol")

    def __init__(self, limits: Limits) -> None:
        self.phase = Phase.NEW
        self.limits = limits
        #: What the device speaks, once it said hello.
        self.protocol = PROTOCOL
        self.cursor: str | None = None
        self._pushed = 0
        self._answered = 0
        self._unapplied: str | None = None

    @property
    def ready(self) -> bool:
        """May a page of changes be sent now?"""
        return self.phase is Phase.OPEN and self._unapplied is None

    def receive(self, text: str | bytes) -> UpMessage:
        """Take one text from the device; :class:`RemoteProtocolError` if it has no place here."""
        message = _read(decode_up, text, "client", "gateway")
        match message:
            case Hello():
                self._receive_hello(message)
            case _ if self.phase is not Phase.OPEN:
                raise RemoteProtocolError(f"{message.type} before welcome")
            case Push():
                self._receive_push(message)
            case Applied(cursor=cursor):
                if cursor != self._unapplied:
                    raise RemoteProtocolError("applied what was not sent")
                self.cursor, self._unapplied = cursor, None
            case _:
                pass
        return message

    def welcome(self, owner: str, epoch: str, server_time: datetime) -> str:
        """Let the device in."""
        _expect(self.phase is Phase.GREETED, "welcome answers hello")
        self.phase = Phase.OPEN
        return encode(
            Welcome(
                protocol=self.protocol,
                owner=owner,
                epoch=epoch,
                server_time=server_time,
                limits=self.limits,
            )
        )

    def pushed(self, through: int, received_at: datetime, rejected: Sequence[Rejection]) -> str:
        """Acknowledge every batch up to ``through``; say it only after the commit."""
        _expect(self._answered < through <= self._pushed, "no such batch waits for an answer")
        self._answered = through
        return encode(Pushed(through=through, received_at=received_at, rejected=list(rejected)))

    def waiting(self, code: str, message: str, retry_after: float) -> str:
        """Say why what was pushed is not answered yet."""
        _expect(self._answered < self._pushed, "no batch waits for an answer")
        return encode(Waiting(code=code, message=message, retry_after=retry_after))

    def changes(
        self, rows: Sequence[Change], cursor: str, *, complete: bool, gone: Sequence[str] = ()
    ) -> str:
        """One page of what the device has not seen."""
        _expect(self.ready, "the device has not applied the last page")
        self._unapplied = cursor
        page = Changes.model_construct(
            rows=list(rows), gone=list(gone) or None, cursor=cursor, complete=complete
        )
        return encode(page)

    def reset(self, *, restored: bool = False) -> str:
        """Make the device read everything again."""
        _expect(self.ready, "reset is said before the first page")
        self.cursor = None
        return encode(Reset(restored=restored))

    def heartbeat(self) -> str:
        """Answer a heartbeat."""
        _expect(self.phase is Phase.OPEN, "nothing but error is said before welcome")
        return encode(Heartbeat())

    def error(self, code: str, message: str, retry_after: float | None = None) -> str:
        """Say why the session ends."""
        self.phase = Phase.CLOSED
        return encode(Error(code=code, message=message, retry_after=retry_after))

    def _receive_hello(self, message: Hello) -> None:
        if self.phase is not Phase.NEW:
            raise RemoteProtocolError("hello was said before")
        _check_version(message.protocol, "client", "gateway")
        self.phase = Phase.GREETED
        self.protocol = message.protocol
        self.cursor = message.cursor

    def _receive_push(self, message: Push) -> None:
        if message.seq != self._pushed + 1:
            raise RemoteProtocolError(f"push {message.seq} after push {self._pushed}")
        if self._pushed - self._answered >= self.limits.window:
            raise RemoteProtocolError(
                f"more than {self.limits.window} pushes unanswered", code="limit_exceeded"
            )
        if len(message.ops) > self.limits.batch:
            raise RemoteProtocolError(
                f"{len(message.ops)} operations in one push, {self.limits.batch} are allowed",
                code="limit_exceeded",
            )
        self._pushed = message.seq


def _read(decode: Callable[[str | bytes], M], text: str | bytes, there: str, here: str) -> M:
    """A message; of one that can't be read, it may be the version that is to blame."""
    try:
        return decode(text)
    except RemoteProtocolError:
        if (spoken := protocol_of(text)) is not None:
            _check_version(spoken, there, here)
        raise


def _check_version(spoken: int, there: str, here: str) -> None:
    if not MINIMUM_PROTOCOL <= spoken <= PROTOCOL:
        raise RemoteProtocolError(
            f"the {there} speaks protocol {spoken}, this {here} {MINIMUM_PROTOCOL} to {PROTOCOL}",
            code="unsupported_protocol",
        )


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise LocalProtocolError(otherwise)
