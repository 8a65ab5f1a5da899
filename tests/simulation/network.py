"""Websockets between processes of one run: slow, cut at any point, or dead without a word.

The real connections' classes are kept as far as the product looks at them; what is below them is two
inboxes. A line keeps its messages in order, as TCP does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any
from uuid import UUID

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from jobferry_client.line import Line as ClientLine
from jobferry_server.gateway.line import Line as GatewayLine
from simulation.loop import Loop, Process, process_now

__all__ = ["Network", "ServerLine"]

Say = Callable[[object, str], None]

#: Seconds that a message takes, mostly.
QUICK = 0.02
#: Timers of the same moment have no order; messages have.
APART = 1e-6
#: What a connection that can't be made takes to say so.
REFUSED = 0.05


class Wire:
    """Two ends."""

    def __init__(self, near: "End", far: "End") -> None:
        self.ends = near, far
        near.peer, far.peer = far, near
        near.wire = far.wire = self
        #: Does nothing arrive any more?
        self.mute = False


class End:
    """One side of a line."""

    peer: "End"
    wire: Wire

    def __init__(self, network: "Network", process: Process) -> None:
        self.network = network
        self.process = process
        self.inbox: deque[str] = deque()
        self.heard = network.loop.now
        self.closed = False
        self._ended = network.loop.create_future()
        #: When the last message to this side arrives: none overtakes another.
        self.due = 0.0
        self._waiter: asyncio.Future[None] | None = None

    async def receive(self) -> str:
        """The next message."""
        while not self.inbox:
            if self.closed:
                raise ConnectionClosedError(None, None)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.inbox.popleft()

    def send(self, text: str) -> None:
        """Put a message on its way."""
        if self.closed:
            raise ConnectionClosedError(None, None)
        self.network.carry(self, text)

    def arrive(self, text: str) -> None:
        """A message is here."""
        if not self.closed:
            self.inbox.append(text)
            self.heard = self.network.loop.now
            self._wake()

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.end()
            self.network.tell_end(self.peer)

    def end(self) -> None:
        """The line is gone, as this side sees it."""
        if not self.closed:
            self.closed = True
            self._ended.set_result(None)
        self._wake()

    async def ended(self) -> None:
        """Return once it is gone."""
        await asyncio.shield(self._ended)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class DeviceLine(ClientLine):
    """What the engine holds in its hand."""

    def __init__(self, end: End) -> None:
        self.far_end = end
        self.transport = Transport(end)

    @property
    def _heard(self) -> float:  # type: ignore[override]
        return self.far_end.heard

    async def send(self, message: Any, *_: Any, **__: Any) -> None:
        """As a websocket does."""
        assert isinstance(message, str)
        self.far_end.send(message)

    async def recv(self, *_: Any, **__: Any) -> Any:
        """As a websocket does."""
        return await self.far_end.receive()


class Transport(asyncio.Transport):
    """What is below a gateway's line, as far as it looks at that. The other side takes all it is sent."""

    def __init__(self, end: End) -> None:
        super().__init__()
        self._end = end

    def abort(self) -> None:
        """Hang up without a goodbye."""
        self._end.close()

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


class ServerLine(GatewayLine):
    """What the gateway holds in its hand."""

    def __init__(self, end: End, request: Request) -> None:
        self.id = UUID(int=0)
        self.far_end = end
        self.request = request
        self.transport = Transport(end)
        self.protocol = ServerProtocol()
        self.paused = False

    @property
    def heard(self) -> float:
        """When anything last came."""
        return self.far_end.heard

    @heard.setter
    def heard(self, when: float) -> None:
        self.far_end.heard = when

    def post(self, text: str) -> None:
        """As ``broadcast`` does: to who is gone, nothing."""
        if not self.far_end.closed:
            self.far_end.send(text)

    async def send(self, message: Any, *_: Any, **__: Any) -> None:
        """As a websocket does."""
        assert isinstance(message, str)
        self.far_end.send(message)

    async def recv(self, *_: Any, **__: Any) -> Any:
        """As a websocket does."""
        return await self.far_end.receive()

    async def close(self, *_: Any, **__: Any) -> None:
        """As a websocket does."""
        self.far_end.close()

    async def wait_closed(self) -> None:
        """As a websocket does."""
        await self.far_end.ended()


