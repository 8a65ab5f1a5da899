"""One attempt at one job, from its payload to its outcome."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from jobferry_server.errors import Snooze, as_timedelta
from jobferry_server.logs import events
from jobferry_server.processor.executors import Call, Executors
from jobferry_server.processor.job import Job, Transaction
from jobferry_server.processor.outcome import (
    Completed,
    Dropped,
    Failed,
    Outcome,
    Released,
    failed_with,
)
from jobferry_server.processor.task import Task
from jobferry_server.processor.traces import attempt_span, note_failure
from jobferry_shared.traces import tracer

__all__ = ["Attempt", "Fence", "Middleware", "Moved"]

#: Why a handler is stopped.
CANCELLED, LOST, TIMED_OUT, RELEASED = "cancelled", "lost", "timed_out", "released"
#: How long a handler that was told to stop may take to obey, in seconds.
OBEY_SECONDS = 5.0

#: A job and which of its attempts; with our name, all that a write is conditional on.
Fence = tuple[UUID, int]

#: Progress and checkpoint.
Moved = tuple[float | None, str | None]

#: Called with the job and with what runs its handler; gives what that gives.
Middleware = Callable[[Job, Callable[[], Awaitable[Any]]], Awaitable[Any]]


@dataclass(slots=True, eq=False)
class Attempt:
    """A claimed job in this process."""

    job: Job
    task: Task
    result_bytes: int
    around: Sequence[Middleware] = ()
    #: Called with the outcome when the handler does not stop and can't be made to.
    on_give_up: "Callable[[Attempt, Outcome], None] | None" = None
    taken: float = field(default_factory=time.monotonic)
    #: When its handler was called.
    began: float = 0.0
    _said: Moved = (None, None)
    _saying: Moved = (None, None)
    _call: Call | None = None

    @property
    def fence(self) -> Fence:
        """What tells this attempt from every other."""
        return self.job.id, self.job.attempt

    def moved(self) -> Moved | None:
        """The progress and the checkpoint, each if it is still to be said."""
        self._saying = self.job.reported, self.job.kept
        if self._saying == self._said:
            return None
        (progress, kept), (said, known) = self._saying, self._said
        return progress if progress != said else None, kept if kept != known else None

    def said_progress(self) -> None:
        """What :meth:`moved` returned is written."""
        self._said = self._saying

    def stop(self, reason: str) -> None:
        """Make the handler stop; its outcome follows from the reason."""
        if self.job.stop_reason:
            return
        self.job.stop_reason = reason
        if self._call is not None:
            self._call.interrupt()
            asyncio.get_running_loop().call_later(OBEY_SECONDS, self._give_up, self._call)

    async def run(self, executors: Executors) -> Outcome:
        """Run the handler. Never raises what the handler raised."""
        self.began = time.monotonic()
        if self.job.cancelled:
            return self._stopped()
        if (ours := tracer()) is None:
            return await self._run(executors)
        with attempt_span(ours, self.job) as end:
            end(outcome := await self._run(executors))
            return outcome

    async def _run(self, executors: Executors) -> Outcome:
        try:
            arguments = self.task.arguments(self.job)
            value = await self._limited(executors.call(self.task, self.job, arguments))
            result = self.task.result_text(value, self.result_bytes)
            if self.job.transaction is None:
                return Completed(result)
            await self.job.transaction.complete(result)
            return Dropped()
        except BaseException as error:
            # Whatever a handler raises is its own job's end; the worker's is somebody's wish to stop.
            if self.job.stop_reason:
                return self._stopped()
            if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
                raise
            return self._after(error)
        finally:
            if self.job.transaction is not None:
                await self._let_go(self.job.transaction)

    async def _let_go(self, transaction: Transaction) -> None:
        try:
            await transaction.end()
        except Exception as error:
            # The attempt has ended one way or the other; a broken connection is the pool's business.
            events.CONNECTION_BROKEN(job=self.job.id, error=error)

    async def _limited(self, call: Call) -> Any:
        self._call = call
        timers = [
            asyncio.get_running_loop().call_later(seconds, what, *arguments)
            for seconds, what, *arguments in (
                (self.task.timeout, self.stop, TIMED_OUT),
                (self.task.hard_timeout, self._cut_short, call),
            )
            if seconds is not None
        ]
        try:
            return await self._surrounded(call)
        finally:
            self._call = None
            for timer in timers:
                timer.cancel()

    def _surrounded(self, call: Call) -> Awaitable[Any]:
        run = call.value
        for middleware in reversed(self.around):
            run = partial(middleware, self.job, run)  # type: ignore[assignment]
        return run()

    def _cut_short(self, call: Call) -> None:
        self.job.stop_reason = self.job.stop_reason or TIMED_OUT
        self._give_up(call)

    def _give_up(self, call: Call) -> None:
        if self._call is not call:
            return
        events.HANDLER_DEAF(job=self.job.id)
        if not call.give_up() and self.on_give_up is not None:
            self.on_give_up(self, self._stopped())

    def _stopped(self) -> Outcome:
        match self.job.stop_reason:
            case "released":
                return Released()
            case "timed_out":
                seconds = self.task.timeout or self.task.hard_timeout
                return self._decided(Failed("timed_out", f"stopped after {seconds} s"))
            case _:
                return Dropped()

    def _after(self, error: BaseException) -> Outcome:
        """What follows from what the handler raised, which may be of any kind."""
        try:
            return self._follows(error)
        except Exception as trouble:
            # An error that can't be put in words, items that are no places: this job's trouble alone.
            events.HANDLER_RAISED(
                job=self.job.id,
                task=self.task.name,
                attempt=self.job.attempt,
                error=f"{type(error).__name__}, of which nothing more can be said",
                raised=trouble,
            )
            return self._decided(
                Failed("handler_error", f"the handler raised {type(error).__name__}")
            )

    def _follows(self, error: BaseException) -> Outcome:
        if isinstance(error, Snooze):
            return Released(error.in_)
        note_failure(error)
        failed = failed_with(error, self.job)
        if failed.code == "handler_error":
            events.HANDLER_RAISED(
                job=self.job.id,
                task=self.task.name,
                attempt=self.job.attempt,
                error=error,
                raised=error if failed.detail else None,
            )
        return self._decided(failed)

    def _decided(self, failed: Failed) -> Failed:
        """With what the task has to say: is it the last attempt, and when is the next?"""
        most = self.task.max_attempts
        if failed.final or (most is not None and self.job.attempt >= most):
            return replace(failed, final=True)
        return failed if failed.delay is not None else replace(failed, delay=self._delay())

    def _delay(self) -> timedelta | None:
        """The time until the next attempt that the task wishes; the usual one where it has no wish."""
        if self.task.retry is None:
            return None
        try:
            return as_timedelta(self.task.retry(self.job.attempt))
        except Exception as error:
            events.NO_RETRY_TIME(job=self.job.id, task=self.task.name, raised=error)
            return None


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
