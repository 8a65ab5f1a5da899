"""The group commit: operations of all devices, written together.

While one transaction is in flight the operations of all connections gather for the next: one
statement, one NOTIFY lock, one fsync for all of them. An idle gateway commits at once. A row that
Postgres will not take is found by bisection and rejected; the others go on.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobferry_server.database import Pool, is_data_error, is_transient
from jobferry_server.gateway.device import Batch, Device
from jobferry_server.isolate import isolate
from jobferry_server.metrics import definitions as metrics
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJSON
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Cancel, Submit

__all__ = ["GroupCommit"]

log = logging.getLogger("jobferry.gateway")

RETRY_SECONDS = 0.2
#: A cancel whose row is being written by somebody else this moment is tried again after this, and
#: then after twice as long each time, up to a bound.
POSTPONED_SECONDS = 0.02
MOST_POSTPONED_SECONDS = 0.5
#: A job with a key that somebody is at work on is tried again after this, and with it all that its
#: device said after it.
HELD_SECONDS = 0.05

SUBMIT = (
    "select now() as received_at, array_agg(number) as numbers, array_agg(code) as codes"
    " from jobferry.submit_batch($1::uuid[], $2, $3::uuid[], $4, $5, $6, $7,"
    " $8, $9, $10, $11, $12, $13::uuid[], $14)"
)
CANCEL = "select number, code from jobferry.cancel_batch($1::uuid[], $2, $3::uuid[])"

_REASONS = {
    "id_taken": "this id belongs to somebody else's job",
    "content_differs": "this id was used before for another job",
    "gone": "this job has been here, and was pruned or deleted since",
    "not_found": "there is no such job of yours",
    "wrong_tenant": "the job names another tenant than the token",
}


@dataclass(slots=True)
class _Submit:
    batch: Batch
    op: Submit


@dataclass(slots=True)
class _Cancel:
    batch: Batch
    op: Cancel


class GroupCommit:
    """Takes batches from all devices and answers each once it is committed."""

    def __init__(self, pool: Pool, limits: Limits, most: int) -> None:
        self._pool = pool
        self._limits = limits
        self._most = most
        self._waiting: deque[Batch] = deque()
        self._held: dict[Device, list[Batch]] = {}
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._postponed = asyncio.Event()

    def add(self, batch: Batch) -> None:
        """Write this batch with the next group."""
        self._waiting.append(batch)
        self._idle.clear()
        self._some.set()

    async def drained(self) -> None:
        """Wait until nothing is waiting."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit group after group, for ever."""
        while True:
            await self._some.wait()
            if group := self._next_group():
                await self._commit_until_done(group)
            if not self._waiting:
                self._some.clear()
                if not self._held:
                    self._idle.set()

    def _next_group(self) -> list[Batch]:
        group: list[Batch] = []
        room = self._most
        while self._waiting and (not group or len(self._waiting[0].ops) <= room):
            batch = self._waiting.popleft()
            if batch.device in self._held:
                self._held[batch.device].append(batch)
                continue
            room -= len(batch.ops)
            group.append(batch)
        return group

    async def _commit_until_done(self, group: list[Batch]) -> None:
        """A database that is away is waited for: the group is idempotent."""
        began = time.monotonic()
        while True:
            try:
                await self._commit(group)
                break
            except Exception as error:
                if not is_transient(error):
                    log.exception("the group commit failed; trying again")
                else:
                    log.warning("the database does not answer, trying again: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
        _measure(group, began)
        _answer(batch for batch in group if not batch.held)
        self._hold([batch for batch in group if batch.held])

    async def _commit(self, group: list[Batch]) -> None:
        for batch in group:
            batch.rejected.clear()
            batch.held = False
        submits = [
            _Submit(batch, op)
            for batch in group
            for op in batch.ops
            if isinstance(op, Submit) and self._acceptable(batch, op)
        ]
        if submits:
            await isolate(submits, self._write_submits, is_data_error, _refused)
        _hold_what_follows(group)
        free = [batch for batch in group if not batch.held]
        cancels = [_Cancel(b, op) for b in free for op in b.ops if isinstance(op, Cancel)]
        if cancels:
            await self._write_cancels(cancels)

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

    async def _write_submits(self, submits: Sequence[_Submit]) -> None:
        jobs = [submit.op.job for submit in submits]
        answer = await self._pool.fetchrow(
            SUBMIT,
            [job.id for job in jobs],
            [submit.batch.device.owner for submit in submits],
            [submit.batch.device.client_id for submit in submits],
            [job.timestamp for job in jobs],
            [job.payload for job in jobs],
            [job.task for job in jobs],
            [job.queue_name for job in jobs],
            [job.priority for job in jobs],
            [job.run_at for job in jobs],
            [job.max_attempts for job in jobs],
            [job.job_key for job in jobs],
            [_array_literal(job.flags) for job in jobs],
            [job.database_id for job in jobs],
            [submit.op.cancelled for submit in submits],
        )
        assert answer is not None
        for submit in submits:
            submit.batch.received_at = answer["received_at"]
        for number, code in zip(answer["numbers"] or (), answer["codes"] or (), strict=True):
            refused = submits[number - 1]
            if code == "busy":
                refused.batch.held = True
            else:
                refused.batch.reject(refused.op.job.id, code, _REASONS[code])

    def _hold(self, batches: list[Batch]) -> None:
        """These are to be committed again a little later; each is idempotent."""
        for batch in batches:
            if batch.device not in self._held:
                asyncio.get_running_loop().call_later(HELD_SECONDS, self._resume, batch.device)
            self._held.setdefault(batch.device, []).append(batch)

    def _resume(self, device: Device) -> None:
        self._waiting.extendleft(reversed(self._held.pop(device)))
        self._some.set()

    async def _write_cancels(self, cancels: Sequence[_Cancel]) -> None:
        left = await self._pool.fetch(
            CANCEL,
            [cancel.op.id for cancel in cancels],
            [cancel.batch.device.owner for cancel in cancels],
            [cancel.batch.device.client_id for cancel in cancels],
        )
        for number, code in left:
            cancel = cancels[number - 1]
            if code == "postponed":
                self.look_for_postponed()
            else:
                cancel.batch.reject(cancel.op.id, code, _REASONS[code])

    def look_for_postponed(self) -> None:
        """There are, or may be, cancels that could not be done at once."""
        self._postponed.set()

    async def run_postponed(self) -> None:
        """Try postponed cancels again, for ever, beside the groups of everybody else."""
        while True:
            await self._postponed.wait()
            self._postponed.clear()
            pause = POSTPONED_SECONDS
            while await self._try_postponed():
                await asyncio.sleep(pause)
                pause = min(2 * pause, MOST_POSTPONED_SECONDS)

    async def _try_postponed(self) -> int:
        """How many are left, as far as we know."""
        try:
            left: int = await self._pool.fetchval("select jobferry.cancel_postponed()")
        except Exception as error:
            log.warning("postponed cancels could not be tried: %s", error)
            return 1
        return left


def _is_tenant_s(batch: Batch, op: Submit) -> bool:
    """Where tokens name a tenant, all jobs of their devices are that tenant's."""
    if batch.device.tenant is not None and op.job.database_id is None:
        op.job.database_id = batch.device.tenant
    return batch.device.tenant in (None, op.job.database_id)


def _measure(group: Sequence[Batch], began: float) -> None:
    metrics.COMMIT_SECONDS.observe(time.monotonic() - began)
    metrics.COMMIT_OPERATIONS.observe(sum(len(batch.ops) for batch in group))
    metrics.LAST_COMMIT.set_to_current_time()
    for batch in group:
        for refusal in batch.rejected:
            metrics.REJECTED.labels(refusal.code).inc()


def _hold_what_follows(group: Sequence[Batch]) -> None:
    """What a device said last must not be done first: it may cancel what is held."""
    held = set()
    for batch in group:
        batch.held = batch.held or batch.device in held
        if batch.held:
            held.add(batch.device)


def _answer(batches: Iterable[Batch]) -> None:
    devices = {}
    for batch in batches:
        batch.decided = True
        devices[id(batch.device)] = batch.device
    for device in devices.values():
        device.answer()


def _refused(submit: _Submit, error: Exception) -> None:
    log.warning("job %s was refused by the database: %s", submit.op.job.id, error)
    submit.batch.reject(submit.op.job.id, "database_refused", str(error).partition("\n")[0])


def _array_literal(items: list[str] | None) -> str | None:
    """A Postgres array literal: quoted, with quotes and backslashes escaped."""
    if items is None:
        return None
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return "{" + ",".join(quoted) + "}"
