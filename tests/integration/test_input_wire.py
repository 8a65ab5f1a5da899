"""What comes over the wire and should not: each is answered by its code, and harms nobody else."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from integration.database import Database
from integration.test_gateway_life import get
from integration.test_gateway_wire import hello, refused, unharmed
from integration.wire import Wire, device, job, submit, wired
from jobferry_client import JobClient
from support.misuse import FRAMES, REQUESTS, answer_to, frame, raw, request
from support.noise import CONNECTIONS, SEED, Noise
from support.processes import eventually
from support.services import Services, token

CONTINUATION, PING = 0, 9


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway of small messages."""
    with services.gateway(message_bytes=80_000, payload_bytes=10_000) as found:
        yield found


# -- frames and requests


@pytest.mark.parametrize("when", ["before hello", "after hello"])
def test_a_frame_that_breaks_the_rules_ends_its_own_connection(
    db: Database, url: str, when: str
) -> None:
    with unharmed(db, url):
        for kind, (octets, code) in FRAMES.items():
            with wired(url, Authorization=f"Bearer {token()}") as wire:
                if when == "after hello":
                    wire.hello()
                wire.socket.socket.sendall(octets)
                assert wire.closed() == code, kind


def test_a_request_that_is_no_handshake_is_answered_and_let_go(db: Database, url: str) -> None:
    with unharmed(db, url):
        found = {kind: answer_to(url, octets) for kind, (octets, _) in REQUESTS.items()}
    assert found == {kind: status for kind, (_, status) in REQUESTS.items()}


def test_compression_is_not_agreed_to_whoever_offers_it(url: str) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    with connect(url, additional_headers=headers, compression="deflate", proxy=None) as socket:
        assert socket.protocol.extensions == []
        wire = Wire(socket)
        wire.hello()
        assert wire.deliver(submit(job())) == []


def test_a_message_in_fragments_with_pings_between_is_a_message(url: str) -> None:
    spec = job()
    text = json.dumps({"type": "push", "seq": 1, "ops": [submit(spec)]}).encode()
    with device(url) as wire:
        line = wire.socket.socket
        line.sendall(frame(text[:10], fin=False))
        for n in range(10, len(text), 7):
            line.sendall(frame(text[n : n + 7], CONTINUATION, fin=False) + frame(b"", PING))
        line.sendall(frame(b"", CONTINUATION))
        assert wire.expect("pushed")["through"] == 1


def test_a_message_in_a_binary_frame_is_a_message(url: str) -> None:
    with device(url) as wire:
        text = json.dumps({"type": "push", "seq": 1, "ops": [submit(job())]})
        wire.socket.send(text.encode())
        assert wire.expect("pushed")["through"] == 1


# -- slowness


def drip(send: Callable[[bytes], object], octets: bytes) -> None:
    """An octet at a time, until the other side has had enough."""
    with suppress(OSError):
        for octet in octets:
            send(bytes([octet]))
            time.sleep(0.02)


def test_a_hello_that_takes_for_ever_does_not_hold_a_connection(
    db: Database, services: Services
) -> None:
    with services.gateway(hello_seconds=0.3) as url, unharmed(db, url), wired(url) as wire:
        drip(wire.socket.socket.sendall, frame(b" " * 1000)[:40])
        assert wire.closed(2) == 1008


def test_a_handshake_that_takes_for_ever_does_not_either(db: Database, services: Services) -> None:
    with services.gateway(hello_seconds=0.3) as url, unharmed(db, url), raw(url) as stranger:
        drip(stranger.sendall, request()[:40])
        stranger.settimeout(2)
        with suppress(ConnectionResetError):
            assert stranger.recv(1) == b""


def test_a_push_that_takes_its_time_is_a_push_and_holds_up_nobody(db: Database, url: str) -> None:
    text = json.dumps({"type": "push", "seq": 1, "ops": [submit(job())]}).encode()
    with unharmed(db, url), device(url) as wire:
        octets = frame(text)
        drip(wire.socket.socket.sendall, octets[:30])
        wire.socket.socket.sendall(octets[30:])
        assert wire.expect("pushed")["through"] == 1


PINGS = frame(b"x" * 125, PING) * 1000


