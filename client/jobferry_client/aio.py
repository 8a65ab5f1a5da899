"""The same API for asyncio: every method of :class:`JobClient`, awaited instead of called."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from ssl import SSLContext
from threading import Event
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from jobferry_client.client import JobClient
from jobferry_client.connection import Timing
from jobferry_client.token import Token
from jobferry_client.watching import given_up
from jobferry_shared.job import Job
from jobferry_shared.states import Status

__all__ = ["AsyncJobClient"]

P = ParamSpec("P")
R = TypeVar("R")

#: Whoever waits for a job takes a thread, so the loop's own few would soon all be waiting.
MOST_THREADS = 1000


def _awaited(
    method: Callable[Concatenate[JobClient, P], R],
) -> Callable[Concatenate["AsyncJobClient", P], Coroutine[Any, Any, R]]:
    """The method, run on a thread: SQLite's fsync would hold up the loop."""

    @wraps(method)
    async def awaited(self: "AsyncJobClient", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._on_a_thread(partial(method, self._client, *args, **kwargs))

    return awaited


class AsyncJobClient:
    """Background jobs in a SQLite file; see :class:`JobClient`, whose arguments it takes."""

    def __init__(
        self,
        path: str | Path,
        url: str | None = None,
        token: Token = None,
        *,
        timing: Timing | None = None,
        keep: timedelta | None = None,
        tls: str | Path | SSLContext | None = None,
    ) -> None:
        self._client = JobClient(path, url, token, timing=timing, keep=keep, tls=tls)
        self._threads = ThreadPoolExecutor(MOST_THREADS, "jobferry-async")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    submit = _awaited(JobClient.submit)
    submit_many = _awaited(JobClient.submit_many)
    cancel = _awaited(JobClient.cancel)
    get = _awaited(JobClient.get)
    jobs = _awaited(JobClient.jobs)
    wait = _awaited(JobClient.wait)
    status = _awaited(JobClient.status)
    sync = _awaited(JobClient.sync)
    connect = _awaited(JobClient.connect)
    disconnect = _awaited(JobClient.disconnect)
    close = _awaited(JobClient.close)

    async def watch(
        self, limit: int = 10, status: Status | str | None = None, task: str | None = None
    ) -> AsyncIterator[list[Job]]:
        """A live query: what :meth:`jobs` returns, now and again each time it has changed."""
        watch = self._client.watch(limit, status, task)
        try:
            while (jobs := await self._on_a_thread(partial(next, watch, None))) is not None:
                yield jobs
        finally:
            watch.close()

    async def _on_a_thread(self, call: Callable[[], R]) -> R:
        unwanted = Event()
        context = copy_context()
        context.run(given_up.set, unwanted)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, context.run, call)
        except asyncio.CancelledError:
            # Nobody waits any more for what the thread waits for.
            unwanted.set()
            self._client._ring.ring()
            raise
