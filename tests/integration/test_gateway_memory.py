"""A device that does not read, or does not hear: what it costs is bounded, and nobody else pays."""

import json
import socket
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit

from integration.database import Database, Spec
from integration.wire import device, job, submit
from jobferry_shared.session import ClientSession
from support.processes import eventually
from support.services import Services, token

MEGA = 1024 * 1024


class Deaf:
    """A device on a bare socket: it reads what the test reads."""

    def __init__(self, url: str, owner: str = "anna") -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        # The kernel must not read in its place.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((address.hostname, address.port))
        self.socket.sendall(
            (
                f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Authorization: Bearer {token(owner)}\r\n\r\n"
            ).encode()
        )

    def say(self, text: str) -> None:
        """One text frame, its mask all zeros."""
        self.socket.sendall(_frame(text.encode()))

    def read(self, octets: int) -> None:
        """Now it does."""
        while octets > 0:
            octets -= len(self.socket.recv(octets))

    def read_to(self, word: str) -> None:
        """Read as far as this word and no further."""
        found = b""
        while word.encode() not in found:
            found += self.socket.recv(1)

    def close(self) -> None:
        self.socket.close()


def _frame(data: bytes) -> bytes:
    size = len(data)
    length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data


def test_who_does_not_read_is_not_listened_to_until_it_does(
    db: Database, services: Services
) -> None:
    payload = '"' + "x" * MEGA + '"'
    db.submit(*(Spec(payload=payload) for _ in range(12)))
    session = ClientSession()
    with (
        services.gateway(message_bytes=128 * MEGA, payload_bytes=2 * MEGA) as url,
        device(url, "bert") as other,
        closing(Deaf(url)) as deaf,
    ):
        deaf.say(session.hello("00000000-0000-4000-8000-00000000dea1", None))
        deaf.read_to('"changes"')
        for number in range(1, 5):
            deaf.say(json.dumps({"type": "heartbeat", "pending": number}))
        other.say("heartbeat", pending=9)
        eventually(lambda: _pending(db, "bert") == 9)
        # What it said while a page is under way is not read, all but the first words of it.
        assert _pending(db, "anna") < 4
        deaf.read(12 * MEGA)
        eventually(lambda: _pending(db, "anna") == 4)


def test_who_is_not_read_for_want_of_room_is_not_taken_for_silent(
    db: Database, services: Services
) -> None:
    with (
        services.gateway(waiting_bytes=8_000, silence_seconds=0.9) as url,
        device(url) as wire,
        device(url, "bert") as neighbour,
    ):
        with db.together():
            db.do("lock table background_jobs in share row exclusive mode")
            for _ in range(4):
                wire.push(*(submit(job()) for _ in range(10)))
            for _ in range(12):
                wire.expect("heartbeat")
                neighbour.say("heartbeat")
                neighbour.expect("heartbeat")
            neighbour.push(submit(job()))
        while wire.expect("pushed")["through"] < 4:
            pass
        assert neighbour.expect("pushed")["rejected"] == []


def test_who_was_sent_away_and_goes_on_talking_harms_nobody(
    db: Database, services: Services
) -> None:
    with (
        services.gateway(silence_seconds=0.9) as url,
        closing(Deaf(url)) as rude,
        device(url, "bert") as silent,
    ):
        rude.say(ClientSession().hello("00000000-0000-4000-8000-00000000dea1", None))
        rude.read_to('"changes"')
        rude.say("null")
        rude.read_to('"error"')
        with suppress(OSError):
            for _ in range(25):
                rude.say("{}")
                time.sleep(0.05)
        assert silent.closed(5) == 1001
        with device(url) as wire:
            assert wire.deliver(submit(job())) == []


def _pending(db: Database, owner: str) -> int | None:
    found = db.column("select pending from jobferry.devices where owner = %s", owner)
    return found[0] if found else None
