"""Who a device is: its token, or what gives a fresh one each time it is asked.

A token is read, not verified, here: the gateway alone decides whom it believes. All we want to know
is when it ends, by the server's clock, so that a fresh one is handed in before.
"""

import asyncio
import base64
import binascii
import json
import math
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from threading import Thread

from jobferry_client.errors import TokenUnavailable, UnusableToken
from jobferry_shared.printable import reason_of

__all__ = ["Token", "TokenSource", "expiry_of", "seconds_to_renewal"]

#: A token, or what gives a fresh one each time it is asked.
Token = str | Callable[[], str | None] | None

#: At which part of what is left of a token's life the next is asked for.
RENEW_AT = 0.8
#: Never more often than this, whatever a callable gives.
RENEW_SECONDS = 1.0


class TokenSource:
    """Gives the token for the next connection or renewal."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._asked: Future[str | None] | None = None

    @property
    def renews(self) -> bool:
        """Is there a callable that gives fresh ones?"""
        return callable(self._token)

    async def get(self, seconds: float) -> str | None:
        """The token of this moment.

        :class:`TokenUnavailable` if the callable raises or takes longer than that,
        :class:`UnusableToken` if it can't be a token.
        """
        token = await self._ask(self._token, seconds) if callable(self._token) else self._token
        token = token.strip() if token else None
        if token and not (token.isascii() and token.isprintable()):
            raise UnusableToken("the token has characters that no token has")
        return token

    async def _ask(self, give: Callable[[], str | None], seconds: float) -> str | None:
        # One that never returns is asked but once, and keeps nobody from ending.
        if self._asked is None or self._asked.done():
            self._asked = _on_a_thread(give)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(self._asked)
        except TimeoutError as error:
            raise TokenUnavailable(f"no token was given within {seconds:g} s") from error
        except Exception as error:
            raise TokenUnavailable(f"no token was given: {reason_of(error)}") from error


def expiry_of(token: str) -> float | None:
    """When it ends, in seconds since 1970; ``None`` if it does not say so in a way that we know."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        expiry = float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return None
    return expiry if math.isfinite(expiry) else None


def seconds_to_renewal(token: str | None, server_time: datetime) -> float | None:
    """How long to wait before the next token is asked for; ``None``: it need not be."""
    expiry = expiry_of(token) if token else None
    if expiry is None:
        return None
    return max(RENEW_SECONDS, RENEW_AT * (expiry - server_time.timestamp()))


def _on_a_thread(give: Callable[[], str | None]) -> "Future[str | None]":
    answer: Future[str | None] = Future()
    answer.set_running_or_notify_cancel()
    Thread(target=_answer, args=(answer, give), name="jobferry-token", daemon=True).start()
    return answer


def _answer(answer: "Future[str | None]", give: Callable[[], str | None]) -> None:
    try:
        answer.set_result(give())
    except BaseException as error:
        answer.set_exception(error)
