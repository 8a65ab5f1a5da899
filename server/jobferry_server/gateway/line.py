"""A device's socket, which is watched by the octet; and the strangers among them.

A stranger is a connection that has not said hello with a valid token yet. It gets seconds, octets and one of a
bounded number of places; when all are taken the oldest makes way, so nobody keeps others out by
sitting there.
"""

import asyncio
import math
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, ClassVar

from websockets.asyncio.server import ServerConnection, broadcast

from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_server.tokens import Identity

__all__ = ["STRANGER_BYTES", "Line", "Strangers"]

#: Room for the request and for a hello with the longest cursor and token.
STRANGER_BYTES = 128 * 1024
#: What may wait to be sent to one device, in messages of the largest size.
MOST_PAGES = 2
#: How often to say that there are too many.
COMPLAINT_SECONDS = 10.0


class Strangers:
    """The connections that have not said hello with a valid token yet, oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[Line, None] = {}
        self._turned_away = 0
        self._complained = -math.inf

    def __len__(self) -> int:
        return len(self._lines)

    def enter(self, line: "Line") -> None:
        """Somebody has come; if there is no room the oldest goes."""
        if len(self._lines) >= self._most:
            oldest = next(iter(self._lines))
            self.leave(oldest)
            oldest.transport.abort()
            self._complain()
        self._lines[line] = None

    def leave(self, line: "Line") -> None:
        """This one is gone, or no stranger any more."""
        self._lines.pop(line, None)

    def turn_away(self) -> None:
        """All of them: nobody has to wait for who says nothing."""
        for line in list(self._lines):
            line.transport.abort()

    def _complain(self) -> None:
        self._turned_away += 1
        metrics.STRANGERS_DROPPED.inc()
        if time.monotonic() - self._complained > COMPLAINT_SECONDS:
            self._complained = time.monotonic()
            events.STRANGERS_DROPPED(dropped=self._turned_away, most=self._most)


class Line(ServerConnection):
    """A websocket that knows when it last heard anything: a slow message is not silence.

    What waits in it to be sent is bounded: one page of changes, as the session is asked first, and a
    few answers, as :meth:`settled` comes before the next message is read.
    """

    strangers: ClassVar[Strangers]
    heard = 0.0
    #: When the last message was complete.
    understood = 0.0
    #: Whose token came in the request's header.
    identity: Identity | None = None
    _allowance: float = STRANGER_BYTES
    _unsent = 0

    @classmethod
    def among(cls, strangers: Strangers) -> "type[Line]":
        """Lines that are strangers among these to begin with."""
        return type(cls.__name__, (cls,), {"strangers": strangers})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has come."""
        super().connection_made(transport)
        self.strangers.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self.strangers.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: Any) -> None:
        """Some octets have come."""
        self.heard = time.monotonic()
        self._allowance -= len(data)
        if self._allowance < 0:
            self.transport.abort()
        else:
            super().data_received(data)
        # The session says no more than a page; what is beyond that are pongs that nobody takes.
        if self.unsent > MOST_PAGES * (self.protocol.max_message_size or 0):
            self.transport.abort()

    def is_known(self, message_bytes: int) -> None:
        """It said hello with a valid token: messages may have their full size from now on."""
        self.strangers.leave(self)
        self._allowance = math.inf
        self.protocol.max_message_size = message_bytes

    @property
    def unsent(self) -> int:
        """Octets that the device has not taken, beyond what the kernel keeps."""
        return self.transport.get_write_buffer_size()

    def look(self) -> None:
        """A device that takes what it is sent is not silent, though it may not be listened to."""
        unsent = self.unsent
        if unsent < self._unsent:
            self.heard = time.monotonic()
        self._unsent = unsent

    def post(self, text: str) -> None:
        """Send without waiting: a device that does not read must hold up nobody."""
        broadcast((self,), text)

    async def settled(self) -> None:
        """Return once most of what was sent is on its way: who does not read is not listened to."""
        if self.paused:
            # A connection that is gone is found by its own handler.
            with suppress(OSError):
                await self.drain()

    async def unless_closed(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for this, but no longer than the connection lasts."""
        wanted = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(self.wait_closed())
        try:
            await asyncio.wait({wanted, closed}, return_when=asyncio.FIRST_COMPLETED)
            if wanted.done():
                wanted.result()
        finally:
            wanted.cancel()
            closed.cancel()
