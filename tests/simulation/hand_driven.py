"""A device whose every message is sent and heard when a test says so: real file, real socket."""

import asyncio
import json
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from jobferry_client import JobClient
from jobferry_client.connection import Connection, GatewayRefused, Timing
from jobferry_client.file import sqlite3
from jobferry_client.replica import Replica
from jobferry_shared.errors import RemoteProtocolError
from support.services import token

__all__ = ["UNSAID", "Device"]

#: What was never committed by anybody.
UNSAID = "never said"

#: How long one listens for what may not come.
HEAR_SECONDS = 0.03
#: Instructions of SQLite's machine between two chances to be killed.
INSTRUCTIONS = 10


class Letters:
    """A websocket as the connection uses one."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, text: str) -> None:
        """Send."""
        self.socket.send(text)

    async def recv(self) -> str | bytes:
        """Hear, if there is anything to be heard."""
        return self.socket.recv(HEAR_SECONDS)


class Device:
    """One file with the application's and the engine's half of it."""

    def __init__(self, path: Path, owner: str, runner: asyncio.Runner) -> None:
        self.path = path
        self.owner = owner
        #: Has it read all there was?
        self.in_step = False
        self.application = JobClient(path)
        self._runner = runner
        self._replica = Replica(path)
        self._connection: Connection | None = None
        self._socket: ClientConnection | None = None
        self._line = ExitStack()

    @property
    def connected(self) -> bool:
        """Is there a conversation?"""
        return self._connection is not None

    @property
    def cursor(self) -> str | None:
        """How far it has read."""
        return self._replica.identity().cursor

    def connect(self, url: str) -> None:
        """Say hello, and be let in."""
        self._socket = self._line.enter_context(
            connect(
                url,
                additional_headers={"Authorization": f"Bearer {token(self.owner)}"},
                proxy=None,
                compression=None,
                max_size=None,
            )
        )
        letters: Any = Letters(self._socket)
        self._connection = Connection(
            letters,
            self._replica,
            asyncio.Event(),
            Timing(),
            on_welcome=lambda: None,
            on_answer=lambda: None,
            on_page=self._read,
            on_wait=lambda _: None,
        )
        self._runner.run(self._connection._say_hello())

    def push(self) -> None:
        """Send what may be sent."""
        if self._connection is not None:
            with suppress(ConnectionClosed):
                self._runner.run(self._connection._push())

    def hear(self) -> bool:
        """Take one message; was there any?"""
        assert self._connection is not None
        try:
            self._runner.run(self._connection._receive())
        except TimeoutError:
            return False
        except (ConnectionClosed, RemoteProtocolError, GatewayRefused):
            self.cut()
        return True

    def hear_and_die(self, after: int) -> None:
        """Be killed while a message is stored, after so many steps of SQLite, if it takes as many."""
        left = [after]

        def step() -> int:
            left[0] -= 1
            return left[0] < 0

        connection = self._replica._database.conn
        connection.set_progress_handler(step, INSTRUCTIONS)
        with suppress(sqlite3.OperationalError):
            self.hear()
        self.restart()

    def submit_and_die(self, task: str) -> None:
        """The application is killed before its commit."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            values = (task, json.dumps(UNSAID))
            connection.execute("INSERT INTO background_jobs (task, payload) VALUES (?, ?)", values)

    def cut(self) -> None:
        """The line is cut; what was on its way is lost."""
        if self._socket is not None:
            # Without a goodbye: what was sent may still arrive. Perhaps there is nobody any more.
            with suppress(OSError):
                self._socket.socket.shutdown(SHUT_RDWR)
            self._line.close()
        self._socket = self._connection = None
        self.in_step = False

    def restart(self) -> None:
        """The engine is killed and started again."""
        self.cut()
        self._replica.close()
        self._replica = Replica(self.path)

    def close(self) -> None:
        """Leave nothing behind."""
        self.cut()
        self._replica.close()
        self.application.close()

    def _read(self, complete: bool) -> None:
        self.in_step = complete
