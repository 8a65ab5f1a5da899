"""Processes for handlers that compute, so that they have a core of their own.

Each runs one job at a time; :mod:`jobferry_server.processor.child` is what they execute. A thread
of ours waits for each busy one. Whatever such a process does to itself, only its job is lost: it
counts as a failed attempt, and another process takes its place.
"""

import multiprocessing
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from jobferry_server.errors import ConfigurationError, JobCancelled, TaskError
from jobferry_server.processor.child import Raised, Returned, Stop, Work, serve
from jobferry_server.processor.job import Job
from jobferry_server.processor.threads import HandlerThreads, ThreadCall

__all__ = ["HandlerProcesses", "check_picklable"]

_context = multiprocessing.get_context("spawn")


class Child:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(
            target=serve, args=(theirs,), name="jobferry-handler", daemon=True
        )
        self._process.start()
        theirs.close()
        self._sending = threading.Lock()

    def run(self, work: Work, job: Job) -> Any:
        """The handler's value; raises what it raised, or that the process died."""
        try:
            self.tell(work)
            while True:
                match self._pipe.recv():
                    case Returned(value=value):
                        return value
                    case Raised(error=error):
                        raise error
                    case (progress, kept):
                        job.reported, job.kept = progress, kept
        except (EOFError, OSError) as error:
            raise self._died() from error

    def tell(self, message: object) -> None:
        """Send it; ``OSError`` if it is gone."""
        with self._sending:
            self._pipe.send(message)

    @property
    def alive(self) -> bool:
        """Can it run another job?"""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def bury(self) -> None:
        """Take note of its end, which leaves nothing of it."""
        self._process.join()

    def _died(self) -> TaskError:
        self.bury()
        return TaskError(
            f"the process that ran the handler ended with {self._process.exitcode}",
            code="process_died",
        )


class ProcessCall:
    """One call of a handler in a process, and the thread that waits for it."""

    def __init__(
        self, threads: HandlerThreads, children: "HandlerProcesses", work: Work, job: Job
    ) -> None:
        self._children = children
        self._work = work
        self._job = job
        #: Held while a process is told something: at the job's end it goes to the next.
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._waiting: ThreadCall = threads.call(self._run)

    async def value(self) -> Any:
        """What the handler returns, or raises what it raises."""
        return await self._waiting.value()

    def interrupt(self) -> None:
        """Raise :class:`JobCancelled` in the handler."""
        # If it is gone, the thread that waits for it says so.
        with suppress(OSError), self._lock:
            if self._child is not None:
                self._child.tell(Stop(self._job.stop_reason))

    def give_up(self) -> bool:
        """Kill the process."""
        with self._lock:
            if self._child is None:
                return self._waiting.give_up()
            self._child.kill()
            return True

    def _run(self) -> Any:
        with self._children.child() as child, self._ours(child):
            if self._job.cancelled:
                raise JobCancelled
            return child.run(self._work, self._job)

    @contextmanager
    def _ours(self, child: Child) -> Iterator[None]:
        with self._lock:
            self._child = child
        try:
            yield
        finally:
            with self._lock:
                self._child = None


class HandlerProcesses:
    """As many processes as there are calls at a time, started as they are needed."""

    def __init__(self, threads: HandlerThreads) -> None:
        self._threads = threads
        self._idle: SimpleQueue[Child] = SimpleQueue()
        self._all: set[Child] = set()

    def call(
        self, handler: Callable[..., Any], job: Job, arguments: tuple[Any, ...]
    ) -> ProcessCall:
        """Run ``handler(job, …)`` in a process. From the loop's thread only."""
        return ProcessCall(self._threads, self, Work(handler, job.for_child(), arguments[1:]), job)

    @contextmanager
    def child(self) -> Iterator[Child]:
        """A process to run one job in, used again unless it came to harm."""
        try:
            child = self._idle.get_nowait()
        except Empty:
            child = Child()
            self._all.add(child)
        try:
            yield child
        finally:
            if child.alive:
                self._idle.put(child)
            else:
                self._all.discard(child)

    def close(self) -> None:
        """End all processes."""
        for child in list(self._all):
            child.kill()
            child.bury()


def check_picklable(name: str, handler: Callable[..., Any]) -> None:
    """:class:`ConfigurationError` unless another process can find this handler."""
    try:
        pickle.dumps(handler)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"the handler of task {name!r} can't run in a process: {error}",
            hint="Define it at the top level of a module, under the name it was decorated with.",
        ) from error
