"""The ledger as far as its rows go: what the functions of SQL do, one transaction each.

The originals are in ``sql/jobferry_sql/postgres``. Whatever a real function may answer because somebody
else is at work on a row (``busy``, ``postponed``, ``held_up``) is answered here at random.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from jobferry_shared.states import FINISHED, Status
from simulation.bugs import Bugs
from simulation.postgres import Postgres, Snapshot

__all__ = ["Ledger", "LedgerJob", "Watcher"]

#: Of the first database; the next have numbers of their own.
EPOCH = "0123456789abcdef0123456789abcdef"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
#: How often a row is taken for one that somebody is writing this moment.
BUSY = 0.1
#: A payload that Postgres will not take, however long one looks at it.
POISON = '"poison"'


class NotRegistered(asyncpg.PostgresError):
    """JF010: the lease is lost."""

    sqlstate = "JF010"


@dataclass(slots=True)
class LedgerJob:
    """A row of the ledger, and of the queue while it is unfinished."""

    id: str
    owner: str
    client_id: str | None
    task: str
    payload: str
    created: int
    version: int
    received_at: datetime
    run_at: datetime
    job_key: str | None = None
    status: Status = Status.QUEUED
    progress: float = 0.0
    attempts: int = 0
    max_attempts: int = 25
    result: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    locked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What a pruned job leaves behind."""

    id: str
    owner: str
    version: int


class Watcher(Protocol):
    """Who hears of every row that is written; see :class:`simulation.checker.Checker`."""

    def inserted(self, job: LedgerJob) -> None:
        """A row is new."""

    def claimed(self, job: LedgerJob, by: str) -> None:
        """A processor holds it now."""

    def wrote(self, before: LedgerJob, job: LedgerJob, by: str, attempt: int | None) -> None:
        """A row changed; by a processor it is what it says of this attempt."""

    def freed(self, job: LedgerJob) -> None:
        """Nobody holds it any more."""

    def restored(self) -> None:
        """The ledger is another, or an earlier one, with an epoch of its own."""


@dataclass(frozen=True, slots=True)
class Backup:
    """All that a database has at one moment, and the next transaction id."""

    xid: int
    #: The cluster that it is of, and the one whose transaction ids stand in its rows.
    server: int
    cluster: int
    rows: Mapping[str, LedgerJob] = field(default_factory=dict)
    processors: Mapping[str, datetime] = field(default_factory=dict)
    postponed: Mapping[str, str] = field(default_factory=dict)
    tombstones: Mapping[str, Tombstone] = field(default_factory=dict)
    forgotten: int = 0
    revoked: Mapping[str, None] = field(default_factory=dict)


