"""A device that is nothing but a connection: no file, no engine. A thousand of them fit a process."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.jobs import PAYLOAD, TASK
from jobferry_client.backoff import full_jitter
from jobferry_shared.ids import new_id
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Applied,
    Changes,
    Error,
    Heartbeat,
    Hello,
    Pushed,
    Reset,
    Welcome,
    decode_down,
    encode,
)
from jobferry_shared.versions import PROTOCOL
from support.services import token

__all__ = ["BareDevice", "WireDevice"]


@dataclass(slots=True, eq=False)
class BareDevice:
    """A connection to a bare server that sends back what it gets: the floor of the other."""

    url: str
    owner: str
    socket: ClientConnection = field(init=False)
    failures: int = 0
    retry_after: float | None = None
    #: When it was last told that it has all there is, and when it last got news; monotonic.
    in_step_at: float = 0.0
    news_at: float = 0.0

    async def live(self) -> None:
        """Be connected, for ever, as an engine would be."""
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                async with connect(
                    self.url,
                    additional_headers=self.headers(),
                    compression=None,
                    ping_interval=None,
                    open_timeout=60,
                    max_size=None,
                ) as self.socket:
                    await self.converse()
            await asyncio.sleep(full_jitter(self.failures, self.retry_after))
            self.failures += 1

    def headers(self) -> dict[str, str]:
        """What it says before there is a websocket."""
        return {}

    async def converse(self) -> None:
        """Until the connection ends."""
        await self.socket.send(self.word)
        await self.socket.recv()
        self.failures, self.in_step_at = 0, time.monotonic()
        async for text in self.socket:
            if text != self.word:
                self.news_at = time.monotonic()

    async def beat(self) -> None:
        """A sign of life, if it has got so far."""
        if self.in_step_at and not self.failures:
            await self.socket.send(self.word)

    @property
    def word(self) -> str:
        """A heartbeat."""
        return encode(Heartbeat())


@dataclass(slots=True, eq=False)
class WireDevice(BareDevice):
    """A device of Jobferry's."""

    client_id: str = field(default_factory=lambda: str(uuid4()))
    cursor: str | None = None
    pushes: int = 0
    answered: int = 0
    rejected: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    #: When each job was sent, by its push and by its id; then how long it took, in ms.
    _sent: dict[int | str, float] = field(default_factory=dict)
    acknowledged: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        """Who it is."""
        return {"Authorization": f"Bearer {token(self.owner)}"}

    async def converse(self) -> None:
        """Until the connection ends."""
        self.pushes = self.answered = 0
        hello = Hello(protocol=PROTOCOL, client_id=self.client_id, cursor=self.cursor)
        await self.socket.send(encode(hello))
        async for text in self.socket:
            await self._hear(text)

    async def _hear(self, text: str | bytes) -> None:
        match decode_down(text):
            case Welcome():
                self.failures, self.retry_after = 0, None
            case Reset():
                self.cursor = None
            case Error() as error:
                self.retry_after = error.retry_after
            case Pushed() as pushed:
                self._answer(pushed)
            case Changes() as page:
                await self._apply(page)
            case _:
                pass

    async def _apply(self, page: Changes) -> None:
        self.cursor = page.cursor
        await self.socket.send(encode(Applied(cursor=page.cursor)))
        now = time.monotonic()
        if page.rows:
            self.news_at = now
        for row in page.rows:
            if row.finished_at is not None and (sent := self._sent.pop(row.id, None)):
                self.done.append((now - sent) * 1e3)
        if page.complete:
            self.in_step_at = now

    def _answer(self, pushed: Pushed) -> None:
        for seq in range(self.answered + 1, pushed.through + 1):
            if sent := self._sent.pop(seq, None):
                self.acknowledged.append((time.monotonic() - sent) * 1e3)
        self.answered = pushed.through
        self.rejected += len(pushed.rejected)
        self._more.set()

    def texts(self, number: int, size: int) -> list[str]:
        """So many jobs, ready to be pushed in batches of this size."""
        sizes = [min(size, number - first) for first in range(0, number, size)]
        return [
            _push(seq, [str(new_id()) for _ in range(n)])
            for seq, n in enumerate(sizes, self.pushes + 1)
        ]

    async def deliver(self, texts: Sequence[str]) -> None:
        """Push these, and wait until they are answered."""
        for text in texts:
            await self._until_answered(self.pushes - Limits().window + 1)
            self.pushes += 1
            await self.socket.send(text)
        await self._until_answered(self.pushes)

    async def submit(self) -> None:
        """Push one job; how long it takes is noted when it is known."""
        self.pushes += 1
        id = str(new_id())  # noqa: A001
        self._sent[self.pushes] = self._sent[id] = time.monotonic()
        await self.socket.send(_push(self.pushes, [id]))

    async def _until_answered(self, seq: int) -> None:
        while self.answered < seq:
            self._more.clear()
            await self._more.wait()


def _push(seq: int, ids: Sequence[str]) -> str:
    now = datetime.now(UTC).isoformat()
    jobs = ({"id": id, "timestamp": now, "payload": PAYLOAD, "task": TASK} for id in ids)  # noqa: A001
    ops = [{"op": "submit", "job": job} for job in jobs]
    return json.dumps({"type": "push", "seq": seq, "ops": ops})
