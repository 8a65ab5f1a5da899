"""A device's file as far as commits go: the local table, the outbox and the cursor.

What :class:`Replica` does in one transaction of the real file happens here at once, and its process
may be killed before it or after it. ``jobferry_client.replica`` and the files it names
(``sql/jobferry_sql/queries/device_*.sql``, ``sql/jobferry_sql/sqlite``) are the original; how alike
they are is tested by the same runs on real ones (:mod:`simulation.real_file`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from jobferry_client.replica import CursorMoved, Identity, OtherOwner, UnknownJob
from jobferry_client.rows import utc_text
from jobferry_shared.messages import Change, Rejection
from jobferry_shared.states import FINISHED, Status
from simulation.bugs import Bugs

__all__ = ["File", "LocalJob", "Replica", "Watcher"]


class Watcher(Protocol):
    """Who hears of every commit; see :class:`simulation.checker.Checker`."""

    def showed(self, file: "File", id_: str, before: "LocalJob | None") -> None:
        """A job's row is another now."""

    def unheard_of(self, file: "File", id_: str) -> None:
        """It was told of a job that it does not have."""

    def acknowledged(self, file: "File", ops: Sequence["Op"], refused: Sequence[str]) -> None:
        """Operations have left the outbox."""

    def read(self, file: "File", before: str | None) -> None:
        """The cursor moved."""


@dataclass(slots=True)
class LocalJob:
    """A row of the local table."""

    id: str
    task: str
    payload: str
    status: Status = Status.PENDING
    cancelled: bool = False
    job_key: str | None = None
    submitted_by: str | None = None
    progress: float = 0.0
    attempts: int = 0
    result: str | None = None
    error: str | None = None
    rejected: str | None = None
    run_at: str | None = None