@dataclass
class Ledger:
    """All rows, and the functions."""

    postgres: Postgres
    random: Random
    bugs: Bugs
    watcher: Watcher
    rows: dict[str, LedgerJob] = field(default_factory=dict)
    processors: dict[str, datetime] = field(default_factory=dict)
    postponed: dict[str, str] = field(default_factory=dict)
    tombstones: dict[str, Tombstone] = field(default_factory=dict)
    #: Devices that have not read beyond this transaction are to read everything anew.
    forgotten: int = 0
    #: Owners whose tokens, whenever they were issued, are not to be believed.
    revoked: dict[str, None] = field(default_factory=dict)
    epoch: str = EPOCH
    #: Whose transaction ids stand in the rows.
    cluster: int = 0
    _restored: int = 0

    def __post_init__(self) -> None:
        self.postgres.knows.trifles |= {
            "unserved_tasks": [],
            "note_devices": None,
            "hand_over_left": None,
            "compact_queue": False,
        }
        self.postgres.knows.reading |= {
            "epoch": self.look,
            "revocations": self.revocations,
            "gateway_feed": self.changes_pages,
            "gateway_start": self.start,
        }
        self.postgres.knows.writing |= {
            "submit_batch": self.submit_batch,
            "cancel_batch": self.cancel_batch,
            "cancel_postponed": self.cancel_postponed,
            "pg_logical_emit_message": lambda *_: None,
            "pg_notify": lambda channel: self.postgres.notify(channel),
            "register_processor": self.register,
            "unregister_processor": self.unregister,
            "heartbeat": self.heartbeat,
            "reap": self.reap,
            "claim": self.claim,
            "flush": self.flush,
            "release_unknown": self.release_unknown,
            "settle_restored": self.settle_restored,
        }

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return NOON + timedelta(seconds=self.postgres.loop.now)

    def owner_of(self, id_: str) -> str | None:
        """Whose job this is, or was; ``None`` if it never came here."""
        found = self.rows.get(id_) or self.tombstones.get(id_)
        return found.owner if found else None

    # -- what gateways call

    def look(self) -> dict[str, Any]:
        """Which database this is. Its log only grows, as what is committed is on disk."""
        on_disk = self.postgres.snapshot().xmax
        settled = self.cluster == self.postgres.cluster
        return {"epoch": self.epoch, "on_disk": on_disk, "settled": settled}

    def settle_restored(self) -> int:
        """``jobferry.settle_restored``."""
        if self.cluster == self.postgres.cluster:
            return 0
        self.cluster, self.forgotten = self.postgres.cluster, 0
        snapshot, xid = self.postgres.snapshot(), self.postgres.xid
        past = min(snapshot.running, default=snapshot.xmax)
        future = [job for job in self.rows.values() if max(job.version, job.created) >= past]
        for job in future:
            created = job.created if job.created < past else xid
            self.rows[job.id] = replace(job, version=xid, created=created)
        for stone in self.tombstones.values():
            if stone.version >= past:
                self.tombstones[stone.id] = replace(stone, version=xid)
        return len(future)

    def revocations(self) -> list[dict[str, Any]]:
        """The rows of ``jobferry.revocations``."""
        return [{"token_id": None, "owner": owner, "before": math.inf} for owner in self.revoked]

    def submit_batch(
        self,
        ids: Sequence[str],
        owners: Sequence[str],
        client_ids: Sequence[str],
        _: Sequence[datetime],
        payloads: Sequence[str],
        tasks: Sequence[str],
        *more: Sequence[Any] | None,
    ) -> dict[str, Any]:
        """``jobferry.submit_batch``, as the gateway asks for it."""
        if POISON in payloads:
            raise asyncpg.DataError("poison")
        # A column of nothing but null is one null.
        run_ats, job_keys, cancels = (more[n] or [None] * len(ids) for n in (2, 4, 7))
        refused = []
        for number, id_ in enumerate(ids):
            code = self._refusal(id_, owners[number], payloads[number], job_keys[number])
            run_at = run_ats[number] or self.now
            status = Status.SCHEDULED if run_at > self.now else Status.QUEUED
            if code == "new":
                self._insert(
                    LedgerJob(
                        id_,
                        owners[number],
                        client_ids[number],
                        tasks[number],
                        payloads[number],
                        self.postgres.xid,
                        self.postgres.xid,
                        self.now,
                        run_at,
                        job_keys[number],
                        Status.CANCELLED if cancels[number] else status,
                        finished_at=self.now if cancels[number] else None,
                    )
                )
            elif code is not None:
                refused.append((number + 1, code))
            else:
                self._tell_again(self.rows[id_], client_ids[number])
        return {
            "received_at": self.now,
            "numbers": [number for number, _ in refused],
            "codes": [code for _, code in refused],
        }

    def _tell_again(self, job: LedgerJob, client_id: str) -> None:
        earlier = job.created != self.postgres.xid
        if earlier and _just_sent(job, client_id) and not self._is_busy():
            self._write(job, "a gateway", None)

    def _refusal(self, id_: str, owner: str, payload: str, key: str | None) -> str | None:
        known, pruned = self.rows.get(id_), id_ in self.tombstones
        unknown = known is None and (not pruned or self.bugs.forget_the_pruned)
        if unknown or self.bugs.forget_submits:
            return "busy" if key is not None and self._is_busy() else "new"
        if self.owner_of(id_) != owner:
            return "id_taken"
        if known is None:
            return "gone"
        return "content_differs" if known.payload != payload else None

    def cancel_batch(
        self, ids: Sequence[str], owners: Sequence[str], _: Sequence[str]
    ) -> list[tuple[int, str]]:
        """``jobferry.cancel_batch``."""
        left = []
        for number, (id_, owner) in enumerate(zip(ids, owners, strict=True), 1):
            job = self.rows.get(id_)
            if job is None or job.owner != owner:
                left.append((number, "not_found"))
            elif job.finished_at is None and self._is_busy():
                self.postponed[id_] = owner
                left.append((number, "postponed"))
            elif job.finished_at is None:
                self._cancel(job, f"owner {owner}")
        return left

    def cancel_postponed(self) -> int:
        """``jobferry.cancel_postponed``."""
        for id_ in list(self.postponed):
            job = self.rows.get(id_)
            if job is not None and job.finished_at is None and not self._is_busy():
                self._cancel(job, f"owner {self.postponed[id_]}")
            if job is None or self.rows[id_].finished_at is not None:
                del self.postponed[id_]
        return len(self.postponed)

    def start(self) -> dict[str, Any]:
        """``queries/gateway_start.sql``."""
        return {"now": str(self.postgres.snapshot()), "durable": True, "epoch": self.epoch}

    def changes_pages(
        self,
        slots: Sequence[int],
        owners: Sequence[str],
        client_ids: Sequence[str],
        *places: Any,
    ) -> list[dict[str, Any]]:
        """``queries/gateway_feed.sql``: a page for every device."""
        *per_device, most, _, oldest = places
        forgotten = str(self.forgotten) if oldest and self.forgotten >= int(oldest) else None
        found = []
        now = str(self.postgres.snapshot())
        for slot, owner, client_id, *place in zip(
            slots, owners, client_ids, *per_device, strict=True
        ):
            head = {
                "slot": slot,
                "now": now,
                "durable": True,
                "epoch": self.epoch,
                "forgotten": forgotten,
            }
            rows = self._page(owner, client_id, place, most)
            rows += self._gone_page(owner, place, most - len(rows))
            found += [head | row for row in rows] or [head | {"id": None}]
        return found

    def _page(
        self, owner: str, client_id: str, place: Sequence[Any], most: int
    ) -> list[dict[str, Any]]:
        since_text, target_text, version_text, last, active, gone = place
        if gone:
            return []
        now = self.postgres.snapshot()
        since = Snapshot.parse(since_text) if since_text else None
        target = Snapshot.parse(target_text) if target_text else now
        after = int(version_text) if version_text else 0
        mine = [
            job
            for job in self.rows.values()
            if (job.owner == owner or self.bugs.feed_of_everybody)
            and (active is None or active == (job.finished_at is None))
        ]
        seen = [
            job
            for job in mine
            if (job.version, job.id) > (after, last or "")
            and (since is None or not since.sees(job.version))
            and target.sees(job.version)
            and (not after or target.sees(after))
            and not (since and _just_sent(job, client_id))
        ]
        page = sorted(seen, key=lambda job: (job.version, job.id))
        if target != now:
            moved = [
                job
                for job in mine
                if not target.sees(job.version)
                and target.sees(job.created)
                and (since is None or (job.client_id != client_id and not since.sees(job.created)))
                and (not after or target.sees(after) or job.id > last)
            ]
            page += sorted(moved, key=lambda job: job.id)
        return [_change(job, client_id, since) for job in page[:most]]

    def _gone_page(self, owner: str, place: Sequence[Any], most: int) -> list[dict[str, Any]]:
        """``jobferry.gone_page``."""
        since_text, target_text, version, last, _, gone = place
        if not since_text or self.bugs.skip_the_tombstones:
            return []
        since = Snapshot.parse(since_text)
        target = Snapshot.parse(target_text) if target_text else self.postgres.snapshot()
        after = (int(version), last) if gone else (0, "")
        found = [
            (stone.version, stone.id)
            for stone in self.tombstones.values()
            if stone.owner == owner
            and (stone.version, stone.id) > after
            and not since.sees(stone.version)
            and target.sees(stone.version)
        ]
        return [
            {"id": id_, "version": str(version), "status": None, "room": 1}
            for version, id_ in sorted(found)[:most]
        ]

    # -- what processors call

    def register(self, processor: str, *_: Any) -> None:
        """``jobferry.register_processor``."""
        self.processors[processor] = self.now

    def unregister(self, processor: str) -> None:
        """``jobferry.unregister_processor``."""
        self.release_unknown(processor, ())
        self.processors.pop(processor, None)

    def heartbeat(self, processor: str) -> bool:
        """``jobferry.heartbeat``."""
        if processor in self.processors:
            self.processors[processor] = self.now
        return processor in self.processors

    def reap(self, lease: float) -> int:
        """``jobferry.reap``."""
        end = self.now - timedelta(seconds=lease)
        dead = [
            name
            for name, seen in self.processors.items()
            if seen < end and not self.postgres.lease_is_held(name)
        ]
        if self.bugs.skip_the_reaping or not dead:
            return 0
        held = [job for job in self.rows.values() if job.locked_by in dead]
        for job in held:
            final = job.attempts >= job.max_attempts
            self._free(job, "the reaper", Status.FAILED if final else Status.RETRYING)
        for name in dead:
            del self.processors[name]
        self.postgres.notify("jobferry_queue")
        return len(held)

    def claim(
        self, processor: str, tasks: Sequence[str], _: Any, most: int
    ) -> list[dict[str, Any]]:
        """``jobferry.claim``."""
        if processor not in self.processors:
            raise NotRegistered
        due = [
            job
            for job in self.rows.values()
            if job.finished_at is None
            and job.locked_by is None
            and job.run_at <= self.now
            and job.task in tasks
            and not self._is_busy()
        ]
        due.sort(key=lambda job: (job.run_at, job.id))
        return [self._start(job, processor) for job in due[:most]]

    def flush(self, processor: str, *said: Any) -> list[dict[str, Any]]:
        """``jobferry.flush``; what it can't write this moment it says."""
        done, failed, moved = said[0:3], said[3:10], said[10:14]
        released, running = said[14:17], said[17:19]
        held_up: list[tuple[UUID, int]] = []
        for job, attempt, progress, _ in self._free_rows(processor, moved, held_up):
            if progress is not None:
                late = progress / 2 if self.bugs.say_progress_late and self._is_busy() else progress
                self._write(job, processor, attempt, progress=late)
        for job, attempt, result in self._free_rows(processor, done, held_up):
            self._finish(job, processor, attempt, Status.COMPLETED, result=result)
        for job, attempt, error, final, delay, *_ in self._free_rows(processor, failed, held_up):
            self._fail(job, processor, attempt, error, final, delay)
        for job, attempt, pause in self._free_rows(processor, released, held_up):
            self._release(job, processor, attempt, pause)
        lost = [
            (id_, attempt, "cancelled" if self._is_cancelled(id_) else "lost")
            for id_, attempt in zip(*running, strict=True)
            if self._held(processor, id_, attempt) is None
        ]
        verdicts = [*lost, *((*fence, "held_up") for fence in held_up)]
        return [dict(zip(("id", "attempt", "verdict"), one, strict=True)) for one in verdicts]

    def release_unknown(self, processor: str, known: Sequence[UUID]) -> None:
        """``jobferry.release_unknown``."""
        for job in list(self.rows.values()):
            if job.locked_by == processor and UUID(job.id) not in known:
                self._release(job, processor, job.attempts, None)

    # -- what anybody does who may write the table

    def insert_by_hand(self, job: LedgerJob) -> None:
        """INSERT INTO background_jobs."""
        job.created = job.version = self.postgres.xid
        self._insert(job)

    def update_by_hand(self, id_: str, **changes: Any) -> None:
        """UPDATE background_jobs; a finished row takes nothing."""
        job = self.rows[id_]
        if job.finished_at is not None and not self.bugs.finished_is_not_final:
            return
        status = changes.pop("status", job.status)
        if status in FINISHED:
            self._finish(job, "somebody", None, status, **changes)
        else:
            self._write(job, "somebody", None, **changes)

    def prune(self, id_: str) -> None:
        """``jobferry.prune_jobs``, of one."""
        if self.rows[id_].finished_at is not None:
            job = self.rows.pop(id_)
            self.tombstones[id_] = Tombstone(id_, job.owner, self.postgres.xid)
            self.postgres.notify("jobferry_changes", job.owner)

    def forget(self) -> None:
        """Of ``jobferry.prune_tombstones`` what devices notice; submits find them still."""
        self.forgotten = max((stone.version for stone in self.tombstones.values()), default=0)

    def revoke(self, owner: str) -> None:
        """``jobferry.revoke_owner``."""
        self.revoked[owner] = None
        self.postgres.notify("jobferry_revocations")

    def unrevoke(self, owner: str) -> None:
        """``jobferry.unrevoke_owner``."""
        self.revoked.pop(owner, None)
        self.postgres.notify("jobferry_revocations")

    # -- what an operator does

    def back_up(self) -> Backup:
        """A dump, or the moment to which the log can be replayed."""
        return Backup(
            self.postgres.next_xid,
            self.postgres.cluster,
            self.cluster,
            dict(self.rows),
            dict(self.processors),
            dict(self.postponed),
            dict(self.tombstones),
            self.forgotten,
            dict(self.revoked),
        )

    def restore(self, backup: Backup) -> None:
        """Put it in place of what there is, perhaps in another cluster."""
        self.rows = dict(backup.rows)
        self.processors = dict(backup.processors)
        self.postponed = dict(backup.postponed)
        self.tombstones = dict(backup.tombstones)
        self.forgotten = backup.forgotten
        self.revoked = dict(backup.revoked)
        self.cluster = backup.cluster
        self._restored += 1
        self.epoch = f"{self._restored}{EPOCH[1:]}"
        self.watcher.restored()

    # -- rows

    def _insert(self, job: LedgerJob) -> None:
        self.rows[job.id] = job
        self.watcher.inserted(job)
        self.postgres.notify("jobferry_changes", job.owner)
        self.postgres.notify("jobferry_queue")

    def _write(self, job: LedgerJob, by: str, attempt: int | None, **changes: Any) -> LedgerJob:
        after = replace(job, version=self.postgres.xid, **changes)
        self.rows[job.id] = after
        self.watcher.wrote(job, after, by, attempt)
        self.postgres.notify("jobferry_changes", job.owner)
        return after

    def _finish(
        self, job: LedgerJob, by: str, attempt: int | None, status: Status, **changes: Any
    ) -> None:
        if status is Status.COMPLETED:
            changes |= {"progress": 1.0, "error": None}
        self._write(
            job, by, attempt, status=status, finished_at=self.now, locked_by=None, **changes
        )

    def _cancel(self, job: LedgerJob, by: str) -> None:
        self._finish(job, by, None, Status.CANCELLED)

    def _start(self, job: LedgerJob, processor: str) -> dict[str, Any]:
        after = self._write(
            job,
            "the queue",
            None,
            status=Status.RUNNING,
            attempts=job.attempts + 1,
            started_at=job.started_at or self.now,
            locked_by=processor,
        )
        self.watcher.claimed(after, processor)
        return {
            "id": UUID(job.id),
            "task": job.task,
            "payload": job.payload,
            "attempt": after.attempts,
            "owner": job.owner,
            "progress": job.progress,
            "error": job.error,
            "checkpoint": None,
        }

    def _fail(
        self,
        job: LedgerJob,
        by: str,
        attempt: int,
        error: str,
        final: bool,
        delay: timedelta | None,
    ) -> None:
        if final or job.attempts >= job.max_attempts:
            self._finish(job, by, attempt, Status.FAILED, error=error)
            return
        next_run = self.now + (delay or timedelta(seconds=2))
        self._write(
            job, by, attempt, status=Status.RETRYING, error=error, run_at=next_run, locked_by=None
        )
        self.watcher.freed(job)

    def _release(self, job: LedgerJob, by: str, attempt: int, pause: timedelta | None) -> None:
        self._write(
            job,
            by,
            attempt,
            status=Status.SCHEDULED if pause else Status.QUEUED,
            attempts=job.attempts - 1,
            run_at=self.now + pause if pause else job.run_at,
            locked_by=None,
        )
        self.watcher.freed(job)
        self.postgres.notify("jobferry_queue")

    def _free(self, job: LedgerJob, by: str, status: Status) -> None:
        error = json.dumps({"code": "processor_lost", "message": "it died"})
        if status in FINISHED:
            self._finish(job, by, None, status, error=error)
        else:
            self._write(job, by, None, status=status, error=error, locked_by=None)
        self.watcher.freed(job)

    def _free_rows(
        self, processor: str, said: Sequence[Any], held_up: list[tuple[UUID, int]]
    ) -> Iterator[tuple[Any, ...]]:
        """Of these, with their jobs, what the processor holds and nobody else is writing.

        Once each: the same attempt may be there twice, from before and after a restore.
        """
        for id_, attempt, *rest in zip(*said, strict=True):
            if (job := self._held(processor, id_, attempt)) is None:
                continue
            if self._is_busy():
                held_up.append((id_, attempt))
            else:
                yield job, attempt, *rest

    def _held(self, processor: str, id_: UUID, attempt: int) -> LedgerJob | None:
        job = self.rows.get(str(id_))
        if job is None:
            return None
        if self.bugs.drop_the_fence:
            return job if job.finished_at is None else None
        return job if (job.locked_by, job.attempts) == (processor, attempt) else None

    def _is_cancelled(self, id_: UUID) -> bool:
        job = self.rows.get(str(id_))
        return job is not None and job.status is Status.CANCELLED

    def _is_busy(self) -> bool:
        return self.random.random() < BUSY


def _just_sent(job: LedgerJob, client_id: str) -> bool:
    """Does the device know this row from its own acknowledgement?"""
    return job.client_id == client_id and job.version == job.created and job.finished_at is None


def _change(job: LedgerJob, client_id: str, since: Snapshot | None) -> dict[str, Any]:
    """A row as the feed's query gives it."""
    known = since is not None and (job.client_id == client_id or since.sees(job.created))
    return {
        "id": job.id,
        "room": 1,
        "version": str(job.version),
        "status": job.status,
        "progress": job.progress,
        "attempts": job.attempts,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "result": job.result,
        "error": job.error,
        "payload": None if known else job.payload,
        "timestamp": job.received_at,
        "task": job.task,
        "queue_name": None,
        "priority": 0,
        "max_attempts": job.max_attempts,
        "job_key": job.job_key,
        "flags": None,
        "database_id": None,
        "client_id": job.client_id,
        "received_at": job.received_at,
    }
