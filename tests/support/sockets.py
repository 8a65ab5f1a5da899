"""A device on a bare socket: it reads what it is told to read, and nothing otherwise."""

import socket
from urllib.parse import urlsplit
from uuid import uuid4

from jobferry_shared.session import ClientSession
from support.services import token

__all__ = ["DeafDevice"]


class DeafDevice:
    """A connection whose kernel reads next to nothing in its place."""

    def __init__(self, url: str, owner: str = "anna") -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # As on a real network: the other side's kernel keeps tens of segments.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
        self.socket.connect((address.hostname, address.port))
        self.socket.sendall(
            (
                f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Authorization: Bearer {token(owner)}\r\n\r\n"
            ).encode()
        )

    def hello(self) -> None:
        """Open the conversation."""
        self.say(ClientSession().hello(str(uuid4()), None))

    def say(self, text: str) -> None:
        """One text frame, its mask all zeros."""
        data = text.encode()
        size = len(data)
        length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
        self.socket.sendall(b"\x81" + length + bytes(4) + data)

    def read(self, octets: int) -> None:
        """Read so much."""
        while octets > 0:
            octets -= len(self.socket.recv(octets))

    def read_to(self, word: str) -> None:
        """Read as far as this word and no further."""
        found = b""
        while word.encode() not in found:
            found += self.socket.recv(1)

    def close(self) -> None:
        """Go without a word."""
        self.socket.close()
