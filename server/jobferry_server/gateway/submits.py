"""The submits of a group, written together: one statement for all of them.

A row that Postgres will not take is found by bisection and rejected; the others go on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from jobferry_server.database import AnyConnection, Pool, is_data_error
from jobferry_server.gateway.device import Batch
from jobferry_server.gateway.quota import Quota
from jobferry_server.isolate import isolate
from jobferry_server.logs import events
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJSON
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Submit

__all__ = ["SUBMIT", "Entry", "Submits", "array_literal"]

T = TypeVar("T")

SUBMIT = (
    "select now() as received_at, array_agg(number) as numbers, array_agg(code) as codes"
    " from jobferry.submit_batch($1::uuid[], $2, $3::uuid[], $4, $5, $6, $7,"
    " $8, $9, $10, $11, $12, $13::uuid[], $14)"
)
TRACES = "select jobferry.note_traces($1::uuid[], $2)"

_REASONS = {
    "id_taken": "this id belongs to somebody else's job",
    "content_differs": "this id was used before for another job",
    "gone": "this job has been here, and was pruned or deleted since",
    "wrong_tenant": "the job names another tenant than the token",
    "too_many_jobs": "you have as many unfinished jobs as you may",
}


@dataclass(slots=True)
class Entry:
    """A submit and the push that it came with."""

    batch: Batch
    op: Submit

    def reject(self, code: str) -> None:
        """It will not be done."""
        self.batch.reject(self.op.job.id, code, _REASONS[code])


class Submits:
    """Writes them, and says in their batches what became of those that were not written."""

    def __init__(self, pool: Pool, limits: Limits, quota: Quota) -> None:
        self._pool = pool
        self._limits = limits
        self._quota = quota

    def of(self, batch: Batch) -> Iterator[Entry]:
        """The submits of a batch that can be written; the others are rejected."""
        for op in batch.ops:
            if op.op == "submit" and self._acceptable(batch, op):
                yield Entry(batch, op)

    async def write(self, entries: Sequence[Entry]) -> None:
        """In one transaction, or in as few as the poisonous ones among them allow."""
        await isolate(entries, self._write_together, is_data_error, _refused)

    def _acceptable(self, batch: Batch, op: Submit) -> bool:
        if not _is_tenant_s(batch, op):
            batch.reject(op.job.id, "wrong_tenant", _REASONS["wrong_tenant"])
            return False
        try:
            strict_json.parse(op.job.payload, max_bytes=self._limits.payload_bytes)
        except InvalidJSON as error:
            batch.reject(op.job.id, error.code, str(error))
            return False
        return True

    async def _write_together(self, entries: Sequence[Entry]) -> None:
        traced = [entry for entry in entries if entry.op.traceparent]
        if not (self._quota.most or traced):
            await _write(self._pool, entries)
            return
        async with self._pool.transaction() as connection:
            if allowed := await self._allowed(connection, entries):
                await _write(connection, allowed)
            if traced:
                await _note_traces(connection, traced)

    async def _allowed(
        self, connection: AnyConnection, entries: Sequence[Entry]
    ) -> Sequence[Entry]:
        if not self._quota.most:
            return entries
        over = await self._quota.over(
            connection,
            [entry.op.job.id for entry in entries],
            [entry.batch.device.owner for entry in entries],
            [entry.op.cancelled for entry in entries],
            [entry.batch.counted for entry in entries],
        )
        for place, code in over.items():
            if code == "busy":
                entries[place].batch.held = entries[place].batch.over = True
            else:
                entries[place].reject(code)
        return [entry for place, entry in enumerate(entries) if place not in over]


async def _write(connection: AnyConnection | Pool, entries: Sequence[Entry]) -> None:
    jobs = [entry.op.job for entry in entries]
    answer = await connection.fetchrow(
        SUBMIT,
        [job.id for job in jobs],
        [entry.batch.device.owner for entry in entries],
        [entry.batch.device.client_id for entry in entries],
        [job.timestamp for job in jobs],
        [job.payload for job in jobs],
        [job.task for job in jobs],
        _if_any([job.queue_name for job in jobs]),
        [job.priority for job in jobs],
        _if_any([job.run_at for job in jobs]),
        [job.max_attempts for job in jobs],
        _if_any([job.job_key for job in jobs]),
        _if_any([array_literal(job.flags) for job in jobs]),
        _if_any([job.database_id for job in jobs]),
        [entry.op.cancelled for entry in entries],
    )
    assert answer is not None
    for entry in entries:
        entry.batch.received_at = answer["received_at"]
    for number, code in zip(answer["numbers"] or (), answer["codes"] or (), strict=True):
        refused = entries[number - 1]
        if code == "busy":
            refused.batch.held = True
        else:
            refused.reject(code)


def _if_any(column: list[T | None]) -> list[T | None] | None:
    """A column of nothing but null is one null: there is less to encode, to decode and to unnest."""
    return column if any(value is not None for value in column) else None


async def _note_traces(connection: AnyConnection, traced: Sequence[Entry]) -> None:
    """Of those that were inserted; the function knows which."""
    await connection.execute(
        TRACES,
        [entry.op.job.id for entry in traced],
        [entry.op.traceparent for entry in traced],
    )


def _is_tenant_s(batch: Batch, op: Submit) -> bool:
    """Where tokens name a tenant, all jobs of their devices are that tenant's."""
    if batch.device.tenant is not None and op.job.database_id is None:
        op.job.database_id = batch.device.tenant
    return batch.device.tenant in (None, op.job.database_id)


def _refused(entry: Entry, error: Exception) -> None:
    # What follows the first line may quote the payload.
    reason = str(error).partition("\n")[0]
    events.JOB_REFUSED(job=entry.op.job.id, error=reason)
    entry.batch.reject(entry.op.job.id, "database_refused", reason)


def array_literal(items: list[str] | None) -> str | None:
    """A Postgres array literal: quoted, with quotes and backslashes escaped."""
    if items is None:
        return None
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return "{" + ",".join(quoted) + "}"
