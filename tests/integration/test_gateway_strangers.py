"""Connections that have shown no valid token: bounded in number, in time and in octets."""

import json
import logging
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from socket import SO_SNDTIMEO, SOL_SOCKET
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from integration.database import Database
from integration.test_gateway_life import get
from integration.wire import Wire, device, job, submit, wired
from jobferry_server.gateway.line import STRANGER_BYTES
from jobferry_server.keys import PublishedKeys
from jobferry_server.tokens import Verifier
from jobferry_shared.versions import PROTOCOL
from support.issuer import SigningKey, publishing
from support.processes import eventually
from support.services import Services, token

FEW = 5
#: Octets that nobody would take from a stranger; the kernels between keep some millions.
ENDLESS = 64_000_000


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway with room for few strangers."""
    with services.gateway(strangers=FEW) as url:
        yield url


@contextmanager
def mute(url: str) -> Iterator[socket.socket]:
    """A connection below any websocket."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as found:
        yield found


def is_gone(stranger: socket.socket) -> bool:
    """Has the gateway ended it?"""
    stranger.settimeout(0.01)
    try:
        return stranger.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


# -- number


def test_when_there_are_too_many_the_oldest_makes_way(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack, caplog.at_level(logging.WARNING, "jobferry.gateway"):
        crowd = []
        for _ in range(3 * FEW):
            crowd.append(stack.enter_context(mute(url)))
            # In this order: an accept rings no bell here.
            assert get(url, "/healthz")[0] == 200
        for stranger in crowd[: 2 * FEW]:
            eventually(partial(is_gone, stranger), 10, 0.001)
        assert not any(is_gone(stranger) for stranger in crowd[-FEW + 1 :])
    assert "without a valid token were dropped" in caplog.text
    assert caplog.text.count("were dropped") == 1


def test_a_flood_of_strangers_keeps_no_device_out_and_ends_none(db: Database, url: str) -> None:
    with device(url) as before, ExitStack() as stack:
        for number in range(4 * FEW):
            stack.enter_context(mute(url))
            if number % FEW == 0:
                with device(url) as new:
                    assert new.deliver(submit(job())) == []
        assert before.deliver(submit(job())) == []
    assert db.value("select count(*) from background_jobs") == 5


def test_who_shows_a_token_is_no_stranger_either_way(url: str) -> None:
    """More than there is room for, at once."""
    with ExitStack() as stack:
        devices = []
        for number in range(3 * FEW):
            headers = {"Authorization": f"Bearer {token()}"} if number % 2 else {}
            devices.append(stack.enter_context(wired(url, **headers)))
            devices[-1].hello(**({} if headers else {"token": token()}))
        for wire in devices:
            assert wire.deliver(submit(job())) == []


def test_places_are_given_back(url: str) -> None:
    for _ in range(4 * FEW):
        with mute(url):
            pass
    with ExitStack() as stack:
        crowd = [stack.enter_context(wired(url)) for _ in range(FEW)]
        for wire in crowd:
            assert wire.hello(token=token())["owner"] == "anna"


# -- time


def test_who_does_not_finish_a_request_is_sent_away(services: Services) -> None:
    with services.gateway(hello_seconds=0.1) as url:
        for said in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"):
            with mute(url) as stranger:
                stranger.sendall(said)
                eventually(partial(is_gone, stranger), 10, 0.005)


FRAME = b"\x81\xfe\x04\x00\x00\x00\x00\x00" + b" " * 1024


def trickle(wire: Wire) -> int:
    """A frame of spaces, octet by octet; how many were taken."""
    for number, octet in enumerate(FRAME):
        try:
            wire.socket.socket.sendall(bytes([octet]))
        except OSError:
            return number
        time.sleep(0.005)
    return len(FRAME)


def test_who_says_hello_octet_by_octet_is_sent_away(services: Services) -> None:
    """Each octet is a sign of life, and buys no time."""
    with services.gateway(hello_seconds=0.3) as url, wired(url) as wire:
        assert trickle(wire) < len(FRAME)


def test_a_gateway_that_ends_does_not_wait_for_who_says_nothing(services: Services) -> None:
    with ExitStack() as stack:
        gateway = services.gateway(hello_seconds=300, drain_seconds=0.1)
        url = gateway.__enter__()
        crowd = [stack.enter_context(mute(url)) for _ in range(FEW)]
        crowd.append(stack.enter_context(wired(url)).socket.socket)
        # They were accepted in this order.
        assert get(url, "/healthz")[0] == 200
        gateway.__exit__(None, None, None)
        assert all(is_gone(stranger) for stranger in crowd[:FEW])


# -- octets


def test_a_hello_above_the_limit_is_not_read(url: str) -> None:
    with wired(url) as wire:
        wire.socket.send(" " * (STRANGER_BYTES + 1))
        assert wire.closed() in (1009, None)


def flood(wire: Wire) -> int:
    """How many octets are taken before nobody takes any more, in messages none of which is too large."""
    wire.socket.socket.setsockopt(SOL_SOCKET, SO_SNDTIMEO, struct.pack("ll", 1, 0))
    taken = 0
    with suppress(ConnectionClosed):
        while taken < ENDLESS:
            wire.socket.send("{}" + " " * 20_000)
            taken += 20_000
    return taken


def test_what_a_stranger_says_while_his_token_is_looked_at_is_bounded(services: Services) -> None:
    """None of it is refused as it comes: its issuer takes his time."""
    known = SigningKey()
    with publishing(known) as issuer:
        verifier = Verifier(PublishedKeys(issuer.url, cooldown=0, timeout=60))
        with services.gateway(verifier) as url, wired(url) as wire:
            eventually(lambda: issuer.asked == 1, every=0.005)
            issuer.answers.clear()
            hello = {"protocol": PROTOCOL, "client_id": str(wire.client_id)}
            wire.say("hello", **hello, token=SigningKey("unknown").sign())
            eventually(lambda: issuer.asked == 2, every=0.005)
            assert flood(wire) < ENDLESS
            issuer.answers.set()


def test_the_longest_hello_passes(url: str) -> None:
    with wired(url) as wire:
        wire.say(
            "hello",
            protocol=PROTOCOL,
            client_id=str(wire.client_id),
            cursor="x" * 65_536,
            token=token() + "." + "x" * (16_383 - len(token())),
        )
        assert wire.expect_error()["code"] == "unauthenticated"


def test_a_large_message_passes_once_the_token_was_shown(url: str) -> None:
    large = job(payload=json.dumps("x" * 900_000))
    for headers in ({"Authorization": f"Bearer {token()}"}, {}):
        with wired(url, **headers) as wire:
            wire.hello(**({} if headers else {"token": token()}))
            assert wire.deliver(submit(large)) == []


def test_nothing_is_inflated(url: str) -> None:
    """A small frame can't become a large message: compression is not agreed to."""
    with connect(url, compression="deflate", proxy=None) as wire:
        assert wire.response is not None
        assert "Sec-WebSocket-Extensions" not in wire.response.headers


# -- origins


PAGE = "https://app.example.org"
ELSEWHERE = [
    "https://evil.example.org",
    "http://app.example.org",
    "https://app.example.org.evil.org",
    "null",
]


def test_a_page_connects_from_a_listed_origin_alone(services: Services) -> None:
    with services.gateway(origins=("https://other.example.org", PAGE)) as url:
        for headers in ({}, {"Origin": PAGE}):
            with wired(url, **headers) as wire:
                wire.hello(token=token())
        for origin in ELSEWHERE:
            with pytest.raises(InvalidStatus) as no, wired(url, Origin=origin):
                pass
            assert no.value.response.status_code == 403, origin


def test_without_a_list_no_page_connects(url: str) -> None:
    with pytest.raises(InvalidStatus), wired(url, Origin=PAGE):
        pass


# -- the header


def test_the_scheme_s_case_and_space_do_not_matter(url: str) -> None:
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer  "):
        with wired(url, Authorization=f"{scheme} {token()}") as wire:
            wire.hello()


def test_another_scheme_is_no_token_and_hello_may_bring_one(url: str) -> None:
    with wired(url, Authorization="Basic YTpi") as wire:
        assert wire.hello(token=token("bert"))["owner"] == "bert"


def test_two_tokens_in_the_header_are_none(url: str) -> None:
    both = [("Authorization", f"Bearer {token(owner)}") for owner in ("anna", "bert")]
    with (
        pytest.raises(InvalidStatus) as no,
        connect(url, additional_headers=both, proxy=None, compression=None),
    ):
        pass
    assert no.value.response.status_code == 401
