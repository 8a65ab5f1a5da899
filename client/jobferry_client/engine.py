"""The sync engine: keeps one file and one gateway in step, for as long as it is wanted.

It has a thread and an event loop of its own. It holds a lock beside the file, so there is one
engine per file however many processes use it; the others stand by and take over when it ends.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from ssl import SSLContext
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from websockets.asyncio.client import connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

from jobferry_client.backoff import full_jitter
from jobferry_client.connection import Connection, GatewayRefused, Timing
from jobferry_client.errors import UnusableToken
from jobferry_client.line import Line
from jobferry_client.replica import OtherOwner, Replica
from jobferry_client.state import ConnectionState, Link, Ring, Switch
from jobferry_client.token import Token, TokenSource
from jobferry_shared.discretion import discreet
from jobferry_shared.errors import JobferryError
from jobferry_shared.printable import reason_of

__all__ = ["OFF", "Engine"]

log = logging.getLogger("jobferry.client")

OFF = Link(ConnectionState.DISCONNECTED, "switched off")
STAND_BY_SECONDS = 0.5
CLOSE_SECONDS = 2.0
#: A token that a callable has just given is doubted once; then the person is asked.
AUTH_TRIES = 2
LOCAL = ("127.0.0.1", "::1", "localhost")

_NETWORK_ERRORS = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, JobferryError)


class Engine:
    """Connects, and connects again, until it is stopped."""

    def __init__(
        self,
        path: Path,
        url: str,
        token: Token,
        ring: Ring,
        timing: Timing | None = None,
        keep: timedelta | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self.link = Link(ConnectionState.DISCONNECTED, "not connected yet")
        self.timing = timing or Timing()
        self._keep = keep
        #: Has this device, connected, read all there was?
        self.in_step = False
        self._path = path
        self._url = url
        self._token = TokenSource(token)
        self._tls = tls
        self._ring = ring
        self._wanted = Switch()
        self._stopped = False
        self._failures = 0
        self._refused_tokens = 0
        self._loop = asyncio.new_event_loop()
        self._switch = asyncio.Event()
        self._doorbell = asyncio.Event()
        self._thread = Thread(target=self._run, name="jobferry-engine", daemon=True)
        self._thread.start()

    def want(self, connected: bool) -> None:
        """The connectivity switch, on to begin with. Turning it on also tries again at once."""
        if connected and self._wanted.on and self.link.state is ConnectionState.CONNECTED:
            return
        self._wanted.turn(connected)
        self._failures = self._refused_tokens = 0
        # Now, not once the engine comes to it: who asks next must not be told of what was before.
        self._put(Link(ConnectionState.CONNECTING) if connected else OFF)
        self._call(self._switch.set)

    def notice(self) -> None:
        """Something was written in this process: look at the outbox now."""
        self._call(self._doorbell.set)

    def stop(self) -> None:
        """End the engine and wait until the file is let go."""
        self._stopped = True
        self._call(self._switch.set)
        self._thread.join()

    def _call(self, what: Callable[[], None]) -> None:
        # The loop is closed once the engine has ended: then there is nobody to call.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())
        self._put(Link(ConnectionState.CLOSED))

    async def _live(self) -> None:
        if _goes_in_clear(self._url):
            log.warning("ws:// is not encrypted: whoever is on the way can read the token")
        while not self._stopped:
            self._switch.clear()
            if not self._wanted.on:
                self._put(OFF)
                await self._switch.wait()
                continue
            work = asyncio.ensure_future(self._connect_until_switched())
            switched = asyncio.ensure_future(self._switch.wait())
            await asyncio.wait({work, switched}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, switched):
                task.cancel()
            await asyncio.gather(work, switched, return_exceptions=True)

    async def _connect_until_switched(self) -> None:
        lock = FileLock(f"{self._path}.jobferry-lock", thread_local=False)
        try:
            await self._stand_by(lock)
            replica = Replica(self._path)
            try:
                while True:
                    await self._attempt(replica)
            finally:
                replica.close()
        except Exception as error:
            log.exception("the sync engine failed; it starts anew")
            await self._pause(f"{type(error).__name__}: {error}")
        finally:
            lock.release()

    async def _stand_by(self, lock: FileLock) -> None:
        """Hold the lock, as soon as no other engine does."""
        while True:
            try:
                lock.acquire(blocking=False)
                return
            except Timeout:
                self._show(ConnectionState.DISCONNECTED, "another process syncs this file")
                await asyncio.sleep(STAND_BY_SECONDS)

    async def _attempt(self, replica: Replica) -> None:
        self._show(ConnectionState.CONNECTING)
        try:
            await self._converse_unless_switched(replica)
        except* (OtherOwner, UnusableToken) as group:
            await self._after_bad_token(str(_first(group)))
        except* GatewayRefused as group:
            await self._after_refusal(_first(group))
        except* InvalidStatus as group:
            await self._after_status(_first(group))
        except* InvalidURI as group:
            await self._need_person(ConnectionState.DISCONNECTED, str(_first(group)))
        except* _NETWORK_ERRORS as group:
            await self._pause(_in_words(_first(group)))

    async def _converse_unless_switched(self, replica: Replica) -> None:
        """A task group that ends by an error swallows the cancellation that comes at that moment."""
        try:
            await self._converse(replica)
        except Exception:
            # The task's own count does not tell: before Python 3.13 every failed group leaves one in it.
            if self._switch.is_set():
                raise asyncio.CancelledError from None
            raise

    async def _converse(self, replica: Replica) -> None:
        token = await self._token.get(self.timing.connect)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        line: Line | None = None
        try:
            async with connect(
                self._url,
                create_connection=Line,
                additional_headers=headers,
                compression=None,
                max_size=None,
                open_timeout=self.timing.connect,
                close_timeout=CLOSE_SECONDS,
                # The protocol has heartbeats of its own, in both directions.
                ping_interval=None,
                logger=discreet("jobferry.client.websocket"),
                **self._secured(),
            ) as socket:
                assert isinstance(socket, Line)
                line = socket
                await Connection(
                    socket,
                    replica,
                    self._doorbell,
                    self.timing,
                    on_welcome=self._welcomed,
                    on_answer=self._ring.ring,
                    on_page=self._read,
                    on_wait=self._waits,
                    keep=self._keep,
                    token=token,
                    tokens=self._token,
                    switch=self._wanted,
                ).run()
        finally:
            # Told to end in the middle of its goodbye, a websocket would stay open.
            if line is not None:
                line.transport.abort()

    def _secured(self) -> dict[str, Any]:
        secure = self._url.lower().startswith("wss:")
        return {"ssl": self._tls} if self._tls is not None and secure else {}

    def _welcomed(self) -> None:
        self._failures = self._refused_tokens = 0
        self._show(ConnectionState.CONNECTED)

    def _waits(self, reason: str | None) -> None:
        if reason != self.link.reason:
            waiting = Link(ConnectionState.CONNECTED, reason)
            self._wanted.unless_off(partial(setattr, self, "link", waiting))
            self._ring.ring()

    def _read(self, complete: bool) -> None:
        self.in_step = complete
        self._ring.ring()

    async def _after_refusal(self, refusal: BaseException) -> None:
        assert isinstance(refusal, GatewayRefused)
        if refusal.code == "unauthenticated":
            await self._after_bad_token(str(refusal))
        else:
            # Of another version, too: the gateway may be the next to be updated.
            await self._pause(str(refusal), refusal.retry_after)

    async def _after_status(self, error: BaseException) -> None:
        assert isinstance(error, InvalidStatus)
        if error.response.status_code == 401:
            await self._after_bad_token(error.response.body.decode(errors="replace").strip())
        else:
            header = error.response.headers.get("Retry-After", "")
            await self._pause(str(error), float(header) if header.isdecimal() else None)

    async def _after_bad_token(self, reason: str) -> None:
        self._refused_tokens += 1
        if self._token.renews and self._refused_tokens < AUTH_TRIES:
            return
        log.error("%s: %s", ConnectionState.NEEDS_AUTH.value, reason)
        self._show(ConnectionState.NEEDS_AUTH, reason)
        # Perhaps it was the gateway's mistake, and nobody is there to turn the switch.
        await asyncio.sleep(self.timing.doubt * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    async def _need_person(self, state: ConnectionState, reason: str) -> None:
        """Trying again would not help: wait for the switch."""
        log.error("%s: %s", state.value, reason)
        self._show(state, reason)
        await asyncio.Event().wait()

    async def _pause(self, reason: str, retry_after: float | None = None) -> None:
        seconds = full_jitter(self._failures, retry_after)
        self._failures += 1
        log.info("disconnected: %s; next try in %.1f s", reason, seconds)
        self._show(ConnectionState.DISCONNECTED, reason)
        await asyncio.sleep(seconds)

    def _show(self, state: ConnectionState, reason: str | None = None) -> None:
        """What a conversation has come to; one that is switched off has nothing to say any more."""
        self._wanted.unless_off(lambda: self._put(Link(state, reason)))

    def _put(self, link: Link) -> None:
        self.link = link
        self.in_step = False
        self._ring.ring()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _goes_in_clear(url: str) -> bool:
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme == "ws" and parts.hostname not in LOCAL
    return False


def _in_words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionClosedError) or (
        isinstance(error, ConnectionError) and not str(error)
    ):
        return "the connection broke"
    return reason_of(error)
