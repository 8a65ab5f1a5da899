"""Waiting for the file to change, whoever changes it."""

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from threading import Event
from typing import Generic, TypeVar

from jobferry_client.errors import ClientClosed
from jobferry_client.jobs import Jobs
from jobferry_client.state import Ring

__all__ = ["LOOK_SECONDS", "Watch", "given_up", "wait_until"]

T = TypeVar("T")

#: How often a waiter looks whether another process wrote the file, in seconds.
LOOK_SECONDS = 0.02

#: Set, and the ring rung, when nobody wants any more what is waited for in this context.
given_up: ContextVar[Event | None] = ContextVar("given_up", default=None)


def wait_until(
    look: Callable[[], T | None], ring: Ring, jobs: Jobs, timeout: float | None
) -> T | None:
    """What ``look`` finds, as soon as it finds something; ``None`` when time is up.

    Raises :class:`ClientClosed` when the file is closed meanwhile.
    """
    end = None if timeout is None else time.monotonic() + timeout
    unwanted = given_up.get() or Event()
    while not unwanted.is_set():
        rung, version = ring.count, jobs.version()
        if (found := look()) is not None:
            return found
        while ring.count == rung and jobs.version() == version:
            left = LOOK_SECONDS if end is None else min(LOOK_SECONDS, end - time.monotonic())
            if left <= 0:
                return None
            ring.wait(rung, left)
    return None


class Watch(Iterator[T], Generic[T]):
    """The result of a query, again each time it has changed.

    :meth:`close` ends it, and so does closing the client.
    """

    def __init__(self, query: Callable[[], T], ring: Ring, jobs: Jobs) -> None:
        self._query = query
        self._ring = ring
        self._jobs = jobs
        self._last: T | None = None
        self._closed = False

    def __next__(self) -> T:
        try:
            found = wait_until(self._changed, self._ring, self._jobs, timeout=None)
        except ClientClosed:
            raise StopIteration from None
        if found is None or self._closed:
            raise StopIteration
        self._last = found[0]
        return found[0]

    def close(self) -> None:
        """End the watch; whoever waits for the next result is told there is none."""
        self._closed = True
        self._ring.ring()

    def _changed(self) -> tuple[T] | None:
        now = self._query()
        return (now,) if self._closed or now != self._last else None
