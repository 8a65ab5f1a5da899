"""The way to the gateway: does it answer, what time is it there, does it take the token."""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from jobferry_client.doctor import figures
from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine", "examine_token"]

ANSWER_SECONDS = 5.0
#: A page of figures has some fifty thousand.
MOST_OCTETS = 1_000_000
AUDIENCE = "jobferry"
#: The header's clock has seconds, and the way takes its time.
CLOCK_SECONDS = 5.0
SOON_SECONDS = 24 * 3600.0
GET_TOKEN = "jobferry token --subject NAME"  # noqa: S105 - a command


def examine(url: str, token: str | None) -> Iterator[Finding]:
    """Reachable, ready, in time; and let in with this token."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.netloc:
        yield error("gateway", f"{url} is not a websocket address", "give --url ws://… or wss://…")
        return
    site = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
    page = f"{site}/readyz"
    before = time.time()
    try:
        status, text, date = _get(page)
    except (OSError, ValueError) as problem:
        yield error(
            "gateway", f"{url} does not answer: {problem}", "jobferry gateway --dsn postgresql://…"
        )
        return
    yield _readiness(page, status, text)
    if date is not None:
        yield _clock(date, (before + time.time()) / 2)
    yield from _figures(f"{site}/metrics")
    if token:
        yield _let_in(url, token)


def examine_token(token: str | None, owner: str | None = None) -> Iterator[Finding]:
    """What the token says of itself, without its secret. ``owner`` is whose jobs the file has."""
    if not token:
        yield warning("token", "no token was given", f"{GET_TOKEN}, then --token or JOBFERRY_TOKEN")
        return
    claims = _claims(token)
    if claims is None:
        yield error("token", "this is not a token (a JWT has three parts)", GET_TOKEN)
        return
    yield _whose(claims, owner)
    yield _for_whom(claims)
    yield _until(claims)


def _figures(page: str) -> Iterator[Finding]:
    """They are not for everybody: who is on another machine may not see them."""
    with suppress(OSError, ValueError):
        status, text, _ = _get(page, os.environ.get("JOBFERRY_METRICS_TOKEN"))
        if status == 200:
            yield from figures.judge(text)


def _get(page: str, token: str | None = None) -> tuple[int, str, str | None]:
    request = urllib.request.Request(page)  # noqa: S310 - http(s)
    if token is not None:
        # Not for whomever one is sent on to.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - the same
            text = answer.read(MOST_OCTETS).decode(errors="replace")
            return answer.status, text, answer.headers["Date"]
    except urllib.error.HTTPError as answer:
        with answer:
            text = answer.read(1000).decode(errors="replace")
            return answer.code, text, answer.headers["Date"]


def _readiness(page: str, status: int, text: str) -> Finding:
    if status == 200:
        return ok("gateway", "it answers and can serve")
    return error(
        "gateway", f"{page} says {status}: {text.strip()}", "jobferry doctor --dsn postgresql://…"
    )


def _clock(date: str, here: float) -> Finding:
    offset = parsedate_to_datetime(date).timestamp() - here
    if abs(offset) <= CLOCK_SECONDS:
        return ok("clock", "the gateway's and ours agree")
    return warning(
        "clock",
        f"this machine's clock is {abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the gateway's",
        "timedatectl set-ntp true",
    )


def _let_in(url: str, token: str) -> Finding:
    try:
        with connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            open_timeout=ANSWER_SECONDS,
            close_timeout=1,
            compression=None,
        ):
            return ok("let in", "the gateway takes the token")
    except InvalidStatus as refusal:
        body = refusal.response.body.decode(errors="replace").strip()
        return error("let in", f"{refusal.response.status_code}: {body}", GET_TOKEN)
    except (OSError, WebSocketException) as problem:
        return error("let in", f"no websocket: {problem}", "let the proxy pass websockets through")


def _claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    try:
        body = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(body))
    except (ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) and len(parts) == 3 else None


def _whose(claims: dict[str, Any], owner: str | None) -> Finding:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        return error("token's owner", "the token names no subject", GET_TOKEN)
    if owner not in (None, subject):
        return error(
            "token's owner",
            f"the file holds {owner}'s jobs and the token is {subject}'s",
            "give each owner a file of their own",
        )
    return ok("token's owner", subject)


def _for_whom(claims: dict[str, Any]) -> Finding:
    audience = claims.get("aud")
    if audience == AUDIENCE or (isinstance(audience, list) and AUDIENCE in audience):
        return ok("token's audience", AUDIENCE)
    return warning(
        "token's audience",
        f"the token is for {audience}; a gateway takes those for {AUDIENCE!r} unless set up otherwise",
        GET_TOKEN,
    )


def _until(claims: dict[str, Any]) -> Finding:
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float):
        return error("token's end", "the token has no end (exp), so no gateway takes it", GET_TOKEN)
    left = expiry - time.time()
    when = f"{abs(left) / 3600:.1f} hours"
    if left <= 0:
        return error("token's end", f"the token expired {when} ago", GET_TOKEN)
    if left < SOON_SECONDS:
        return warning("token's end", f"the token expires in {when}", GET_TOKEN)
    return ok("token's end", f"valid for {when}")