def test_who_pings_and_takes_no_pong_is_let_go_before_they_pile_up(db: Database, url: str) -> None:
    """A device, not a stranger: its octets are not counted. What the kernel keeps is not ours."""
    with unharmed(db, url), raw(url) as stranger:
        stranger.sendall(request(Authorization=f"Bearer {token()}"))
        stranger.sendall(frame(json.dumps({"type": "hello", **hello()}).encode()))
        heard = b""
        while b'"welcome"' not in heard:
            heard += stranger.recv(4096)
        stranger.settimeout(60)
        with pytest.raises(ConnectionError):
            stranger.sendall(PINGS * 300)


# -- messages out of place


NUMBERS = [2, 2**31, 2**63, 10**300, -1, -(2**63), 0, 1.0, True, "1", None, [1]]


def test_a_push_has_the_next_number_and_no_other(db: Database, url: str) -> None:
    with unharmed(db, url):
        for seq in NUMBERS:
            with device(url) as wire:
                wire.say("push", seq=seq, ops=[submit(job())])
                assert refused(wire) == "protocol_error", seq
    assert db.value("select count(*) from background_jobs where submitted_by = 'anna'") == 0


def test_a_page_is_applied_once_and_by_its_own_cursor(url: str) -> None:
    with device(url) as wire:
        page = wire.page()
        wire.say("applied", cursor=page["cursor"])
        assert refused(wire) == "protocol_error"
    with device(url) as wire:
        wire.expect("changes")
        wire.say("applied", cursor=f"{page['cursor']}0")
        assert refused(wire) == "protocol_error"


FORGED: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "words": lambda _: "the-beginning",
    "SQL": lambda epoch: f"{epoch}/1:1:'::pg_snapshot;drop/table////",
    "slashes": lambda _: "/" * 60_000,
    "no snapshot": lambda epoch: f"{epoch}//////",
    "a snapshot backwards": lambda epoch: f"{epoch}/9:3:////",
    "the end of time": lambda epoch: f"{epoch}/{2**63 - 1}:{2**63 - 1}:////",
    "beyond the end": lambda epoch: f"{epoch}/{2**64}:{2**64}:////",
    "a future": lambda epoch: f"{epoch}/1:4000000000:////",
    "a million running": lambda epoch: f"{epoch}/1:8000:{','.join(map(str, range(1, 8000)))}////",
    "a walk to nowhere": lambda epoch: f"{epoch}/3:3:/1:1:///",
    "a row that is none": lambda epoch: f"{epoch}///a/1/{'f' * 36}",
    "tombstones of a walk that is none": lambda epoch: f"{epoch}///g//",
}


def test_a_forged_cursor_reads_what_is_the_owner_s_and_stops_nobody(db: Database, url: str) -> None:
    epoch = db.value("select jobferry.epoch()")
    foreign = str(db.insert(submitted_by="bert"))
    with unharmed(db, url):
        for kind, forge in FORGED.items():
            with device(url, cursor=forge(epoch)) as wire:
                assert wire.deliver(submit(job())) == [], kind
                wanted = {str(db.insert(submitted_by="anna"))}
                while wanted:
                    seen = {row["id"] for row in wire.rows()}
                    assert foreign not in seen, kind
                    wanted -= seen


ODD_VERSION = "1\x1b[2J\x00"


def test_a_device_s_version_can_not_spoil_the_notes_on_others(url: str) -> None:
    with wired(url, Authorization=f"Bearer {token()}") as wire:
        wire.say("hello", **hello(client_version=ODD_VERSION))
        assert refused(wire) == "protocol_error"


# -- noise


async def make_noise(url: str, seed: int) -> None:
    """One connection that says what comes to its mind, until it is sent away."""
    noise = Noise(seed)
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        for octets in noise.connection(token()):
            writer.write(octets)
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(noise.patience):
                    while await reader.read(65536):
                        pass
                    return
    except ConnectionError:
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def test_noise_on_many_connections_stops_nobody(
    db: Database,
    url: str,
    device_file: Callable[[str], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Octets, frames and messages, legal or not; a device beside them goes on, and nothing breaks."""

    async def everybody() -> None:
        await asyncio.gather(*(make_noise(url, SEED + n) for n in range(CONNECTIONS)))

    with JobClient(device_file("till"), url, token("bert")) as client, unharmed(db, url):
        client.sync(10)
        asyncio.run(everybody())
        mine = client.submit("t", {"after": "noise"})
        client.sync(10)
        assert client.get(mine.id).submitted_by == "bert"
    eventually(lambda: get(url, "/readyz") == (200, "ready\n"), 10)
    broken = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert [record.getMessage() for record in broken] == []
    # Some of it was legal.
    assert db.value("select count(*) from background_jobs where submitted_by = 'anna'") > 0
    db.assert_sound()
