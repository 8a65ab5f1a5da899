"""A device's file as far as commits go: the local table, the outbox and the cursor.

What :class:`Replica` does in one transaction of the real file happens here at once, and its process
may be killed before it or after it. ``jobferry_client.replica`` and the files it names
(``sql/jobferry_sql/queries/device_*.sql``, ``sql/jobferry_sql/sqlite``) are the original; how alike
they are is tested by the same runs on real ones (:mod:`simulation.real_file`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from jobferry_client.replica import CursorMoved, Identity, OtherOwner, UnknownJob
from jobferry_client.rows import utc_text
from jobferry_shared.messages import Change, Rejection
from jobferry_shared.states import FINISHED, Status
from simulation.bugs import Bugs
from simulation.ledger import NOON

__all__ = ["File", "LocalJob", "Replica", "Watcher"]


class Watcher(Protocol):
    """Who hears of every commit; see :class:`simulation.checker.Checker`."""

    def submitted(self, file: "File", job: "LocalJob") -> None:
        """An application has written a new job."""

    def showed(self, file: "File", id_: str) -> None:
        """The engine was told of a job, and has stored it."""

    def unheard_of(self, file: "File", id_: str) -> None:
        """It was told of a job that it does not have."""

    def acknowledged(self, file: "File", ops: Sequence["Op"], refused: Sequence[str]) -> None:
        """Operations have left the outbox."""

    def read(self, file: "File", before: str | None) -> None:
        """The cursor moved."""

    def committed(self, file: "File", before: "Mapping[str, LocalJob]") -> None:
        """The engine has written; these were the rows before."""


@dataclass(frozen=True, slots=True)
class LocalJob:
    """A row of the local table."""

    id: str
    task: str
    payload: str
    timestamp: str = utc_text(NOON)
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
    received_at: str | None = None
    client_id: str | None = None

    @property
    def unfinished(self) -> bool:
        """Does the ledger have it, as far as is known here, and has it not ended?"""
        return self.status not in FINISHED | {Status.PENDING, Status.REJECTED}


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
    #: The database that last let it in, and the one that it is in step with.
    met: str | None = None
    epoch: str | None = None
    _seq: int = 0

    def __str__(self) -> str:
        return self.name

    # -- what applications do

    def submit(self, job: LocalJob, at: datetime) -> None:
        """INSERT INTO background_jobs."""
        self.rows[job.id] = job
        self._say("submit", job.id, at)
        self.watcher.submitted(self, job)

    def cancel(self, id_: str, at: datetime) -> None:
        """UPDATE background_jobs SET cancelled = 1."""
        job = self.rows[id_]
        if job.status not in FINISHED and job.status is not Status.REJECTED and not job.cancelled:
            self.rows[id_] = replace(job, cancelled=True)
            self._say("cancel", id_, at)

    def _say(self, what: str, id_: str, at: datetime) -> None:
        self.version += 1
        self.note(what, id_, utc_text(at))

    def note(self, what: str, id_: str, at: str, *, again: bool = False) -> None:
        """Put an operation at the end of the outbox."""
        self._seq += 1
        self.outbox.append(Op(seq=self._seq, op=what, id=id_, at=at, again=int(again)))


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
        if self.file.epoch == "" and self.file.unseen:
            return []
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
        received_at: datetime,
        owner: str | None,
        rejected: Sequence[Rejection],
    ) -> None:
        """These operations are decided."""
        with self._transaction():
            done = [op for op in self.file.outbox if first <= op["seq"] <= last]
            for refusal in rejected:
                if refusal.code == "gone":
                    self._drop_sent_again(refusal.id, done)
                self._reject(last, refusal.id, refusal.code)
            for op in done:
                if op["op"] == "submit" and op["id"] in self.file.rows:
                    self._queued(op["id"], owner, utc_text(received_at))
            self.file.outbox = [op for op in self.file.outbox if op not in done]
            self._drop_gone()
            self.file.watcher.acknowledged(self.file, done, [one.id for one in rejected])

    def reject(self, seq: int, id: str, code: str, _: str) -> None:  # noqa: A002
        """This operation can't be sent at all."""
        with self._transaction():
            self._reject(seq, id, code)
            self.file.outbox = [op for op in self.file.outbox if op["seq"] != seq]

    def welcome(self, owner: str, epoch: str | None = None) -> bool:
        """Remember whose jobs these are, and of which database; is it another than the last time?"""
        file = self.file
        with self._transaction():
            if file.owner not in (None, owner):
                raise OtherOwner(owner)
            file.owner = owner
            another = file.met not in (None, epoch) and not self._bugs.keep_the_cursor
            file.met = epoch
            if self._cursor is None:
                self._mark_unseen()
            if another:
                self._read_anew(restored=True)
        if another:
            self._cursor = None
        return another

    def forget_cursor(self, epoch: str | None = None, *, restored: bool = False) -> None:
        """Read everything again."""
        with self._transaction():
            if self._bugs.drop_the_outbox:
                self.file.outbox = []
            self._read_anew(restored=restored or self.file.epoch != epoch)
        self._cursor = None

    def _read_anew(self, *, restored: bool) -> None:
        if restored:
            self.file.epoch = ""
        self._mark_unseen()
        self._read(None)

    def apply(
        self,
        changes: Sequence[Change],
        cursor: str,
        _: datetime,
        *,
        gone: Sequence[str] = (),
        complete: bool = False,
        epoch: str | None = None,
        **__: Any,
    ) -> int:
        """Store one page and its cursor together; how many operations are to be sent again."""
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
                again = self._store(changes, gone, epoch if complete else None)
                self.file.watcher.read(self.file, before)
        else:
            with self._transaction():
                again = self._store(changes, gone, epoch if complete else None)
                self._read(cursor)
        self._cursor = cursor
        return again

    def _store(self, changes: Sequence[Change], gone: Sequence[str], walked: str | None) -> int:
        file = self.file
        for change in changes:
            self._change(change)
            file.watcher.showed(file, change.id)
        shown = {change.id for change in changes}
        file.unseen -= shown
        file.gone = (file.gone - shown) | set(gone)
        again = self._end_of_walk(walked) if walked is not None else 0
        self._drop_gone()
        return again

    def _end_of_walk(self, epoch: str) -> int:
        """All is seen that this database has; what it was not shown is gone, or lost there."""
        file = self.file
        before, file.epoch = file.epoch, epoch
        again = 0
        if before in (None, epoch) or self._bugs.lost_is_gone:
            file.gone |= file.unseen
        else:
            again = send_again(file, self._bugs)
        file.unseen = set()
        return again

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

    def _change(self, change: Change) -> None:
        before = self.file.rows.get(change.id)
        if before is not None and before.status is Status.REJECTED:
            return
        known = self._learned(change, before)
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
            received_at=utc_text(change.received_at),
        )

    def _learned(self, change: Change, before: LocalJob | None) -> LocalJob:
        spec = change.spec
        if before is None:
            assert spec is not None
            return LocalJob(
                change.id,
                spec.task,
                spec.payload,
                utc_text(spec.timestamp),
                job_key=spec.job_key,
                submitted_by=self.file.owner,
                client_id=change.client_id,
            )
        if spec is None or before.status is Status.PENDING:
            return before
        return replace(before, job_key=spec.job_key, client_id=change.client_id or before.client_id)

    def _mark_unseen(self) -> None:
        self.file.unseen = {
            id_
            for id_, job in self.file.rows.items()
            if job.status not in (Status.PENDING, Status.REJECTED)
        }

    def _read(self, cursor: str | None) -> None:
        before, self.file.cursor = self.file.cursor, cursor
        self.file.watcher.read(self.file, before)

    def _queued(self, id_: str, owner: str | None, received_at: str) -> None:
        job = self.file.rows[id_]
        if job.status is Status.REJECTED:
            return
        first = job.status is Status.PENDING
        later = job.run_at is not None and job.run_at > received_at
        self.file.rows[id_] = replace(
            job,
            status=(Status.SCHEDULED if later else Status.QUEUED) if first else job.status,
            run_at=job.run_at or received_at,
            received_at=job.received_at or received_at,
            submitted_by=owner,
            client_id=self.file.client_id if first else job.client_id or self.file.client_id,
        )

    def _drop_sent_again(self, id_: str, done: Sequence[Op]) -> None:
        """It had left the ledger long before it was sent once more."""
        again = any(op["again"] for op in done if op["id"] == id_)
        if again and id_ in self.file.rows and self.file.rows[id_].status is Status.PENDING:
            del self.file.rows[id_]

    def _reject(self, last: int, id_: str, code: str) -> None:
        job = self.file.rows.get(id_)
        later = (op["id"] for op in self.file.outbox if op["op"] == "submit" and op["seq"] > last)
        ended = job is not None and job.status in FINISHED and code == "not_found"
        if job is None or ended or id_ in later:
            return
        rejected = job.rejected
        status = job.status
        if status in (Status.PENDING, Status.REJECTED) or code in ("id_taken", "content_differs"):
            status = Status.REJECTED
        if job.status is not Status.REJECTED:
            rejected = code
        self.file.rows[id_] = replace(
            job, status=status, rejected=rejected, cancelled=job.status is Status.CANCELLED
        )

    def _with_job(self, op: Op) -> Op:
        # What was sent again and is gone may have left a cancel behind.
        job = self.file.rows.get(op["id"]) or LocalJob(op["id"], "t", "")
        return Op(
            op,
            timestamp=job.timestamp,
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
        before = dict(self.file.rows)
        yield
        self.file.version += 1
        self._own_writes += 1
        self.file.watcher.committed(self.file, before)
        self._perhaps_die()


def send_again(file: File, bugs: Bugs) -> int:
    """What a restored database lacks goes back into the outbox; how many operations. The original is in
    ``jobferry_client.restoration``.
    """
    before = file.outbox
    unseen = [file.rows[id_] for id_ in file.unseen if id_ in file.rows]
    waiting = {op["id"] for op in before if op["op"] == "submit"}
    lost = [
        job
        for job in unseen
        if job.client_id is not None
        and job.id not in waiting
        and (job.unfinished or (bugs.run_history_again and job.status in FINISHED))
    ]
    lost.sort(key=lambda job: (job.received_at or "", job.timestamp, job.id))
    if lost:
        file.outbox = []
        for job in lost:
            file.note("submit", job.id, utc_text(NOON), again=True)
        for op in before:
            file.note(op["op"], op["id"], op["at"], again=bool(op["again"]))
    for job in unseen:
        if job in lost or (job.unfinished and job.id in waiting):
            file.rows[job.id] = replace(
                job, status=Status.PENDING, progress=0.0, attempts=0, received_at=None, error=None
            )
        elif job.unfinished:
            file.gone.add(job.id)
    unsent = {op["id"] for op in file.outbox}
    cancels = [
        job.id
        for job in file.rows.values()
        if job.cancelled and job.unfinished and job.id not in unsent
    ]
    for id_ in cancels:
        file.note("cancel", id_, utc_text(NOON))
    return len(lost) + len(cancels)
