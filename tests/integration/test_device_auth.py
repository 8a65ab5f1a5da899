"""A device and its token: renewed in time, refused with a reason, given late or never."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

import jobferry_client.token
from jobferry_client import ConnectionState, JobClient, Timing
from jobferry_server.tokens import Verifier, issue
from support.issuer import claims
from support.processes import eventually
from support.proxy import Proxy
from support.services import SECRET, Services, token

SOON = 20


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """The device's file."""
    return device_file("till")


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway that looks often whether tokens have expired."""
    with services.gateway(silence_seconds=2) as url:
        yield url


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    """The way to it, which counts connections."""
    port = int(url.rpartition(":")[2])
    with Proxy(("127.0.0.1", port)) as proxy:
        yield proxy


def needs_auth(client: JobClient, reason: str) -> Callable[[], bool]:
    """Does the client say that it needs somebody, and why?"""

    def look() -> bool:
        status = client.status()
        return status.state is ConnectionState.NEEDS_AUTH and reason in (status.reason or "")

    return look


# -- renewal


def test_a_token_is_renewed_before_it_expires_on_the_same_connection(
    path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lives for two to three seconds; without a renewal the gateway would end it."""
    monkeypatch.setattr(jobferry_client.token, "RENEW_AT", 0.2)
    monkeypatch.setattr(jobferry_client.token, "RENEW_SECONDS", 0.1)
    given: list[str] = []

    def give() -> str:
        given.append(issue(SECRET, "anna", timedelta(seconds=3 if len(given) < 8 else 3600)))
        return given[-1]

    with JobClient(path, proxy.url, give) as client:
        client.sync(SOON)
        first = Verifier(SECRET).verify(given[0]).expires_at
        eventually(lambda: time_of(client) > first + 1, SOON)
        client.submit()
        client.sync(SOON)
    assert len(given) >= 3
    assert proxy.accepted == 1


def time_of(client: JobClient) -> float:
    """Now, as long as the client is connected."""
    status = client.status()
    assert status.state is ConnectionState.CONNECTED, status.reason
    return time.time()


def test_a_renewal_that_fails_is_tried_again(
    path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobferry_client.token, "RENEW_AT", 1e-6)
    monkeypatch.setattr(jobferry_client.token, "RENEW_SECONDS", 0.02)
    asked = 0

    def give() -> str:
        nonlocal asked
        asked += 1
        if asked in (2, 3):
            raise OSError("the identity provider is away")
        return token("anna")

    with caplog.at_level(logging.WARNING), JobClient(path, proxy.url, give) as client:
        client.sync(SOON)
        eventually(lambda: asked >= 6, SOON)
        assert client.status().state is ConnectionState.CONNECTED
    assert caplog.text.count("can not be renewed: no token was given: the identity provider") == 2
    assert proxy.accepted == 1


def test_the_same_token_again_is_not_handed_in_and_not_asked_for_without_a_pause(
    path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobferry_client.token, "RENEW_AT", 1e-6)
    monkeypatch.setattr(jobferry_client.token, "RENEW_SECONDS", 0.05)
    asked = threading.Semaphore(0)
    same = token("anna")

    def give() -> str:
        asked.release()
        return same

    with JobClient(path, proxy.url, give) as client:
        client.sync(SOON)

        def nothing_is_handed_in() -> bool:
            """What was under way when the device was in step has arrived at some time."""
            before = proxy.up
            assert all(asked.acquire(timeout=SOON) for _ in range(4))
            return proxy.up == before

        eventually(nothing_is_handed_in, SOON)
        assert client.status().state is ConnectionState.CONNECTED


def test_a_renewed_token_of_somebody_else_ends_in_needs_auth(
    path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobferry_client.token, "RENEW_AT", 1e-6)
    monkeypatch.setattr(jobferry_client.token, "RENEW_SECONDS", 0.05)
    given = iter([token("anna")])

    with JobClient(path, proxy.url, lambda: next(given, token("bert"))) as client:
        eventually(needs_auth(client, "this file holds anna's jobs"), SOON)


