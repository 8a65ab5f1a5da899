"""What is fuzzed. Each target takes octets and may raise nothing.

Hypothesis calls them in the tests, atheris for as long as one likes: ``make fuzz``.
"""

import json
from collections.abc import Callable
from contextlib import suppress

import jwt

from fuzz.conversation import converse
from jobferry_server.errors import InvalidSchedule, TokenRefused
from jobferry_server.gateway.cursor import Cursor
from jobferry_server.scheduler.crontab import parse_crontab
from jobferry_server.scheduler.schedule_info import parse_text
from jobferry_server.tokens import Verifier
from jobferry_shared import strict_json
from jobferry_shared.durations import parse_duration
from jobferry_shared.errors import InvalidJob, InvalidJSON, RemoteProtocolError
from jobferry_shared.ids import job_id
from jobferry_shared.job import JobError
from jobferry_shared.messages import decode_down, decode_up, encode
from support.services import SECRET

__all__ = ["TARGETS"]

EPOCH = "e"
VERIFIER = Verifier(SECRET)


def text_of(octets: bytes) -> str:
    """As Python carries what is not UTF-8: every text can come, lone surrogates too."""
    return octets.decode(errors="surrogateescape")


def strict(octets: bytes) -> None:
    """What passes is UTF-8, means the same to others, and passes again as we would write it."""
    text = text_of(octets)
    with suppress(InvalidJSON):
        value = strict_json.parse(text)
        text.encode()
        assert json.loads(text) == value
        assert strict_json.parse(strict_json.dump(value)) == value


def up(octets: bytes) -> None:
    """A message that passes is the same when it is said again."""
    with suppress(RemoteProtocolError):
        message = decode_up(octets)
        assert decode_up(encode(message)) == message
    with suppress(RemoteProtocolError):
        decode_up(text_of(octets))


def down(octets: bytes) -> None:
    """The same of a gateway's."""
    with suppress(RemoteProtocolError):
        message = decode_down(octets)
        assert decode_down(encode(message)) == message
    with suppress(RemoteProtocolError):
        decode_down(text_of(octets))


def cursor(octets: bytes) -> None:
    """What is taken for a cursor comes back as it was."""
    found = Cursor.parse(f"{EPOCH}/{text_of(octets)}", EPOCH)
    if found is not None:
        assert Cursor.parse(str(found), EPOCH) == found
        assert found.horizon >= 0
        assert found.oldest is None or found.oldest > 0


def token(octets: bytes) -> None:
    """A token that nobody signed is nobody's."""
    with suppress(TokenRefused):
        found = VERIFIER.verify(octets.decode("latin-1"))
        raise AssertionError(found)


def claims(octets: bytes) -> None:
    """Whatever an issuer signs is somebody's token or none."""
    signed = jwt.api_jws.encode(octets, SECRET, "HS256")
    with suppress(TokenRefused):
        found = VERIFIER.verify(signed)
        assert found.owner.isprintable()
        assert found.expires_at > 0


def job_error(octets: bytes) -> None:
    """Whatever a row has for an error, a device gets a code and a message."""
    found = JobError.parse(octets.decode(errors="replace"))
    assert found is not None
    assert found.code
    assert len(found.code) < 256
    assert len(found.message) <= 4096


def identifier(octets: bytes) -> None:
    """An id that passes is canonical."""
    with suppress(InvalidJob):
        found = job_id(text_of(octets))
        assert found == found.lower()
        assert len(found.encode()) == 36


def schedule(octets: bytes) -> None:
    """A schedule that is understood has a next time, or none, but no error."""
    with suppress(InvalidSchedule):
        parse_text(text_of(octets))


def crontab(octets: bytes) -> None:
    """A crontab is understood or not."""
    with suppress(InvalidSchedule):
        parse_crontab(text_of(octets))


def duration(octets: bytes) -> None:
    """So is a length of time."""
    with suppress(ValueError):
        parse_duration(text_of(octets))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": strict,
    "up": up,
    "down": down,
    "cursor": cursor,
    "token": token,
    "claims": claims,
    "error": job_error,
    "id": identifier,
    "schedule": schedule,
    "crontab": crontab,
    "duration": duration,
    "session": converse,
}
