"""An event loop whose clock is a number, and processes that stop between any two of its steps.

Nothing here waits: when nobody can go on, the clock jumps to the next timer; a step takes next to
none of it. What runs is said by a context variable, as every task and timer inherits the context it
was made in. A process that was killed is never run again, not even to clean up, as by ``kill -9``;
one that is paused finds everything waiting when it goes on, as after SIGSTOP and SIGCONT.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any, TypeVar

__all__ = ["Killed", "Loop", "Process", "process_now"]

T = TypeVar("T")

#: Callbacks until a run counts as one that will never end.
MOST_STEPS = 1_000_000
#: Seconds that a round of steps takes: who waits for less than can be added to the clock must not wait for ever.
MOMENT = 1e-9


class Killed(BaseException):
    """The process that runs this moment was killed in the middle of a step."""


class Process:
    """Something that can be killed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        #: What it would have done meanwhile.
        self.waiting: list[Handle] = []
        self.context = copy_context()
        self.context.run(_process.set, self)

    def __repr__(self) -> str:
        return self.name


_process: ContextVar[Process | None] = ContextVar("process", default=None)
#: What belongs to no process: the network, the database, the world itself.
_NOBODY = Context()


def process_now() -> Process | None:
    """Whose step this is."""
    return _process.get()


class Handle:
    """A step that is due now or later; asyncio's own does more than is needed here."""

    __slots__ = ("arguments", "callback", "context", "dropped")

    def __init__(
        self, callback: Callable[..., object], arguments: tuple[Any, ...], context: Context | None
    ) -> None:
        self.callback = callback
        self.arguments = arguments
        self.context = context if context is not None else copy_context()
        self.dropped = False

    def cancel(self) -> None:
        """It is not to be run."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Is it not to be run?"""
        return self.dropped


class Step(asyncio.Task[T]):
    """A task whose place in a set does not depend on where in memory it is."""

    _numbers = count()
    _number: int

    def __new__(cls, *_: object, **__: object) -> "Step[T]":
        """A numbered one."""
        found = super().__new__(cls)
        found._number = next(cls._numbers)
        return found

    def __hash__(self) -> int:
        return self._number


class Loop(asyncio.BaseEventLoop):
    """The event loop of one run."""

    def __init__(self, on_error: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.now = 0.0
        self.steps = 0
        #: Set at the end: the dead may clean up.
        self.over = False
        self._due: deque[Handle] = deque()
        #: By time; those of the same moment in the order they were set.
        self._timers: list[tuple[float, int, Handle]] = []
        self._numbers = count()
        self._processes: dict[Process, None] = {}
        #: Nobody else may remember them; asyncio itself does not.
        self._spawned: list[asyncio.Task[Any]] = []
        self.set_exception_handler(lambda _, context: on_error(context))
        Step._numbers = count()

    def time(self) -> float:
        """Seconds since the run began."""
        return self.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """With the next steps, in the order of the calls."""
        handle = Handle(callback, args, context)
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """A timer."""
        handle = Handle(callback, args, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """A timer."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def after(self, seconds: float, what: Callable[..., object], *arguments: object) -> None:
        """Have something happen that no process does."""
        self.call_at(self.now + seconds, what, *arguments, context=_NOBODY)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        context: Context | None = None,
        **_: Any,
    ) -> Step[T]:
        """A task of whoever runs now, or of the context's process."""
        return Step(coro, loop=self, context=context)

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> Step[T]:
        """A task of this process."""
        self._processes[process] = None
        self._spawned.append(task := self.create_task(work, context=process.context))
        task.add_done_callback(self._ended, context=_NOBODY)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.call_exception_handler({"message": "a process failed", "exception": error})

    def resume(self, process: Process) -> None:
        """SIGCONT."""
        process.paused = False
        self._due.extend(process.waiting)
        process.waiting.clear()

    def bury(self) -> None:
        """Let everything end that is still there, so that nothing is left to the collector."""
        self.over = True
        for process in self._processes:
            self.resume(process)
        while pending := asyncio.all_tasks(self):
            for task in sorted(pending, key=hash):
                task.cancel()
            self.run_until_complete(asyncio.wait(pending, timeout=100))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    def _run_once(self) -> None:
        due = self._due
        self.now += MOMENT
        if not due:
            self._advance()
        for _ in range(len(due)):
            handle = due.popleft()
            if not handle.dropped and self._may_run(handle):
                self.steps += 1
                self._step(handle)
        if self.steps > MOST_STEPS:
            raise AssertionError("the run does not end")

    def _step(self, handle: Handle) -> None:
        try:
            handle.context.run(handle.callback, *handle.arguments)
        except Exception as error:
            self.call_exception_handler({"message": "a callback failed", "exception": error})

    def _advance(self) -> None:
        when, _, handle = heapq.heappop(self._timers)
        while handle.dropped:
            when, _, handle = heapq.heappop(self._timers)
        self.now = max(self.now, when)
        self._due.append(handle)

    def _may_run(self, handle: Handle) -> bool:
        process = handle.context.get(_process)
        if process is None or self.over or (process.alive and not process.paused):
            return True
        process.waiting.append(handle)
        return False
