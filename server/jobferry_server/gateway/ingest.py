"""The group commit: operations of all devices, written together.

While one transaction is in flight the operations of all connections gather for the next: one
statement, one NOTIFY lock, one fsync for all of them. An idle gateway commits at once. Whose turn it
is, and who commits beside whom, ``pushes`` says. A row that Postgres will not take is found by
bisection and rejected; the others go on.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from jobferry_server.database import AnyConnection, Pool, is_data_error, is_transient
from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.pushes import LITTLE, Lane, Pushes
from jobferry_server.gateway.quota import Quota
from jobferry_server.gateway.room import Room
from jobferry_server.gateway.traces import trace_accepted
from jobferry_server.isolate import isolate
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJSON
from jobferry_shared.limits import Limits
from jobferry_shared.messages import Cancel, Rejection, Submit

__all__ = ["GroupCommit"]

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
TRACES = "select jobferry.note_traces($1::uuid[], $2)"
CANCEL = "select number, code from jobferry.cancel_batch($1::uuid[], $2, $3::uuid[])"

_REASONS = {
    "id_taken": "this id belongs to somebody else's job",
    "content_differs": "this id was used before for another job",
    "gone": "this job has been here, and was pruned or deleted since",
    "not_found": "there is no such job of yours",
    "wrong_tenant": "the job names another tenant than the token",
    "too_many_jobs": "you have as many unfinished jobs as you may",
}


@dataclass(slots=True)
class _Submit:
    batch: Batch
    op: Submit

    def reject(self, code: str) -> None:
        self.batch.reject(self.op.job.id, code, _REASONS[code])


@dataclass(slots=True)
class _Cancel:
    batch: Batch
    op: Cancel


class GroupCommit:
    """Takes batches from all devices and answers each once it is committed.

    ``on_rejected`` is told the last that was rejected of each batch.
    """

    def __init__(
        self,
        pool: Pool,
        limits: Limits,
        pushes: Pushes,
        room: Room,
        quota: Quota,
        on_rejected: Callable[[Device, Rejection], None],
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._pushes = pushes
        self._room = room
        self._quota = quota
        self._on_rejected = on_rejected
        self._some = {lane: asyncio.Event() for lane in Lane}
        self._idle = asyncio.Event()
        self._idle.set()
        self._postponed = asyncio.Event()

    def add(self, batch: Batch) -> None:
        """Write this batch as soon as its turn comes."""
        self._room.enter(batch.device.owner, batch.octets)
        self._pushes.add(batch)
        self._idle.clear()
        self._ring()

    async def drained(self) -> None:
        """Wait until nothing is waiting."""
        await self._idle.wait()

    async def run(self, lane: Lane) -> None:
        """Commit group after group of one lane, for ever."""
        some = self._some[lane]
        while True:
            some.clear()
            now = time.monotonic()
            if group := self._pushes.take(lane, now):
                began = time.time_ns()
                await self._commit_until_done(group, lane)
                self._finish(group)
                trace_accepted(group, began)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pushes.pause(now)):
                        await some.wait()

    def _ring(self) -> None:
        for some in self._some.values():
            some.set()

    def _finish(self, group: list[Batch]) -> None:
        self._pushes.done(group)
        decided = [batch for batch in group if not batch.held]
        for batch in decided:
            self._room.leave(batch.device.owner, batch.octets)
            if batch.rejected:
                self._on_rejected(batch.device, batch.rejected[-1])
        _answer(decided)
        for device in {batch.device for batch in group if batch.held}:
            self._hold(device, over=any(b.over for b in group if b.device is device))
        if self._pushes.empty:
            self._idle.set()
        self._ring()

    async def _commit_until_done(self, group: list[Batch], lane: Lane) -> None:
        """A database that is away is waited for: the group is idempotent."""
        began = time.monotonic()
        while True:
            try:
                await self._commit(group, lane)
                break
            except Exception as error:
                if not is_transient(error):
                    events.COMMIT_FAILED(raised=error)
                else:
                    events.COMMIT_WAITS(error=error)
                await asyncio.sleep(RETRY_SECONDS)
        _measure(group, began)

    async def _commit(self, group: list[Batch], lane: Lane) -> None:
        submits: list[_Submit] = []
        for batch in group:
            batch.begin()
            submits += [
                _Submit(batch, op)
                for op in batch.ops
                if isinstance(op, Submit) and self._acceptable(batch, op)
            ]
            if len(batch.ops) > LITTLE:
                # Let those go ahead who have less to say.
                await asyncio.sleep(0)
        await self._write_in_turns(submits, lane)
        _hold_what_follows(group)
        free = [batch for batch in group if not batch.held]
        cancels = [_Cancel(b, op) for b in free for op in b.ops if isinstance(op, Cancel)]
        if cancels:
            await self._write_cancels(cancels)

    async def _write_in_turns(self, submits: Sequence[_Submit], lane: Lane) -> None:
        """As many at a time as the others can bear, with rests between."""
        while submits:
            began = time.monotonic()
            most = self._pushes.most(lane, began)
            some, submits = submits[:most], submits[most:]
            await isolate(some, self._write_submits, is_data_error, _refused)
            # What a device said later must not be done before what is held of it.
            held = {submit.batch.device for submit in some if submit.batch.held}
            submits = [submit for submit in submits if submit.batch.device not in held]
            await asyncio.sleep(self._pushes.rest(lane, began, time.monotonic()))

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
        traced = [submit for submit in submits if submit.op.traceparent]
        if not (self._quota.most or traced):
            await self._write(self._pool, submits)
            return
        async with self._pool.acquire() as connection, connection.transaction():
            if allowed := await self._allowed(connection, submits):
                await self._write(connection, allowed)
            if traced:
                await _note_traces(connection, traced)

    async def _allowed(
        self, connection: AnyConnection, submits: Sequence[_Submit]
    ) -> Sequence[_Submit]:
        if not self._quota.most:
            return submits
        over = await self._quota.over(
            connection,
            [submit.op.job.id for submit in submits],
            [submit.batch.device.owner for submit in submits],
            [submit.op.cancelled for submit in submits],
            [submit.batch.counted for submit in submits],
        )
        for place, code in over.items():
            if code == "busy":
                submits[place].batch.held = submits[place].batch.over = True
            else:
                submits[place].reject(code)
        return [submit for place, submit in enumerate(submits) if place not in over]

    async def _write(self, connection: AnyConnection | Pool, submits: Sequence[_Submit]) -> None:
        jobs = [submit.op.job for submit in submits]
        answer = await connection.fetchrow(
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
                refused.reject(code)

    def _hold(self, device: Device, *, over: bool) -> None:
        """What is held of this device is committed again a little later; it is idempotent."""
        if over:
            self._quota.count(partial(self._resume, device, counted=True))
        else:
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._resume, device)

    def _resume(self, device: Device, *, counted: bool = False) -> None:
        for batch in self._pushes.resume(device):
            batch.counted = batch.counted or (counted and batch.over)
        self._ring()

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
            events.CANCELS_POSTPONED(error=error)
            return 1
        return left


async def _note_traces(connection: AnyConnection, traced: Sequence[_Submit]) -> None:
    """Of those that were inserted; the function knows which."""
    await connection.execute(
        TRACES,
        [submit.op.job.id for submit in traced],
        [submit.op.traceparent for submit in traced],
    )


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
    # What follows the first line may quote the payload.
    reason = str(error).partition("\n")[0]
    events.JOB_REFUSED(job=submit.op.job.id, error=reason)
    submit.batch.reject(submit.op.job.id, "database_refused", reason)


def _array_literal(items: list[str] | None) -> str | None:
    """A Postgres array literal: quoted, with quotes and backslashes escaped."""
    if items is None:
        return None
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return "{" + ",".join(quoted) + "}"
