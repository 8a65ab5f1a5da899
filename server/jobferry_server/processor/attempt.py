"""One attempt at one job, from its payload to its outcome."""

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobferry_server.errors import TaskError
from jobferry_server.processor.job import Job
from jobferry_server.processor.task import InvalidPayload, InvalidResult, Task
from jobferry_server.processor.threads import Call, HandlerThreads

__all__ = ["Attempt", "Completed", "Dropped", "Failed", "Fence", "Outcome", "Released"]

log = logging.getLogger("jobferry.processor")

#: Why a handler is stopped.
CANCELLED, LOST, TIMED_OUT, RELEASED = "cancelled", "lost", "timed_out", "released"


@dataclass(frozen=True, slots=True)
class Completed:
    """It returned; ``result`` is JSON text."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised. ``code`` and ``message`` are public, ``detail`` is for the audit log."""

    code: str
    message: str
    final: bool
    detail: str | None = None

    @property
    def error(self) -> str:
        """What the device sees, as JSON text."""
        return json.dumps({"code": self.code, "message": self.message}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Released:
    """It was not begun, or stopped in time to be handed back."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The job is not ours any more: there is nothing to say."""


Outcome = Completed | Failed | Released | Dropped

#: A job and which of its attempts; with our name, all that a write is conditional on.
Fence = tuple[UUID, int]


@dataclass(slots=True, eq=False)
class Attempt:
    """A claimed job in this process."""

    job: Job
    task: Task
    result_bytes: int
    taken: float = field(default_factory=time.monotonic)
    _said: float | None = None
    _saying: float | None = None
    _call: Call | None = None
    _coroutine: "asyncio.Task[Any] | None" = None

    @property
    def fence(self) -> Fence:
        """What tells this attempt from every other."""
        return self.job.id, self.job.attempt

    def stop(self, reason: str) -> None:
        """Make the handler stop; its outcome follows from the reason."""
        if self.job.stop_reason:
            return
        self.job.stop_reason = reason
        if self._call is not None:
            self._call.interrupt()
        elif self._coroutine is not None:
            self._coroutine.cancel()

    def moved(self) -> float | None:
        """The progress that is still to be said, if any."""
        self._saying = self.job.reported
        return self._saying if self._saying != self._said else None

    def said_progress(self) -> None:
        """What :meth:`moved` returned is written."""
        self._said = self._saying

    async def run(self, threads: HandlerThreads) -> Outcome:
        """Run the handler. Never raises what the handler raised."""
        if self.job.cancelled:
            return self._stopped()
        try:
            arguments = self.task.arguments(self.job)
        except InvalidPayload as error:
            return self._failed("invalid_payload", str(error), final=True)
        try:
            value = await self._limited(arguments, threads)
            return Completed(self.task.result_text(value, self.result_bytes))
        except InvalidResult as error:
            return self._failed("invalid_result", str(error), final=True)
        except TaskError as error:
            return self._failed(error.code, str(error))
        except BaseException as error:
            # Whatever a handler raises is its own job's end; the worker's is somebody's wish to stop.
            if self.job.stop_reason:
                return self._stopped()
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            return self._raised(error)

    async def _limited(self, arguments: tuple[Any, ...], threads: HandlerThreads) -> Any:
        if self.task.timeout is None:
            return await self._call_handler(arguments, threads)
        timer = asyncio.get_running_loop().call_later(self.task.timeout, self.stop, TIMED_OUT)
        try:
            return await self._call_handler(arguments, threads)
        finally:
            timer.cancel()

    async def _call_handler(self, arguments: tuple[Any, ...], threads: HandlerThreads) -> Any:
        if self.task.is_async:
            self._coroutine = asyncio.current_task()
            try:
                return await self.task.handler(*arguments)
            finally:
                self._coroutine = None
                if self.job.stop_reason:
                    _forget_cancel()
        self._call = threads.call(lambda: self.task.handler(*arguments))
        return await self._call.value()

    def _stopped(self) -> Outcome:
        match self.job.stop_reason:
            case "released":
                return Released()
            case "timed_out":
                return self._failed("timed_out", f"stopped after {self.task.timeout} s")
            case _:
                return Dropped()

    def _raised(self, error: BaseException) -> Failed:
        log.exception("job %s (%s), attempt %d", self.job.id, self.task.name, self.job.attempt)
        kind = type(error).__name__
        return self._failed(
            "handler_error", f"the handler raised {kind}", detail=f"{kind}: {error}"
        )

    def _failed(
        self, code: str, message: str, *, final: bool = False, detail: str | None = None
    ) -> Failed:
        most = self.task.max_attempts
        final = final or (most is not None and self.job.attempt >= most)
        detail = detail and json.dumps({"raised": _storable(detail)})
        return Failed(_storable(code), _storable(message), final, detail)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _storable(text: str) -> str:
    """A text that Postgres takes: what a handler says may hold anything."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def _forget_cancel() -> None:
    """The cancellation was the job's, not the worker's: take it back, delivered or not."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
