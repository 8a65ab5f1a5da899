"""Threads for handlers that are not coroutines, which can be told to stop.

A cancelled job must reach its handler even while that computes and never looks. Python can raise an
exception in another thread at its next bytecode; it can't interrupt a call into C, such as a sleep.
The threads are daemons: a handler that never returns must not keep the process from ending.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from jobferry_server.errors import JobCancelled

__all__ = ["Call", "HandlerThreads"]

_raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Call:
    """One call of a handler on a thread, and its result to come."""

    def __init__(self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._value: Any = None
        self._error: BaseException | None = None
        self._function = function
        self._loop = loop
        self._lock = threading.Lock()
        self._thread_id: int | None = None

    async def value(self) -> Any:
        """What the handler returns, or raises what it raises."""
        await asyncio.shield(self.done)
        if self._error is not None:
            raise self._error
        return self._value

    def interrupt(self) -> None:
        """Raise :class:`JobCancelled` in the handler, if it is still running."""
        with self._lock:
            if self._thread_id is not None:
                _raise_in_thread(ctypes.c_ulong(self._thread_id), ctypes.py_object(JobCancelled))

    def run(self) -> None:
        """Call the handler and hand its result to the loop. On the handler's thread."""
        try:
            self._value = self._guarded()
        except BaseException as error:
            self._error = error
        self._loop.call_soon_threadsafe(self.done.set_result, None)

    def _guarded(self) -> Any:
        self._thread_id = threading.get_ident()
        try:
            return self._function()
        finally:
            with self._lock:
                # From here on nobody interrupts; what was raised and not yet delivered is taken back.
                _raise_in_thread(ctypes.c_ulong(self._thread_id), None)
                self._thread_id = None


class HandlerThreads:
    """So many threads, started as they are needed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._started = 0
        self._busy = 0

    def call(self, function: Callable[[], Any]) -> Call:
        """Run ``function`` on a thread. From the loop's thread only."""
        call = Call(function, asyncio.get_running_loop())
        self._busy += 1
        call.done.add_done_callback(self._one_less)
        if self._started < min(self._busy, self._most):
            self._started += 1
            threading.Thread(target=self._work, name="jobferry-handler", daemon=True).start()
        self._calls.put(call)
        return call

    def close(self) -> None:
        """Let idle threads end."""
        for _ in range(self._started):
            self._calls.put(None)

    def _one_less(self, _: object) -> None:
        self._busy -= 1

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
