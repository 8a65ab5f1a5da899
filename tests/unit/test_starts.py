"""Where first walks end is asked once for all devices that came meanwhile, and waited for by their pushes."""

import asyncio
from contextlib import suppress
from typing import Any, cast

from jobferry_server.gateway.device import Device
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.starts import TO_DISK, Starts
from jobferry_server.tokens import Identity
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Hello
from jobferry_shared.session import Phase
from jobferry_shared.versions import PROTOCOL

MANY = 2000


class Database:
    """Answers when it is told to; counts what it was asked."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[str] = []
        self.durable = True
        self.epoch = ""

    async def fetchrow(self, statement: str) -> dict[str, Any]:
        """The question."""
        self.asked.append(statement)
        await self.answers.wait()
        now = f"{len(self.asked)}:{len(self.asked)}:"
        return {"now": now, "durable": self.durable, "epoch": self.epoch}

    async def execute(self, statement: str) -> None:
        """What brings it to the disk."""
        self.asked.append(statement)


class Socket:
    """A connection that may end."""

    unless_closed: Any = Line.unless_closed

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def wait_closed(self) -> None:
        """Return once it has."""
        await self.closed.wait()


class Scene:
    """Devices before a database."""

    def __init__(self) -> None:
        self.database = Database()
        self.begun: list[Device] = []
        self.astray: asyncio.Queue[Device] = asyncio.Queue()
        self.starts = Starts(cast(Any, self.database), self.begun.append, self.astray.put_nowait)

    async def __aenter__(self) -> "Scene":
        self._work = asyncio.ensure_future(self.starts.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._work.cancel()
        with suppress(asyncio.CancelledError):
            await self._work

    def device(self, number: int = 0) -> Device:
        """A new one, let in."""
        found = Device(cast(Line, Socket()), Limits())
        hello = Hello(protocol=PROTOCOL, client_id=f"00000000-0000-4000-8000-{number:012}")
        found.introduce(hello, Identity("anna", 0))
        found.session.phase = Phase.OPEN
        self.starts.add(found)
        return found


async def test_a_storm_shares_a_question() -> None:
    async with Scene() as scene:
        first = scene.device()
        await asyncio.sleep(0)
        assert len(scene.database.asked) == 1
        # What was asked before they came may be older than what they were told was done.
        late = [scene.device(number) for number in range(1, MANY)]
        scene.database.answers.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*map(scene.starts.wait, [first, *late]))
        assert len(scene.database.asked) == 2
        assert {str(device.cursor) for device in late} == {"/" + "/2:2:/a//"}
        assert scene.begun == [first, *late]


async def test_a_push_waits_for_it_unless_the_connection_ends() -> None:
    async with Scene() as scene:
        device = scene.device()
        waiting = asyncio.ensure_future(scene.starts.wait(device))
        await asyncio.sleep(0)
        assert device.held_up
        cast(Socket, cast(object, device.socket)).closed.set()
        async with asyncio.timeout(10):
            await waiting


async def test_a_crash_can_not_take_it_back() -> None:
    async with Scene() as scene:
        scene.database.durable = False
        scene.database.answers.set()
        async with asyncio.timeout(10):
            await scene.starts.wait(scene.device())
        assert scene.database.asked[1:] == [TO_DISK]


async def test_who_has_left_does_not_begin() -> None:
    async with Scene() as scene:
        device = scene.device()
        await asyncio.sleep(0)
        scene.starts.leave(device)
        scene.database.answers.set()
        async with asyncio.timeout(10):
            await scene.starts.wait(scene.device(1))
        assert device not in scene.begun


async def test_no_walk_begins_in_a_database_that_was_put_in_place_of_the_device_s() -> None:
    async with Scene() as scene:
        scene.database.epoch = "another"
        device = scene.device()
        scene.database.answers.set()
        async with asyncio.timeout(10):
            assert await scene.astray.get() is device
        assert (scene.begun, device.cursor.begun) == ([], False)
