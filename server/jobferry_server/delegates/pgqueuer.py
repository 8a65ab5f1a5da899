"""PgQueuer's workers run tasks of ours.

>>> @delegated(pgq, "thumbnail")
... def thumbnail(job: Job, photo: Photo) -> Thumbnail: ...
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from pgqueuer import PgQueuer
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job as PgQueuerJob

from jobferry_server.delegates.work import DelegatedTask, Statements
from jobferry_server.errors import DelegatedAttemptFailed
from jobferry_server.processor.task import Task

__all__ = ["delegated"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

SAY = Statements(
    started="select attempt, payload::text as payload, owner, traceparent"
    " from jobferry.delegated_started($1::uuid) left join jobferry.traces on job_id = $1",
    progress="select jobferry.delegated_progress($1::uuid, $2::integer, $3::real) as alive",
    completed="select jobferry.delegated_completed($1::uuid, $2::integer, $3::text::jsonb)",
    failed="select jobferry.delegated_failed($1::uuid, $2::integer, $3::text, final => $4::boolean,"
    " code => $5::text, detail => $6::text, retry_in => $7::interval) as delay",
)


def delegated(
    pgq: PgQueuer, name: str, *, concurrency_limit: int = 0, timeout: float | None = None
) -> Callable[[Handler], Handler]:
    """Make a handler, ``def`` or ``async def``, the PgQueuer entrypoint ``name``.

    The ledger counts the attempts and says when to try again. ``timeout`` is in seconds.
    """

    def register(handler: Handler) -> Handler:
        work = DelegatedTask(Task(name, handler, timeout=timeout), SAY)

        async def run(job: PgQueuerJob) -> None:
            sent = json.loads(job.payload or b"{}")
            try:
                await work.run(pgq.connection.fetch, UUID(sent["jobferry_job_id"]))
            except DelegatedAttemptFailed as error:
                if error.retry_in is None:
                    raise
                raise RetryRequested(error.retry_in, str(error)) from error

        pgq.entrypoint(name, concurrency_limit=concurrency_limit)(run)
        return handler

    return register
