"""A device on the wire: says what a test wants it to say, well or badly, and hears the answers."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from jobferry_shared.ids import new_id
from jobferry_shared.versions import PROTOCOL
from support.services import token

Message = dict[str, Any]

SECONDS = 30.0
#: Not a part's: what it says word for word is the test's own.
LOG = logging.getLogger("tests.wire")


def job(**spec: object) -> Message:
    """What a submit says of a job."""
    return {"id": str(new_id()), "timestamp": "2026-01-01T00:00:00Z", "payload": "{}"} | spec


def submit(spec: Message, **more: object) -> Message:
    """An operation."""
    return {"op": "submit", "job": spec, **more}


def cancel(spec: Message) -> Message:
    """An operation."""
    return {"op": "cancel", "id": spec["id"]}


class Wire:
    """One connection, and what the device behind it would remember."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.client_id = uuid4()
        self.cursor: str | None = None
        self.pushes = 0
        self.known: set[str] = set()
        self._unheard: list[Message] = []

    # -- to the gateway

    def say(self, kind: str, **fields: object) -> None:
        """Any message."""
        self.socket.send(json.dumps({"type": kind} | fields))

    def hello(self, **fields: object) -> Message:
        """Open the conversation; the welcome."""
        self.say(
            "hello",
            **{"protocol": PROTOCOL, "client_id": str(self.client_id), "cursor": self.cursor}
            | fields,
        )
        return self.expect("welcome")

    def push(self, *ops: Message) -> None:
        """One batch."""
        self.pushes += 1
        self.known |= {op["job"]["id"] for op in ops if op["op"] == "submit"}
        self.say("push", seq=self.pushes, ops=ops)

    def deliver(self, *ops: Message) -> list[tuple[str, str]]:
        """Push and wait for the answer: the rejected by id, with the code."""
        self.push(*ops)
        found = self.expect("pushed")
        assert found["through"] == self.pushes
        return [(one["id"], one["code"]) for one in found["rejected"]]

    def hear_error(self) -> str:
        """The code of the error with which the gateway ends the session."""
        code: str = self._error()["code"]
        return code

    def closed(self, seconds: float = 10) -> int | None:
        """The code with which the gateway closes; what it still says before is passed over."""
        while True:
            try:
                self.socket.recv(seconds)
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else None

    # -- from the gateway

    def hear(self, seconds: float = SECONDS) -> Message:
        """The next message."""
        return self._unheard.pop(0) if self._unheard else self._next(seconds)

    def expect(self, kind: str, seconds: float = SECONDS) -> Message:
        """The next message of this kind; the others are kept."""
        for number, message in enumerate(self._unheard):
            if message["type"] == kind:
                return self._unheard.pop(number)
        while (message := self._next(seconds))["type"] != kind:
            assert message["type"] != "error", message
            self._unheard.append(message)
        return message

    def expect_error(self) -> Message:
        """The error with which the gateway ends the session."""
        message = self._error()
        assert self.closed() == (1013 if "retry_after" in message else 1008)
        return message

    def _error(self) -> Message:
        while (message := self.hear())["type"] != "error":
            pass
        assert message["message"]
        return message

    def page(self) -> Message:
        """The next page of changes, applied."""
        page = self.expect("changes")
        self.apply(page)
        return page

    def apply(self, page: Message) -> None:
        """Store a page. Every job comes with its payload until it is known."""
        unheard_of = {row["id"] for row in page["rows"] if "spec" not in row} - self.known
        assert not unheard_of, f"no payload of {unheard_of}"
        self.known |= {row["id"] for row in page["rows"]}
        self.cursor = page["cursor"]
        self.say("applied", cursor=self.cursor)

    def walk(self) -> list[Message]:
        """Pages until the device is in step."""
        pages = [self.page()]
        while not pages[-1]["complete"]:
            pages.append(self.page())
        return pages

    def rows(self) -> list[Message]:
        """All changes until the device is in step."""
        return [row for page in self.walk() for row in page["rows"]]

    def row(self) -> Message:
        """The one change there is."""
        (row,) = self.rows()
        return row

    def _next(self, seconds: float) -> Message:
        found: Message = json.loads(self.socket.recv(seconds))
        return found


@contextmanager
def wired(url: str, **headers: str) -> Iterator[Wire]:
    """A connection on which nothing has been said yet."""
    with connect(
        url, additional_headers=headers, proxy=None, compression=None, max_size=None, logger=LOG
    ) as socket:
        yield Wire(socket)


@contextmanager
def device(
    url: str, owner: str = "anna", *, before: Wire | None = None, **hello: object
) -> Iterator[Wire]:
    """A device that has said hello: a new one, or the same as ``before``."""
    with wired(url, Authorization=f"Bearer {token(owner)}") as wire:
        if before is not None:
            wire.client_id, wire.cursor, wire.known = before.client_id, before.cursor, before.known
        wire.hello(**hello)
        yield wire
