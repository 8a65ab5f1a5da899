"""Procrastinate's workers run tasks of ours.

>>> @delegated(app, "thumbnail")
... def thumbnail(job: Job, photo: Photo) -> Thumbnail: ...
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job as ProcrastinateJob

from jobferry_server.delegates.work import Ask, DelegatedTask, Statements
from jobferry_server.errors import DelegatedAttemptFailed
from jobferry_server.processor.task import Task

__all__ = ["delegated"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

SAY = Statements(
    started="select attempt, payload::text as payload, owner, traceparent"
    " from jobferry.delegated_started(%(v0)s) left join jobferry.traces on job_id = %(v0)s",
    progress="select jobferry.delegated_progress(%(v0)s, %(v1)s, %(v2)s::real) as alive",
    completed="select jobferry.delegated_completed(%(v0)s, %(v1)s, %(v2)s::jsonb)",
    failed="select jobferry.delegated_failed(%(v0)s, %(v1)s, %(v2)s, final => %(v3)s::boolean,"
    " code => %(v4)s, detail => %(v5)s::text, retry_in => %(v6)s::interval) as delay",
)


def delegated(
    app: App, name: str, *, queue: str = "default", timeout: float | None = None
) -> Callable[[Handler], Handler]:
    """Make a handler, ``def`` or ``async def``, the Procrastinate task ``name``.

    The ledger counts the attempts and says when to try again. ``timeout`` is in seconds.
    """

    def register(handler: Handler) -> Handler:
        work = DelegatedTask(Task(name, handler, timeout=timeout), SAY)

        async def run(context: JobContext, jobferry_job_id: str, **_: object) -> None:
            await work.run(
                _asking(context.app),
                UUID(jobferry_job_id),
                lambda: context.abort_reason() is not AbortReason.SHUTDOWN,
            )

        app.task(run, name=name, queue=queue, pass_context=True, retry=_Ledger())  # type: ignore[call-overload]
        return handler

    return register


class _Ledger(BaseRetryStrategy):
    """Try again when the ledger says so."""

    def get_retry_decision(
        self,
        *,
        exception: BaseException,
        job: ProcrastinateJob,  # noqa: ARG002
    ) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision()
        if isinstance(exception, DelegatedAttemptFailed) and exception.retry_in is not None:
            return RetryDecision(retry_at=datetime.now(UTC) + exception.retry_in)
        return None


def _asking(app: App) -> Ask:
    async def ask(sql: LiteralString, *values: object) -> list[dict[str, Any]]:
        named = {f"v{number}": value for number, value in enumerate(values)}
        return await app.connector.execute_query_all_async(sql, **named)

    return ask
