"""What no device says: requests and frames, each with how the gateway's port answers."""

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

__all__ = [
    "CLOSED_BY_THE_LIBRARY",
    "FRAMES",
    "REFUSED_BY_THE_LIBRARY",
    "REQUESTS",
    "answer_to",
    "frame",
    "raw",
    "request",
]

TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """One frame as RFC 6455 has it, or as it forbids it. ``length`` is what the header claims."""
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | reserved | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        header = struct.pack("!BB", first, mask_bit | size)
    elif size < 1 << 16:
        header = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        header = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return header + payload
    mask = os.urandom(4)
    return header + mask + bytes(octet ^ mask[n % 4] for n, octet in enumerate(payload))


def _deflated(payload: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return (squeezed.compress(payload) + squeezed.flush(zlib.Z_SYNC_FLUSH))[:-4]


BEAT = b'{"type":"heartbeat"}'

#: What comes after the welcome, and the code with which the websocket is closed.
FRAMES: dict[str, tuple[bytes, int]] = {
    "a compressed frame": (frame(_deflated(BEAT), reserved=RSV1), 1002),
    "a zip bomb": (frame(_deflated(b"0" * 10_000_000), reserved=RSV1), 1002),
    "a reserved bit": (frame(BEAT, reserved=RSV2), 1002),
    "another reserved bit": (frame(BEAT, reserved=RSV3), 1002),
    "an unmasked frame": (frame(BEAT, masked=False), 1002),
    "an unknown kind of frame": (frame(BEAT, 3), 1002),
    "an unknown kind of control frame": (frame(b"", 11), 1002),
    "a ping of 126 octets": (frame(b"x" * 126, PING), 1002),
    "a ping in fragments": (frame(b"x", PING, fin=False), 1002),
    "the rest of nothing": (frame(BEAT, CONTINUATION), 1002),
    "a message within a message": (frame(b"{", fin=False) + frame(BEAT), 1002),
    "a closing of one octet": (frame(b"x", CLOSE), 1002),
    "a closing with a code that is none": (frame(struct.pack("!H", 999), CLOSE), 1002),
    "a closing with bad UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", CLOSE), 1007),
    "bad UTF-8": (frame(b'{"type":"\xff"}'), 1007),
    "half a character": (frame(b'{"type":"\xc3'), 1007),
    "bad UTF-8 in fragments": (frame(b"\xc3", fin=False) + frame(b"(", CONTINUATION), 1007),
    "a length beyond all lengths": (frame(length=1 << 63), 1009),
    "a length of four exabytes": (frame(length=1 << 62), 1009),
    "one octet above the limit": (frame(b" " * 80_001), 1009),
    "fragments that add up to too much": (
        frame(b" " * 40_000, fin=False) + frame(b" " * 40_001, CONTINUATION, fin=False),
        1009,
    ),
}

#: Closed by websockets itself, not by code of ours.
CLOSED_BY_THE_LIBRARY = {code for _, code in FRAMES.values()}

_UPGRADE = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(first: str = "GET / HTTP/1.1", **more: str) -> bytes:
    """A handshake, with these headers in the place of its own; an empty one is left out."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    headers = "".join(f"{name}: {value}\r\n" for name, value in (_UPGRADE | named).items() if value)
    return f"{first}\r\n{headers}\r\n".encode()


#: What comes before there is a websocket, and the status of the answer. What is no HTTP gets none.
REQUESTS: dict[str, tuple[bytes, int | None]] = {
    "a handshake": (request(), 101),
    "a plain request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
    "a health page": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    "a POST": (request("POST / HTTP/1.1"), 405),
    "HTTP/1.0": (request("GET / HTTP/1.0"), 505),
    "another version of websockets": (request(Sec_WebSocket_Version="8"), 400),
    "no key": (request(Sec_WebSocket_Key=""), 400),
    "a key that is too short": (request(Sec_WebSocket_Key="eA=="), 400),
    "a token that is none": (request(Authorization="Bearer x"), 401),
    "a token of octets": (request(Authorization="Bearer \x80\xff.\xe9.\xe9"), 401),
    "octets": (bytes(range(128, 192)) + b"\r\n\r\n", None),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32 + b"\r\n", None),
    "a line without end": (b"GET /" + b"x" * 10_000, 414),
    "a header without end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000, 431),
    "a thousand headers": (request(**{f"X-{n}": "x" for n in range(1000)}), 431),
}

_OURS = {101, 200, 401}
REFUSED_BY_THE_LIBRARY = {status for _, status in REQUESTS.values() if status} - _OURS


@contextmanager
def raw(url: str) -> Iterator[socket.socket]:
    """A connection without any protocol."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port or 0), 10) as found:
        yield found


def answer_to(url: str, octets: bytes) -> int | None:
    """The status with which a first request is answered; ``None`` if the connection just ends."""
    with raw(url) as stranger:
        stranger.sendall(octets)
        line = stranger.makefile("rb").readline()
    return int(line.split()[1]) if line else None
