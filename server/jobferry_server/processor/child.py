"""What a handler's process does: run one job after the other, as the processor tells it.

The main thread runs handlers, so that a library may find itself where it expects to be; another
listens to the processor. When the processor is gone, the process ends.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from jobferry_server.errors import JobCancelled, Snooze, TaskError
from jobferry_server.processor.interruptible import Interruptible
from jobferry_server.processor.job import Job
from jobferry_shared.traces import attached

__all__ = ["Raised", "Returned", "Stop", "Work", "serve"]

#: Progress is told to the processor no more often than this, in seconds.
TELL_SECONDS = 0.05


@dataclass(frozen=True)
class Work:
    """Run ``handler(job, *arguments)``."""

    handler: Callable[..., Any]
    job: Job
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Stop:
    """The handler should stop, and why."""

    reason: str


@dataclass(frozen=True)
class Returned:
    """The handler returned."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The handler raised."""

    error: BaseException


class HandlerRaised(Exception):
    """An exception that does not travel between processes, in words."""


def serve(pipe: "Connection[Any, Any]") -> None:
    """Run what comes until the other end is closed."""
    # Ctrl-C in a terminal reaches every process of the group; ours is told by the processor.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Server(pipe).run()


class _Server:
    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe
        self._work: SimpleQueue[Work] = SimpleQueue()
        self._sending = threading.Lock()
        self._job: Job | None = None
        self._running: Interruptible | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self) -> None:
        while True:
            self._do(self._work.get())

    def _do(self, work: Work) -> None:
        self._job = job = work.job
        self._running = Interruptible(lambda: work.handler(job, *work.arguments))
        job.on_move(_Throttle(lambda: self._send((job.reported, job.kept))))
        try:
            with attached(job.traceparent):
                end: Returned | Raised = Returned(self._running.run())
        except BaseException as error:
            end = Raised(_portable(error))
        self._send((job.reported, job.kept))
        self._send_end(end)

    def _send_end(self, end: Returned | Raised) -> None:
        try:
            self._send(end)
        except (OSError, EOFError):
            raise
        except Exception as error:
            self._send(Raised(HandlerRaised(f"the result does not travel: {error}")))

    def _send(self, message: object) -> None:
        with self._sending:
            self._pipe.send(message)

    def _listen(self) -> None:
        try:
            while True:
                match self._pipe.recv():
                    case Work() as work:
                        self._work.put(work)
                    case Stop(reason=reason):
                        self._stop(reason)
        except (EOFError, OSError):
            os._exit(0)

    def _stop(self, reason: str) -> None:
        if self._job is not None and self._running is not None:
            self._job.stop_reason = reason
            self._running.interrupt()


class _Throttle:
    """Calls through, but not too often."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._next = 0.0

    def __call__(self) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + TELL_SECONDS
            self._call()


def _portable(error: BaseException) -> BaseException:
    """The error itself if it means something to the processor, otherwise its words."""
    if isinstance(error, TaskError | Snooze | JobCancelled):
        return error
    return HandlerRaised(f"{type(error).__name__}: {error}")
