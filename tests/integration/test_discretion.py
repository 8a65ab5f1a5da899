"""No token and no secret is in any log, error or traceback, however much is logged."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

import jobferry_client.token
from integration.wire import LOG, device, wired
from jobferry_client import ConnectionState, JobClient
from jobferry_server.tokens import issue
from jobferry_shared.errors import RemoteProtocolError
from jobferry_shared.messages import decode_up
from support.issuer import claims
from support.processes import eventually
from support.services import SECRET, Services, token

SOON = 20


def in_pieces(secret: str) -> list[str]:
    """What of a token must not be seen: each of its parts, and the end of the last."""
    return [*(piece for piece in secret.split(".") if len(piece) > 8), secret[-12:]]


def assert_unsaid(said: str, *secrets: str) -> None:
    # The head says no more than the algorithm, and is the same for all.
    head = token().partition(".")[0]
    for secret in secrets:
        for piece in in_pieces(secret):
            assert piece == head or piece not in said, piece


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that any library logs, with the tracebacks."""
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "asyncio", "jobferry", "asyncpg", "psycopg", "urllib3"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def test_no_token_is_logged_on_either_side(
    services: Services,
    device_file: Callable[[str], Path],
    everything: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens in the header, in hello, renewed, refused; and whoever turns our own loggers up."""
    monkeypatch.setattr(jobferry_client.token, "RENEW_AT", 1e-6)
    monkeypatch.setattr(jobferry_client.token, "RENEW_SECONDS", 0.02)
    given: list[str] = []

    def give() -> str:
        given.append(issue(SECRET, "anna", timedelta(minutes=len(given) + 1)))
        return given[-1]

    refused = issue("x" * 32, "mallory", timedelta(1))
    unsigned = jwt.encode(claims("mallory"), "", "none")
    with services.gateway() as url:
        for name in ("jobferry.gateway.websocket", "jobferry.client.websocket"):
            everything.set_level(logging.DEBUG, name)
        with JobClient(device_file("one"), url, give) as client:
            client.sync(SOON)
            eventually(lambda: len(given) > 3, SOON)
        for bad in (refused, unsigned):
            with JobClient(device_file("two"), url, bad) as client:
                eventually(lambda: client.status().state is ConnectionState.NEEDS_AUTH, SOON)
                assert_unsaid(str(client.status()), bad)
            with wired(url) as wire:
                wire.say("hello", protocol=1, client_id=str(wire.client_id), token=bad)
                assert_unsaid(str(wire.expect_error()), bad)
        for _ in range(2):
            with device(url) as wire:
                wire.say("renew", token=refused)
                assert_unsaid(str(wire.expect_error()), refused)
    theirs = [record for record in everything.records if record.name != LOG.name]
    assert theirs
    said = "\n".join(everything.handler.format(record) for record in theirs)
    assert_unsaid(said, SECRET, refused, unsigned, *given)


@pytest.mark.parametrize("field", ["token", "tokn"])
def test_no_complaint_about_a_message_repeats_it(field: str) -> None:
    secret = token() * 99
    hello = f'{{"type": "hello", "protocol": 1, "client_id": "x", "{field}": "{secret}"}}'
    renew = f'{{"type": "renew", "{field}": "{secret}"}}'
    for text in (hello, renew, renew[:-1], f'"{secret}"', secret):
        with pytest.raises(RemoteProtocolError) as no:
            decode_up(text)
        assert_unsaid(str(no.value), secret)
        error: BaseException | None = no.value
        while error is not None:
            assert_unsaid(f"{error!r} {error}", secret)
            error = error.__cause__ or error.__context__


def test_processes_at_debug_say_no_token_and_no_secret(dsn: str, tmp_path: Path) -> None:
    """A gateway and a device whose loggers are all at DEBUG, and asyncio too."""
    path = tmp_path / "till.db"
    program = f"""
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from jobferry_client import JobClient
from support.services import Services
with Services({dsn!r}) as services, services.gateway() as url:
    with JobClient({str(path)!r}, url, sys.argv[1]) as client:
        client.submit()
        client.sync(20)
    print(repr(client), vars(client), vars(client._engine), file=sys.stderr)
    with JobClient({str(path)!r}, url, sys.argv[2]) as client:
        try:
            client.sync(20)
        except Exception:
            logging.exception("refused")
"""
    good, bad = token(), issue("x" * 32, "anna", timedelta(1))
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONASYNCIODEBUG": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", program, good, bad],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "refused" in ran.stderr
    assert "DEBUG" in ran.stderr
    assert_unsaid(ran.stdout + ran.stderr, good, bad, SECRET)
