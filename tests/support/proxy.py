"""A TCP proxy that misbehaves on command: it cuts, stalls, delays, slices, trickles, and loses replies.

With several targets it is a balancer too.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from psycopg.conninfo import conninfo_to_dict

from support.processes import eventually

__all__ = ["Proxy", "free_port", "postgres_behind", "postgres_target"]

CHUNK = 16 * 1024
#: Chunks read and not yet forwarded, each way.
MOST_WAITING = 16
#: A trickle is served in so many portions a second.
PORTIONS = 20

Target = tuple[str, int] | Path

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Pair:
    """One connection through the proxy: the side that called, and the side it called."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        for writer in (self.near, self.far):
            writer.transport.abort()


class Proxy:
    """Listens on a port of 127.0.0.1 and forwards to a target, on a thread of its own.

    Several targets take turns, and one that does not take a connection loses its turn. ``listener`` is
    a socket to listen on instead, of another network namespace perhaps.

    "Up" is from whoever connects to the target, "down" is the way back. Every method may be called
    from the test's thread, and has taken effect when it returns.
    """

    def __init__(self, *targets: Target, listener: socket.socket | None = None) -> None:
        self.port = 0
        #: Connections accepted so far.
        self.accepted = 0
        #: Octets forwarded so far, up and down.
        self.up = 0
        self.down = 0
        #: Connections that the target itself has ended.
        self.ended_by_target = 0
        self._targets = deque(targets)
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_reset: set[int] = set()
        self._open = True
        self._flowing = True
        self._swallow = False
        self._rate: float | None = None
        self._delay = 0.0
        self._most: int | None = None
        self._cut_at: int | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where a device connects."""
        return f"ws://{self._listener.getsockname()[0]}:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._pairs)

    def reach(self, number: int) -> None:
        """Wait until so many connections were accepted."""
        eventually(lambda: self.accepted >= number, every=0.01)

    def cut(self) -> None:
        """Reset every connection; new ones are let in."""
        self._do(self._cut)

    def close(self) -> None:
        """Reset every connection, and every new one too, until :meth:`open`."""

        def close() -> None:
            self._open = False
            self._cut()

        self._do(close)

    def open(self) -> None:
        """Let new connections in again."""
        self._do(lambda: setattr(self, "_open", True))

    def stall(self) -> None:
        """Forward nothing more on the connections there are: no octet, no end. New ones work."""

        def stall() -> None:
            for pair in self._pairs:
                pair.gate.clear()

        self._do(stall)

    def freeze(self) -> None:
        """Forward nothing more, on new connections neither, until :meth:`thaw`."""

        def freeze() -> None:
            self._flowing = False
            for pair in self._pairs:
                pair.gate.clear()

        self._do(freeze)

    def thaw(self) -> None:
        """Go on where :meth:`freeze` or :meth:`stall` stopped."""

        def thaw() -> None:
            self._flowing = True
            for pair in self._pairs:
                pair.gate.set()

        self._do(thaw)

    def reset(self, *numbers: int) -> None:
        """Reset these connections, counted from 1 as they come, the moment they are let in."""
        self._do(lambda: self._to_reset.update(numbers))

    def lose_replies(self) -> None:
        """From now on what the target says is read and thrown away, until the next cut."""
        self._do(lambda: setattr(self, "_swallow", True))

    def cut_after(self, octets: int) -> None:
        """Forward so many octets more upwards, to the last of them, then cut everything."""
        self._do(lambda: setattr(self, "_cut_at", self.up + octets))

    def trickle(self, octets_per_second: float | None) -> None:
        """Forward no faster than this, each way of each connection; ``None`` for at once."""
        self._do(lambda: setattr(self, "_rate", octets_per_second))

    def delay(self, seconds: float) -> None:
        """Forward so much later whatever is said, in order; 0 for at once."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def slice(self, octets: int | None) -> None:
        """Forward in pieces no larger than this; ``None`` for as they come."""
        self._do(lambda: setattr(self, "_most", octets))

    def heal(self) -> None:
        """Be a good proxy again. What was lost stays lost: connections that missed a reply are cut."""
        lost = self._swallow
        self.trickle(None)
        self.delay(0)
        self.slice(None)
        self.open()
        self.thaw()
        if lost:
            self.cut()

    def _do(self, what: Callable[[], None]) -> None:
        async def do() -> None:
            what()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def _cut(self) -> None:
        self._swallow = False
        self._cut_at = None
        for pair in self._pairs:
            pair.abort()

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, sock=self._listener)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _end(self) -> None:
        # Who was let in this very moment is shown out by himself, as soon as his task begins; a server
        # that is closed by then would forget him.
        self._open = False
        self._loop.remove_reader(self._listener)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            self._cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(others, timeout=0.01)
        self._server.close()
        # An aborted transport closes its socket on the loop's next round.
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, near)
        except (OSError, asyncio.CancelledError):
            near.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if not self._open or self.accepted in self._to_reset:
            near.transport.abort()
            return
        far_reader, far = await self._dial()
        pair = _Pair(near, far)
        if self._flowing:
            pair.gate.set()
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(pair, reader, far, up=True))
                group.create_task(self._pump(pair, far_reader, near, up=False))
        except* OSError:
            pass
        finally:
            self._pairs.discard(pair)
            pair.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(len(self._targets) - 1):
            self._targets.rotate(-1)
            with suppress(OSError):
                return await _connected(self._targets[0])
        self._targets.rotate(-1)
        return await _connected(self._targets[0])

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        """Carry one way, until either side ends; half a connection is of no use to anybody here."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_WAITING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(reader, waiting, up=up))
            while (said := await waiting.get())[1]:
                came, data = said
                await asyncio.sleep(came + self._delay - self._loop.time())
                await pair.gate.wait()
                if up or not self._swallow:
                    await self._forward(data, writer, up=up)
            await pair.gate.wait()
            raise ConnectionResetError

    async def _read(
        self,
        reader: asyncio.StreamReader,
        waiting: "asyncio.Queue[tuple[float, bytes]]",
        *,
        up: bool,
    ) -> None:
        """Read ahead, so that an end is seen even while nothing is forwarded."""
        while data := await reader.read(CHUNK):
            await waiting.put((self._loop.time(), data))
        if not up:
            self.ended_by_target += 1
        await waiting.put((0.0, b""))

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter, *, up: bool) -> None:
        while data:
            portion = self._portion(data, up=up)
            data = data[len(portion) :]
            writer.write(portion)
            await writer.drain()
            if up:
                self.up += len(portion)
            else:
                self.down += len(portion)
            if up and self._cut_at is not None and self.up >= self._cut_at:
                # What was written is to arrive: an abort would throw away what is still buffered.
                await _flushed(writer)
                self._cut()
            if self._rate is not None:
                await asyncio.sleep(len(portion) / self._rate)

    def _portion(self, data: bytes, *, up: bool) -> bytes:
        most = min(len(data), self._most or len(data))
        if self._rate is not None:
            most = min(most, max(1, int(self._rate / PORTIONS)))
        if up and self._cut_at is not None:
            most = min(most, max(1, self._cut_at - self.up))
        return data[:most]


async def _connected(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(str(target))
    return await asyncio.open_connection(*target)


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Return once all that was written has been handed to the kernel."""
    writer.transport.set_write_buffer_limits(0)
    await writer.drain()


def postgres_target(dsn: str) -> Target:
    """Where the server of a DSN listens."""
    parts = conninfo_to_dict(dsn)
    host, port = str(parts.get("host") or "localhost"), int(parts.get("port") or 5432)
    if host.startswith("/"):
        return Path(host) / f".s.PGSQL.{port}"
    return host, port


def postgres_behind(proxy: Proxy, dsn: str) -> str:
    """The same database by way of a proxy."""
    parts = conninfo_to_dict(dsn)
    password = f":{parts['password']}" if parts.get("password") else ""
    return (
        f"postgresql://{parts.get('user', 'postgres')}{password}"
        f"@127.0.0.1:{proxy.port}/{parts['dbname']}"
    )


def free_port() -> int:
    """A port that nobody uses this moment, for a part that is to come back on the same one."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