class Op(dict[str, Any]):
    """A row of the outbox; like one of SQLite's it is a sequence of its values."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


@dataclass
class File:
    """What is on the disk of one device."""

    name: str
    client_id: str
    watcher: Watcher
    owner: str | None = None
    cursor: str | None = None
    rows: dict[str, LocalJob] = field(default_factory=dict)
    outbox: list[Op] = field(default_factory=list)
    #: Grows with every commit.
    version: int = 0
    #: Jobs that a walk through everything must show yet, and those that have left the ledger.
    unseen: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    _seq: int = 0

    def __str__(self) -> str:
        return self.name

    # -- what applications do

    def submit(self, job: LocalJob, at: datetime) -> None:
        """INSERT INTO background_jobs."""
        self.rows[job.id] = job
        self._say("submit", job.id, at)
        self.watcher.showed(self, job.id, None)

    def cancel(self, id_: str, at: datetime) -> None:
        """UPDATE background_jobs SET cancelled = 1."""
        job = self.rows[id_]
        if job.status not in FINISHED and job.status is not Status.REJECTED and not job.cancelled:
            job.cancelled = True
            self._say("cancel", id_, at)

    def _say(self, what: str, id_: str, at: datetime) -> None:
        self._seq += 1
        self.version += 1
        self.outbox.append(Op(seq=self._seq, op=what, id=id_, at=utc_text(at)))


class Replica:
    """The engine's half of it."""

    def __init__(self, file: File, bugs: Bugs, perhaps_die: Callable[[], None]) -> None:
        self.file = file
        self._bugs = bugs
        self._perhaps_die = perhaps_die
        self._own_writes = 0
        self._cursor = file.cursor

    def close(self) -> None:
        """Close the file."""

    def identity(self) -> Identity:
        """The device's id and cursor."""
        self._cursor = self.file.cursor
        return Identity(self.file.client_id, self._cursor)

    def version(self) -> int:
        """How often others have written."""
        return self.file.version - self._own_writes

    def outbox(self, after: int, limit: int, _: int) -> list[Op]:
        """The next operations."""
        found = [op for op in self.file.outbox if op["seq"] > after][:limit]
        if self._bugs.forget_when_sent:
            self.file.outbox = [op for op in self.file.outbox if op not in found]
        return [self._with_job(op) for op in found]

    def pending(self) -> tuple[int, str | None]:
        """How many operations are unacknowledged, and when the oldest was written."""
        ops = self.file.outbox
        return len(ops), ops[0]["at"] if ops else None

    def acknowledge(
        self,
        first: int,
        last: int,
        _: datetime,
        owner: str | None,
        rejected: Sequence[Rejection],
    ) -> None:
        """These operations are decided."""
        with self._transaction():
            for refusal in rejected:
                self._reject(refusal.id, refusal.code)
            done = [op for op in self.file.outbox if first <= op["seq"] <= last]
            for op in done:
                if op["op"] == "submit":
                    self._queued(op["id"], owner)
            self.file.outbox = [op for op in self.file.outbox if op not in done]
            self._drop_gone()
            self.file.watcher.acknowledged(self.file, done, [one.id for one in rejected])

    def reject(self, seq: int, id: str, code: str, _: str) -> None:  # noqa: A002
        """This operation can't be sent at all."""
        with self._transaction():
            self._reject(id, code)
            self.file.outbox = [op for op in self.file.outbox if op["seq"] != seq]

    def welcome(self, owner: str, _: str | None = None) -> bool:
        """Remember whose jobs these are. The database is always the same."""
        with self._transaction():
            if self.file.owner not in (None, owner):
                raise OtherOwner(owner)
            self.file.owner = owner
            if self.file.cursor is None:
                self._mark_unseen()
        return False

    def forget_cursor(self, _: str | None = None, **__: Any) -> None:
        """Read everything again."""
        with self._transaction():
            self._mark_unseen()
            if self._bugs.drop_the_outbox:
                self.file.outbox = []
            self._read(None)
        self._cursor = None

    def apply(
        self,
        changes: Sequence[Change],
        cursor: str,
        _: datetime,
        *,
        gone: Sequence[str] = (),
        complete: bool = False,
        **__: Any,
    ) -> int:
        """Store one page and its cursor together. Nothing is ever lost there, so nothing is sent again."""
        if self.file.cursor != self._cursor:
            raise CursorMoved
        for change in changes:
            if change.id not in self.file.rows and change.spec is None:
                self.file.watcher.unheard_of(self.file, change.id)
                raise UnknownJob(change.id)
        if self._bugs.apply_in_two_transactions:
            before = self.file.cursor
            with self._transaction():
                self.file.cursor = cursor
            with self._transaction():
                self._store(changes, gone, complete)
                self.file.watcher.read(self.file, before)
        else:
            with self._transaction():
                self._store(changes, gone, complete)
                self._read(cursor)
        self._cursor = cursor
        return 0

    def _store(self, changes: Sequence[Change], gone: Sequence[str], complete: bool) -> None:
        file = self.file
        for change in changes:
            before = self._change(change)
            file.watcher.showed(file, change.id, before)
        shown = {change.id for change in changes}
        file.unseen -= shown
        file.gone = (file.gone - shown) | set(gone)
        if complete:
            file.gone |= file.unseen
            file.unseen = set()
        self._drop_gone()

    def _drop_gone(self) -> None:
        """Those that something is unsent of leave later."""
        file = self.file
        unsent = {op["id"] for op in file.outbox}
        for id_ in sorted(file.gone - unsent):
            if id_ in file.rows and file.rows[id_].status not in (Status.PENDING, Status.REJECTED):
                del file.rows[id_]
        file.gone = {
            id_
            for id_ in file.gone
            if id_ in file.rows and file.rows[id_].status is not Status.REJECTED
        }

    def _change(self, change: Change) -> LocalJob | None:
        before = self.file.rows.get(change.id)
        if before is not None and before.status is Status.REJECTED:
            return before
        known = before or self._learned(change)
        ended = change.finished_at is not None
        self.file.rows[change.id] = replace(
            known,
            status=change.status,
            cancelled=change.status is Status.CANCELLED if ended else known.cancelled,
            progress=change.progress,
            attempts=change.attempts,
            result=change.result,
            error=change.error.code if change.error else None,
            run_at=utc_text(change.run_at),
        )
        return before

    def _learned(self, change: Change) -> LocalJob:
        assert change.spec is not None
        return LocalJob(
            change.id, change.spec.task, change.spec.payload, submitted_by=self.file.owner
        )

    def _mark_unseen(self) -> None:
        self.file.unseen = {
            id_
            for id_, job in self.file.rows.items()
            if job.status not in (Status.PENDING, Status.REJECTED)
        }

    def _read(self, cursor: str | None) -> None:
        before, self.file.cursor = self.file.cursor, cursor
        self.file.watcher.read(self.file, before)

    def _queued(self, id_: str, owner: str | None) -> None:
        job = self.file.rows[id_]
        if job.status is not Status.REJECTED:
            job.submitted_by = owner
        if job.status is Status.PENDING:
            job.status = Status.QUEUED

    def _reject(self, id_: str, code: str) -> None:
        job = self.file.rows[id_]
        fatal = code in ("id_taken", "content_differs")
        if job.status in (Status.PENDING, Status.REJECTED) or fatal:
            job.rejected = job.rejected if job.status is Status.REJECTED else code
            job.status = Status.REJECTED
        job.cancelled = job.status is Status.CANCELLED

    def _with_job(self, op: Op) -> Op:
        job = self.file.rows[op["id"]]
        return Op(
            op,
            timestamp=op["at"],
            payload=job.payload if op["op"] == "submit" else None,
            task=job.task,
            queue_name=None,
            priority=0,
            run_at=job.run_at,
            max_attempts=25,
            job_key=job.job_key,
            flags=None,
            database_id=None,
            cancelled=job.cancelled,
            traceparent=None,
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._perhaps_die()
        yield
        self.file.version += 1
        self._own_writes += 1
        self._perhaps_die()
