"""The processor's API: name tasks, give each a handler, run."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeVar

from jobferry_server.errors import ConfigurationError, Delay, Stopped
from jobferry_server.processor.attempt import Middleware
from jobferry_server.processor.flags import AskFlags
from jobferry_server.processor.service import Service
from jobferry_server.processor.task import Task
from jobferry_server.settings import ProcessorSettings
from jobferry_shared.job import DEFAULT_TASK

__all__ = ["Processor"]

H = TypeVar("H", bound=Callable[..., Any])


class Processor:
    """A set of tasks and the service that runs them.

    ``forbidden_flags`` is asked before each claim; jobs that carry one of the flags it returns wait.
    It may be a coroutine function; a plain one holds up the event loop, so it should only look at
    what it knows.
    """

    def __init__(self, forbidden_flags: AskFlags | None = None) -> None:
        self._forbidden_flags = forbidden_flags
        self.tasks: dict[str, Task] = {}
        self._around: list[Middleware] = []

    def task(
        self,
        name: str = DEFAULT_TASK,
        *,
        max_attempts: int | None = None,
        timeout: float | None = None,
        hard_timeout: float | None = None,
        retry: Callable[[int], Delay] | None = None,
        executor: Literal["thread", "process", "async"] | None = None,
        max_running: int | None = None,
    ) -> Callable[[H], H]:
        """Make the decorated function the handler of a task.

        It is called as ``handler(job)`` or ``handler(job, payload)``, where the payload is read as
        the type of that argument; what it returns is the result: anything JSON can say, or a
        pydantic model. ``async def`` runs on the event loop, anything else on a thread. Without a
        name it handles the jobs that name no task.

        ``executor="process"`` runs it in a process of its own, for work that computes; progress and
        cancellation work there too. It must then be at the top level of a module.

        A job fails for good after ``max_attempts`` attempts, or its own, whichever are fewer. It is
        tried again after ``retry(attempt)`` seconds, see :class:`Backoff`. An attempt that takes
        longer than ``timeout`` seconds is told to stop and counts as failed; ``hard_timeout`` ends
        it whether it obeys or not: a process is killed, a thread or coroutine left behind.

        No more than ``max_running`` jobs of the task run at once, over all processors. The limit is
        the database's from the moment this processor starts, until another one says otherwise.

        A handler may run twice for one job, if its processor dies at the last moment.
        """

        def register(handler: H) -> H:
            if name in self.tasks:
                raise ConfigurationError(f"task {name!r} has a handler already")
            self.tasks[name] = Task(
                name, handler, max_attempts, timeout, hard_timeout, retry, executor, max_running
            )
            return handler

        return register

    def middleware(self, around: Middleware) -> Middleware:
        """Run ``await around(job, call)`` around every handler; ``await call()`` runs it.

        One place for tracing, metrics and error reporters. The first that is registered is the
        outermost. What it returns is the result, what it raises is the failure.
        """
        self._around.append(around)
        return around

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget all tasks but these; :class:`ConfigurationError` if one of them is not there."""
        wanted = set(names)
        if missing := wanted - self.tasks.keys():
            raise ConfigurationError(
                f"there is no task {min(missing)!r}", hint=f"There are: {', '.join(self.tasks)}."
            )
        for name in self.tasks.keys() - wanted:
            del self.tasks[name]

    def service(
        self,
        dsn: str,
        settings: ProcessorSettings | None = None,
        *,
        around: Sequence[Middleware] = (),
        on_listening: Callable[[], None] = lambda: None,
    ) -> Service:
        """This processor at work on a database; ``await service.run(stop)``.

        ``around`` is middleware for this service alone, outside of the processor's own.
        ``on_listening`` is called once it takes jobs and hears that there are new ones.
        """
        return Service(
            self.tasks,
            dsn,
            settings or ProcessorSettings(),
            [*around, *self._around],
            self._forbidden_flags,
            on_listening,
        )

    def run(self, dsn: str, settings: ProcessorSettings | None = None) -> None:
        """Process jobs until SIGINT or SIGTERM, then finish or hand back what runs."""
        asyncio.run(self._run(dsn, settings))

    async def _run(self, dsn: str, settings: ProcessorSettings | None) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with suppress(Stopped):
            await self.service(dsn, settings).run(stop)
