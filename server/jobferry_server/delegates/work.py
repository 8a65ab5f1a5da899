"""A handler of ours in the hands of another queue's worker.

The worker gives out a job's id. Whether it is still to be done, its payload, and what comes of it are
the ledger's: we ask for it, run the handler as our own processor would, and report. The other queue is
told only whether to try again, and when.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from jobferry_server.database import is_data_error
from jobferry_server.errors import DelegatedAttemptFailed
from jobferry_server.logs import events
from jobferry_server.processor.attempt import CANCELLED, RELEASED, Attempt
from jobferry_server.processor.executors import Executors
from jobferry_server.processor.job import Job
from jobferry_server.processor.outcome import Completed, Failed, Outcome, Released
from jobferry_server.processor.task import Task

__all__ = ["Ask", "DelegatedTask", "Statements"]

#: How often a running job reports its progress and asks whether it was cancelled.
REPORT_SECONDS = 0.5
#: When to try again if the ledger itself could not be reached.
UNREACHABLE = timedelta(seconds=10)
RESULT_BYTES = 1_048_576

STOPPED = Failed("processor_lost", "the worker stopped before the job had ended", final=False)

Row = Mapping[str, Any]
#: Run one statement with these values, in the other queue's own way; its rows.
Ask = Callable[..., Awaitable[list[Any]]]


@dataclass(frozen=True)
class Statements:
    """The four reports, in the placeholders of one driver."""

    started: LiteralString
    progress: LiteralString
    completed: LiteralString
    failed: LiteralString


class DelegatedTask:
    """A task of ours that another queue's worker runs. One event loop's."""

    def __init__(self, task: Task, say: Statements) -> None:
        self._task = task
        self._say = say
        self._executors = Executors("thread", [task])

    async def run(
        self, ask: Ask, job_id: UUID, cancel_is_final: Callable[[], bool] = lambda: False
    ) -> None:
        """Run one attempt. Returns if there is nothing more to do about the job, for whatever reason.

        Raises :class:`DelegatedAttemptFailed` if the attempt failed; it says whether to try again.
        ``cancel_is_final`` is asked when the worker cancels us.
        """
        try:
            await self._run(ask, job_id, cancel_is_final)
        except DelegatedAttemptFailed:
            raise
        except Exception as error:
            raise DelegatedAttemptFailed(f"no report on job {job_id}", UNREACHABLE) from error

    async def _run(self, ask: Ask, job_id: UUID, cancel_is_final: Callable[[], bool]) -> None:
        started = await ask(self._say.started, job_id)
        if not started:
            events.DELEGATED_OVER(job=job_id)
            return
        attempt = self._attempt(job_id, started[0])
        watch = asyncio.create_task(self._watch(ask, attempt))
        try:
            outcome = await attempt.run(self._executors)
        except asyncio.CancelledError:
            attempt.stop(RELEASED)
            await asyncio.shield(
                self._failed(ask, attempt, STOPPED, final=cancel_is_final() or None)
            )
            raise
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        try:
            await self._report(ask, attempt, outcome)
        except Exception as error:
            # Procrastinate says why only in the cause.
            why = error.__cause__ or error
            if isinstance(error, DelegatedAttemptFailed) or not _is_refusal(why):
                raise
            # Left unsaid it would run for ever, as in our own processor.
            events.OUTCOME_REFUSED(job=job_id, raised=why)
            reason = str(why).partition("\n")[0]
            refused = f"Postgres refused the outcome: {reason}"
            await self._report(ask, attempt, Failed("invalid_result", refused, final=True))

    async def _report(self, ask: Ask, attempt: Attempt, outcome: Outcome) -> None:
        match outcome:
            case Completed():
                await ask(self._say.completed, attempt.job.id, attempt.job.attempt, outcome.result)
            case Released():
                # The other queue counts attempts its own way and knows no snooze.
                await self._report(ask, attempt, Failed("snoozed", "not now", delay=outcome.pause))
            case Failed():
                # What the handler calls final is; else the ledger counts the attempts.
                delay = await self._failed(ask, attempt, outcome, final=outcome.final or None)
                raise DelegatedAttemptFailed(outcome.message, delay)

    def _attempt(self, job_id: UUID, started: Row) -> Attempt:
        job = Job(
            job_id,
            self._task.name,
            started["payload"],
            started["attempt"],
            started["owner"],
            traceparent=started["traceparent"],
        )
        return Attempt(job, self._task, RESULT_BYTES)

    async def _watch(self, ask: Ask, attempt: Attempt) -> None:
        """Say how far it is, and stop the handler once nobody wants the job any more."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            try:
                progress, _ = attempt.moved() or (None, None)
                (row,) = await ask(
                    self._say.progress, attempt.job.id, attempt.job.attempt, progress
                )
            except Exception as error:
                # Procrastinate says why only in the cause.
                why = error.__cause__ or error
                events.DELEGATED_UNREPORTED(job=attempt.job.id, error=why)
                continue
            attempt.said_progress()
            if not row["alive"]:
                attempt.stop(CANCELLED)
                return

    async def _failed(
        self, ask: Ask, attempt: Attempt, failed: Failed, *, final: bool | None
    ) -> timedelta | None:
        detail = json.loads(failed.detail)["raised"] if failed.detail else None
        (row,) = await ask(
            self._say.failed,
            attempt.job.id,
            attempt.job.attempt,
            failed.message,
            final,
            failed.code,
            detail,
            failed.delay,
        )
        delay: timedelta | None = row["delay"]
        return delay


def _is_refusal(error: BaseException) -> bool:
    """Is what was said at fault, whichever driver it went by?"""
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError | OverflowError):
        return True
    return isinstance(error, Exception) and is_data_error(error)