# -- refusals


def signed(**more: object) -> str:
    return jwt.encode(claims(**more), SECRET, "HS256")  # type: ignore[arg-type]


REFUSALS: dict[str, tuple[str | None, str]] = {
    "none": (None, "a token is wanted"),
    "empty": ("", "a token is wanted"),
    "garbage": ("nonsense", "the token was refused"),
    "expired": (signed(seconds=-60), "Signature has expired"),
    "of another secret": (issue("x" * 32, "anna", timedelta(1)), "Signature verification failed"),
    "of another audience": (signed(aud="others"), "Audience doesn't match"),
    "of nobody": (signed(sub=None), 'missing the "sub" claim'),
    "not valid yet": (signed(nbf=2**40), "not yet valid"),
    "no token at all": ("a\r\nb", "the token has characters that no token has"),
    "of another alphabet": ("\u0436" * 9, "the token has characters that no token has"),
}


@pytest.mark.parametrize("renews", [False, True])
def test_every_refusal_shows_in_needs_auth_with_its_reason(
    device_file: Callable[[str], Path], url: str, renews: bool
) -> None:
    """However the token is given; what is unsent stays."""
    for kind, (bad, reason) in REFUSALS.items():
        given = (lambda bad=bad: bad) if renews else bad
        with JobClient(device_file(kind), url, given) as client:
            client.submit()
            eventually(needs_auth(client, reason), SOON, 0.005)
            assert client.status().pending == 1, kind


def test_a_token_that_expires_needs_auth_if_there_is_no_other(path: Path, url: str) -> None:
    with JobClient(path, url, issue(SECRET, "anna", timedelta(seconds=2))) as client:
        client.sync(SOON)
        eventually(needs_auth(client, "the token has expired"), SOON, 0.01)


def test_a_refused_token_is_not_refused_for_ever(services: Services, path: Path) -> None:
    """It was the gateway's mistake, and nobody is there to turn the switch."""
    timing = Timing(doubt=0.1)
    with ExitStack() as stack:
        with services.gateway(Verifier("a secret of somebody else's gateway")) as url:
            client = stack.enter_context(JobClient(path, url, token("anna"), timing=timing))
            eventually(needs_auth(client, "Signature verification failed"), SOON, 0.005)
        stack.enter_context(services.gateway(port=int(url.rpartition(":")[2])))
        eventually(lambda: client.status().state is ConnectionState.CONNECTED, SOON, 0.01)
        client.sync(SOON)


def test_space_around_a_token_is_no_part_of_it(path: Path, url: str) -> None:
    with JobClient(path, url, f" {token('anna')}\n") as client:
        client.sync(SOON)


# -- a callable that takes its time


def test_a_callable_that_does_not_answer_is_a_reason_and_is_asked_but_once(
    path: Path, url: str
) -> None:
    answer, asked = threading.Event(), 0

    def ponder() -> str:
        nonlocal asked
        asked += 1
        answer.wait(60)
        return token("anna")

    with JobClient(path, url, ponder, timing=Timing(connect=0.05)) as client:
        eventually(
            lambda: client.status().reason == "no token was given within 0.05 s", SOON, 0.001
        )
        eventually(lambda: client.status().state is ConnectionState.CONNECTING, SOON, 0.001)
        assert asked == 1
        answer.set()
        client.sync(SOON)


def test_a_callable_that_never_answers_keeps_nobody_from_ending(path: Path, url: str) -> None:
    answer = threading.Event()
    with JobClient(path, url, lambda: str(answer.wait(60))):
        pass
    answer.set()


# -- who is on the way


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("ws://till.invalid:1", True),
        ("wss://till.invalid:1", False),
        ("ws://127.0.0.1:1", False),
        ("ws://[::1]:1", False),
        ("ws://localhost:1", False),
    ],
)
def test_a_token_in_clear_is_warned_of(
    path: Path, url: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), JobClient(path, url, token()) as client:
        eventually(lambda: client.status().reason not in (None, "not connected yet"), SOON, 0.005)
    assert ("not encrypted" in caplog.text) is warned
