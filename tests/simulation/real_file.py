"""The original of :mod:`simulation.file`: a real SQLite file and the real ``Replica`` in the same runs.

What the checker hears is read from the file after each transaction. A run on real files takes the same
steps as one on models, or one of the two is wrong.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import jobferry_client.replica
from jobferry_client.file import open_file
from jobferry_client.replica import UnknownJob
from jobferry_client.rows import utc_text
from jobferry_shared.messages import Change, Rejection
from jobferry_shared.states import Status
from simulation.file import File, LocalJob, Op, Watcher
from simulation.ledger import NOON

__all__ = ["RealFile", "RealReplica"]


class RealFile(File):
    """A file, and what was in it when one last looked."""

    def __init__(self, path: Path, client_id: str, watcher: Watcher) -> None:
        super().__init__(path.stem, client_id, watcher)
        self.path = path
        self._database = open_file(path)
        self._do("UPDATE _jobferry_state SET client_id = ?", client_id)
        # The power does not fail here.
        self._do("PRAGMA synchronous = OFF")

    def submit(self, job: LocalJob, at: datetime) -> None:
        """INSERT INTO background_jobs."""
        self._do(
            "INSERT INTO background_jobs (id, task, payload, job_key, timestamp)"
            " VALUES (?, ?, ?, ?, ?)",
            *(job.id, job.task, job.payload, job.job_key, utc_text(at)),
        )
        self._date(at)
        self.look()
        self.watcher.submitted(self, job)

    def cancel(self, id_: str, at: datetime) -> None:
        """UPDATE background_jobs SET cancelled = 1."""
        self._do("UPDATE background_jobs SET cancelled = 1 WHERE id = ?", id_)
        self._date(at)
        self.look()

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def look(self) -> None:
        """Read it anew."""
        rows = self._rows("SELECT * FROM background_jobs ORDER BY rowid")
        found = {row["id"]: _job(row) for row in rows}
        # What has not changed stays the same object, as in the model.
        self.rows = {
            id_: self.rows[id_] if self.rows.get(id_) == job else job for id_, job in found.items()
        }
        ops = self._rows(
            "SELECT seq, op, job_id AS id, at, again FROM _jobferry_outbox ORDER BY seq"
        )
        self.outbox = [Op(zip(row.keys(), row, strict=True)) for row in ops]
        [state] = self._rows("SELECT owner, cursor, met, epoch FROM _jobferry_state")
        self.owner, self.cursor, self.met, self.epoch = state

    def date_again(self) -> None:
        """What is sent again is noted by the file's clock, too."""
        self._date(NOON)

    def _date(self, at: datetime) -> None:
        """The file's clock is not the run's."""
        self._do("UPDATE _jobferry_outbox SET at = ?", utc_text(at))

    def _do(self, statement: str, *values: object) -> None:
        self._database.execute(statement, values)

    def _rows(self, query: str) -> list[Any]:
        return self._database.execute(query).fetchall()


class RealReplica(jobferry_client.replica.Replica):
    """The product's, whose process may be killed before and after each transaction."""

    def __init__(self, file: RealFile, perhaps_die: Callable[[], None]) -> None:
        super().__init__(file.path)
        self._file = file
        self._perhaps_die = perhaps_die
        self._database.execute("PRAGMA synchronous = OFF")

    def acknowledge(
        self,
        first: int,
        last: int,
        received_at: datetime,
        owner: str | None,
        rejected: Sequence[Rejection],
    ) -> None:
        """As it is."""
        done = [op for op in self._file.outbox if first <= op["seq"] <= last]
        with self._transaction():
            super().acknowledge(first, last, received_at, owner, rejected)
            self._file.look()
            self._file.watcher.acknowledged(self._file, done, [one.id for one in rejected])

    def reject(self, seq: int, id: str, code: str, message: str) -> None:  # noqa: A002
        """As it is."""
        with self._transaction():
            super().reject(seq, id, code, message)

    def welcome(self, owner: str, epoch: str | None = None) -> bool:
        """As it is."""
        with self._transaction():
            return super().welcome(owner, epoch)

    def forget_cursor(self, epoch: str | None = None, *, restored: bool = False) -> None:
        """As it is."""
        with self._transaction():
            super().forget_cursor(epoch, restored=restored)

    def apply(self, changes: Sequence[Change], cursor: str, now: datetime, **more: Any) -> int:
        """As it is."""
        file = self._file
        cursor_before = file.cursor
        with self._transaction():
            try:
                again = super().apply(changes, cursor, now, **more)
            except UnknownJob as unknown:
                file.watcher.unheard_of(file, str(unknown))
                raise
            if again:
                file.date_again()
            file.look()
            for change in changes:
                file.watcher.showed(file, change.id)
            file.watcher.read(file, cursor_before)
        return again

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        before = self._file.rows
        self._perhaps_die()
        yield
        self._file.look()
        self._file.watcher.committed(self._file, before)
        self._perhaps_die()


def _job(row: Any) -> LocalJob:
    return LocalJob(
        row["id"],
        row["task"],
        row["payload"],
        row["timestamp"],
        Status(row["status"]),
        bool(row["cancelled"]),
        row["job_key"],
        row["submitted_by"],
        row["progress"],
        row["attempts"],
        row["result"],
        json.loads(row["error"])["code"] if row["error"] else None,
        row["rejected_code"],
        row["run_at"],
        row["received_at"],
        row["client_id"],
    )
