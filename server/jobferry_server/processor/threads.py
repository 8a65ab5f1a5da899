"""Threads for handlers that are not coroutines, which can be told to stop.

A cancelled job must reach its handler even while that computes and never looks. Python can raise an
exception in another thread at its next bytecode; it can't interrupt a call into C, such as a sleep.
A handler that does not obey is given up: its thread is left to itself, and another takes its place.
The threads are daemons, so that one that never returns does not keep the process from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from jobferry_server.errors import JobCancelled
from jobferry_server.processor.interruptible import Interruptible

__all__ = ["HandlerThreads", "ThreadCall"]


class ThreadCall:
    """One call of a handler on a thread, and its result to come."""

    def __init__(
        self,
        function: Callable[[], Any],
        loop: asyncio.AbstractEventLoop,
        on_give_up: Callable[[], None],
    ) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._value: Any = None
        self._error: BaseException | None = None
        self._work = Interruptible(function)
        self._loop = loop
        self._on_give_up = on_give_up

    async def value(self) -> Any:
        """What the handler returns, or raises what it raises."""
        await asyncio.shield(self.done)
        if self._error is not None:
            raise self._error
        return self._value

    def interrupt(self) -> None:
        """Raise :class:`JobCancelled` in the handler."""
        self._work.interrupt()

    def give_up(self) -> bool:
        """Stop waiting for it; its thread is left behind."""
        if not self.done.done():
            self._error = JobCancelled()
            self._on_give_up()
            self.done.set_result(None)
        return True

    def run(self) -> None:
        """Call the handler and hand its result to the loop. On the handler's thread."""
        try:
            self._value = self._work.run()
        except BaseException as error:
            self._error = error
        # The loop may be gone when a handler that was given up comes back.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class HandlerThreads:
    """As many threads as there are calls at a time, started as they are needed."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[ThreadCall | None] = SimpleQueue()
        self._useful = 0
        self._busy = 0

    def call(self, function: Callable[[], Any]) -> ThreadCall:
        """Run ``function`` on a thread. From the loop's thread only."""
        call = ThreadCall(function, asyncio.get_running_loop(), self._lose_thread)
        self._busy += 1
        call.done.add_done_callback(self._one_less)
        if self._useful < self._busy:
            self._useful += 1
            threading.Thread(target=self._work, name="jobferry-handler", daemon=True).start()
        self._calls.put(call)
        return call

    def close(self) -> None:
        """Let idle threads end."""
        for _ in range(self._useful):
            self._calls.put(None)

    def _lose_thread(self) -> None:
        self._useful -= 1

    def _one_less(self, _: object) -> None:
        self._busy -= 1

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
