"""The conversation with each device, from its first word to its last."""

import asyncio
import time

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from jobferry_server.errors import RateLimited, TokenRefused, TryLater
from jobferry_server.gateway.device import Device
from jobferry_server.gateway.doorkeeper import Doorkeeper
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.history import History
from jobferry_server.gateway.ingest import GroupCommit
from jobferry_server.gateway.line import Line
from jobferry_server.gateway.notes import Notes
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.places import Places
from jobferry_server.gateway.room import Room
from jobferry_server.settings import GatewaySettings
from jobferry_shared.errors import ProtocolError
from jobferry_shared.messages import Applied, Heartbeat, Hello, Push, Renew, UpMessage

__all__ = ["Reception"]

#: A message of so many octets takes a millisecond to read: one at a time.
LARGE = 64 * 1024
#: Heartbeats and renewals that a device may send at once, in seconds of their rate.
CHATTER_SECONDS = 10.0


class Reception:
    """Lets devices in and does what they say."""

    def __init__(
        self,
        settings: GatewaySettings,
        history: History,
        door: Doorkeeper,
        room: Room,
        ingest: GroupCommit,
        feed: Feed,
        notes: Notes,
    ) -> None:
        self._settings = settings
        self._history = history
        self._door = door
        self._room = room
        self._ingest = ingest
        self._feed = feed
        self._notes = notes
        self._places = Places(settings.connections, settings.owner_connections)
        self._chatter = Pace(settings.chatter, CHATTER_SECONDS * settings.chatter)

    @property
    def full(self) -> bool:
        """Is there no place left for anybody?"""
        return self._places.full

    async def handle(self, socket: ServerConnection) -> None:
        """Talk until the connection ends."""
        assert isinstance(socket, Line)
        device = Device(socket, self._settings.limits)
        try:
            await self._converse(device)
        except TryLater as error:
            device.dismiss(error.code, str(error), error.retry_after)
            await socket.wait_closed()
        except (ProtocolError, TokenRefused) as error:
            device.dismiss(error.code, str(error))
            await socket.wait_closed()
        except TimeoutError:
            await socket.close(1008, "no hello")
        except ConnectionClosed:
            pass
        finally:
            if device.identity:
                self._feed.leave(device)
                self._places.leave(device)
                self._notes.left(device)

    async def _converse(self, device: Device) -> None:
        socket = device.socket
        async with asyncio.timeout(self._settings.hello_seconds):
            first = await socket.recv()
        socket.understood = time.monotonic()
        await self._greet(device, first)
        # Before the first message too: what a connection has pushed outlives it.
        while await self._is_room(device):
            await self._hear(device, await socket.recv())

    async def _hear(self, device: Device, text: str | bytes) -> None:
        device.socket.understood = time.monotonic()
        message = await self._read(device, text)
        if isinstance(message, Renew):
            self._let_chat(device)
            device.renew(await self._door.identify(message.token))
        else:
            if isinstance(message, Push):
                await self._feed.may_push(device)
            self._obey(device, message, len(text))

    async def _greet(self, device: Device, text: str | bytes) -> None:
        hello = device.session.receive(text)
        assert isinstance(hello, Hello)
        identity = await self._door.greet(device.socket, hello)
        device.introduce(hello, identity)
        self._places.enter(device)
        device.let_in(hello, self._history.current)
        self._notes.heard(device, hello)
        self._feed.join(device)

    async def _read(self, device: Device, text: str | bytes) -> UpMessage:
        """A large message is read when it is wanted, and others get a turn between two of them."""
        if len(text) >= LARGE:
            await device.hold_up(self._ingest.hungry(device.owner))
        return device.session.receive(text)

    def _obey(self, device: Device, message: UpMessage, octets: int) -> None:
        match message:
            case Push(seq=seq, ops=ops):
                self._ingest.add(device.take(seq, ops, octets))
            case Applied():
                self._feed.applied(device)
            case Heartbeat():
                self._let_chat(device)
                self._notes.heard(device, message)
                device.post(device.session.heartbeat())
            case _:
                pass

    def _let_chat(self, device: Device) -> None:
        """Pushes and pages wait for an answer each; what does not is counted."""
        name, now = f"{device.client_id} {device.owner}", time.monotonic()
        if self._chatter.wait(name, now):
            raise RateLimited("more heartbeats and renewals than anybody needs", CHATTER_SECONDS)
        self._chatter.spend(name, 1, now)

    async def _is_room(self, device: Device) -> bool:
        """Read nothing more from a device that does not read, or whose owner's pushes fill the room.

        Where the connection has ended before there is room, what is unread of it stays so.
        """
        await device.socket.settled()
        if self._room.full(device.owner):
            await device.hold_up(self._room.wait(device.owner))
        return not self._room.full(device.owner)