class Server:
    """What ``websockets.serve`` gives."""

    def __init__(
        self,
        network: "Network",
        handler: Callable[[Any], Awaitable[None]],
        process_request: Callable[[Any, Request], Awaitable[Response | None]],
        create_connection: type[ServerLine],
    ) -> None:
        process = process_now()
        assert process is not None
        self.process = process
        self.sockets = [self]
        self._network = network
        self._handler = handler
        self._process_request = process_request
        self._create_connection = create_connection
        self._handling: dict[ServerLine, asyncio.Task[None]] = {}

    @property
    def connections(self) -> list[ServerLine]:
        """All that are open."""
        return list(self._handling)

    def getsockname(self) -> tuple[str, int]:
        """Its name."""
        return self.process.name, 0

    def close(self, **_: Any) -> None:
        """Let nobody new in."""
        with suppress(ValueError):
            self._network.servers.remove(self)

    async def wait_closed(self) -> None:
        """Wait until nobody is left."""
        while self._handling:
            await asyncio.wait(list(self._handling.values()))

    def accept(self, end: End, token: str) -> "asyncio.Future[Response | None]":
        """Somebody has connected; the refusal, if he is refused."""
        answer: asyncio.Future[Response | None] = self._network.loop.create_future()
        line = self._create_connection(end, Request("/", Headers(Authorization=token)))
        line.strangers.enter(line)
        work = self._serve(line, answer)
        self._handling[line] = task = self._network.loop.spawn(self.process, work)
        task.add_done_callback(lambda _: self._handling.pop(line), context=self.process.context)
        return answer

    async def _serve(self, line: ServerLine, answer: "asyncio.Future[Response | None]") -> None:
        assert line.request is not None
        refusal = await self._process_request(line, line.request)
        self._network.loop.after(self._network.delay(), _answer, answer, refusal)
        try:
            if refusal is None:
                await self._handler(line)
        finally:
            line.far_end.close()
            line.strangers.leave(line)


def _answer(future: "asyncio.Future[Response | None]", refusal: Response | None) -> None:
    if not future.done():
        future.set_result(refusal)


class Network:
    """All lines, and what may befall them."""

    def __init__(self, loop: Loop, random: Random, say: Say) -> None:
        self.loop = loop
        self.random = random
        self.servers: list[Server] = []
        self.wires: list[Wire] = []
        #: Devices that reach nobody.
        self.unreachable: set[str] = set()
        self._say = say

    # -- what the product is given in place of websockets'

    async def serve(
        self,
        handler: Callable[[Any], Awaitable[None]],
        *_: Any,
        process_request: Callable[[Any, Request], Awaitable[Response | None]],
        create_connection: type[ServerLine],
        **__: Any,
    ) -> Server:
        """``websockets.serve``."""
        server = Server(self, handler, process_request, create_connection)
        self.servers.append(server)
        return server

    @asynccontextmanager
    async def connect(
        self, _: str, *, additional_headers: dict[str, str], open_timeout: float, **__: Any
    ) -> AsyncIterator[DeviceLine]:
        """``websockets.connect``, through something that sends us to any of the gateways."""
        process = process_now()
        assert process is not None
        async with asyncio.timeout(open_timeout):
            end = await self._dial(process, additional_headers["Authorization"])
        try:
            yield DeviceLine(end)
        finally:
            end.close()

    async def _dial(self, process: Process, token: str) -> End:
        await asyncio.sleep(self.delay() + REFUSED)
        if self._device(process) in self.unreachable:
            await asyncio.Event().wait()
        servers = [server for server in self.servers if server.process.alive]
        if not servers:
            raise ConnectionRefusedError("nobody listens")
        server = self.random.choice(servers)
        near, far = End(self, process), End(self, server.process)
        self.wires.append(Wire(near, far))
        self._say(process, f"connects to {server.process}")
        if (refusal := await server.accept(far, token)) is not None:
            raise InvalidStatus(refusal)
        return near

    # -- the lines

    def delay(self) -> float:
        """How long one message takes: mostly a moment, sometimes many times that."""
        seconds = self.random.expovariate(1 / QUICK)
        return seconds if self.random.random() < 0.95 else seconds * 30

    def carry(self, end: End, text: str) -> None:
        """From this side to the other."""
        self._say(end.process, f"→ {end.peer.process} {text[:300]}")
        if end.wire.mute:
            return
        peer = end.peer
        peer.due = max(self.loop.now + self.delay(), peer.due + APART)
        self.loop.call_at(peer.due, self._deliver, peer, text, context=peer.process.context)

    def tell_end(self, end: End) -> None:
        """The other side has hung up: after all that it said before."""
        if not end.wire.mute:
            end.due = max(self.loop.now + self.delay(), end.due + APART)
            self.loop.call_at(end.due, end.end, context=end.process.context)

    def cut(self, wire: Wire) -> None:
        """Both sides find out, each in its time; what was on its way is lost."""
        self.go_mute(wire)
        for end in wire.ends:
            self.loop.call_later(self.delay(), end.end, context=end.process.context)

    def go_mute(self, wire: Wire) -> None:
        """Nobody finds out, except by the silence."""
        wire.mute = True

    def vanish(self, process: Process, *, silently: bool) -> None:
        """A process is gone; its machine says so to the others, or is gone too."""
        self.servers = [server for server in self.servers if server.process is not process]
        for wire in self.open_wires():
            for end in wire.ends:
                if end.process is process:
                    wire.mute = wire.mute or silently
                    self.tell_end(end.peer)

    def open_wires(self) -> list[Wire]:
        """Those that both sides take for open."""
        self.wires = [
            wire for wire in self.wires if not (wire.ends[0].closed or wire.ends[1].closed)
        ]
        return self.wires

    @staticmethod
    def _deliver(end: End, text: str) -> None:
        if not end.wire.mute:
            end.arrive(text)

    @staticmethod
    def _device(process: Process) -> str:
        return process.name.partition("/")[0]
