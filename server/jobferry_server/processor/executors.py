"""Where handlers run: coroutines on the loop, the others on a thread or in a process of their own."""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from jobferry_server.processor.job import Job
from jobferry_server.processor.processes import HandlerProcesses, check_picklable
from jobferry_server.processor.task import Task
from jobferry_server.processor.threads import HandlerThreads

__all__ = ["Call", "Executors"]


class Call(Protocol):
    """One call of a handler."""

    async def value(self) -> Any:
        """What the handler returns, or raises what it raises."""

    def interrupt(self) -> None:
        """Tell the handler to stop."""

    def give_up(self) -> bool:
        """Have :meth:`value` return now, whatever the handler does; ``False`` if that can't be."""


class CoroutineCall:
    """A handler that is a coroutine runs in its worker's own task: nothing is cheaper."""

    __slots__ = ("_arguments", "_handler", "_interrupted", "_task")

    def __init__(self, handler: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._handler = handler
        self._arguments = arguments
        self._task: asyncio.Task[Any] | None = None
        self._interrupted = False

    async def value(self) -> Any:
        """What the handler returns, or raises what it raises."""
        self._task = asyncio.current_task()
        try:
            return await self._handler(*self._arguments)
        finally:
            if self._interrupted and self._task is not None:
                # The cancellation was the job's, not the worker's.
                self._task.uncancel()
            self._task = None

    def interrupt(self) -> None:
        """Cancel it."""
        if self._task is not None:
            self._interrupted = True
            self._task.cancel()

    def give_up(self) -> bool:
        """A coroutine that swallows its cancellation keeps its worker."""
        return False


class Executors:
    """All of them; ``default`` is where handlers that are no coroutines run unless they say so."""

    def __init__(self, default: str, tasks: Iterable[Task]) -> None:
        self._default = default
        for task in tasks:
            if self._wants_process(task):
                check_picklable(task.name, task.handler)
        self._threads = HandlerThreads()
        self._processes = HandlerProcesses(self._threads)

    def call(self, task: Task, job: Job, arguments: tuple[Any, ...]) -> Call:
        """Call the task's handler. From the loop's thread only."""
        if task.is_async:
            return CoroutineCall(task.handler, arguments)
        if self._wants_process(task):
            return self._processes.call(task.handler, job, arguments)
        # What the worker's context holds, a span for one, the handler finds on its thread.
        return self._threads.call(partial(copy_context().run, task.handler, *arguments))

    def _wants_process(self, task: Task) -> bool:
        return not task.is_async and (task.executor or self._default) == "process"

    def close(self) -> None:
        """Let idle threads end, and end all processes."""
        self._processes.close()
        self._threads.close()
