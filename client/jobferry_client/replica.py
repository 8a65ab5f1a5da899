"""The sync engine's half of the file: what to send, what came back.

Every method that writes is one transaction in which the table's triggers are silenced, so what the
server says is not taken for something the application said.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from jobferry_client.departures import (
    drop_gone,
    end_of_walk,
    expired,
    mark_unseen,
    seen,
    worth_storing,
)
from jobferry_client.file import open_file, write
from jobferry_client.restoration import fall_out_of_step, is_another
from jobferry_client.rows import utc_text
from jobferry_shared.messages import Change, Rejection
from jobferry_sql import query

__all__ = ["CursorMoved", "Entry", "OtherOwner", "Replica", "UnknownJob"]

Entry = Any  #: A row of queries/device_outbox.sql.


class UnknownJob(Exception):
    """The server speaks of a job that this file does not have: it must read everything again."""


class CursorMoved(Exception):
    """Another engine has read on in this file: what this one was sent is out of date."""


class OtherOwner(Exception):
    """The file holds somebody else's jobs; what is unsent must not be sent as this owner's."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this file is, and how far it has read."""

    client_id: str
    cursor: str | None


class Replica:
    """One file, as the sync engine sees it. For one thread."""

    def __init__(self, path: str | Path) -> None:
        self._database = open_file(path, keep_bytes=True)
        self._database.conn.create_function("same_json", 2, _same_json)
        self._cursor: str | None = self.identity().cursor

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def identity(self) -> Identity:
        """The device's id and cursor."""
        found = self._database.execute("SELECT client_id, cursor FROM _jobferry_state").fetchone()
        self._cursor = found["cursor"]
        return Identity(found["client_id"], found["cursor"])

    def version(self) -> int:
        """A number that moves when another connection, in whatever process, wrote the file."""
        number: int = self._database.execute("PRAGMA data_version").fetchone()[0]
        return number

    def outbox(self, after: int, limit: int, octets: int) -> list[Entry]:
        """The next operations after an outbox number: at most ``limit``, and no more of them than
        it takes to have ``octets`` of payload.
        """
        wanted = {"after": after, "limit": limit}
        entries = []
        with closing(self._database.execute(query("device_outbox"), wanted)) as rows:
            for entry in rows:
                entries.append(entry)
                octets -= len(entry["payload"] or "")
                if octets <= 0:
                    break
        return entries

    def pending(self) -> tuple[int, str | None]:
        """How many operations are unacknowledged, and when the oldest was written."""
        found = self._database.execute(
            "SELECT count(*), (SELECT at FROM _jobferry_outbox ORDER BY seq LIMIT 1)"
            " FROM _jobferry_outbox"
        ).fetchone()
        return found[0], found[1]

    def acknowledge(
        self,
        first: int,
        last: int,
        received_at: datetime,
        owner: str | None,
        rejected: Sequence[Rejection],
    ) -> None:
        """The operations ``first`` to ``last`` are decided: committed there, but for the rejected."""
        span = {"first": first, "last": last}
        with self._sync() as database:
            for refusal in rejected:
                if refusal.code == "gone":
                    database.execute(query("device_gone_again"), {"id": refusal.id, **span})
                _reject(database, last, refusal.id, refusal.code, refusal.message)
            database.execute(
                query("device_acknowledge"),
                {**span, "received_at": utc_text(received_at), "owner": owner},
            )
            database.execute(
                "DELETE FROM _jobferry_outbox WHERE seq BETWEEN :first AND :last", span
            )
            drop_gone(database)

    def reject(self, seq: int, id: str, code: str, message: str) -> None:  # noqa: A002
        """This operation can't be sent at all: say why in its row, and drop it."""
        with self._sync() as database:
            _reject(database, seq, id, code, message)
            database.execute("DELETE FROM _jobferry_outbox WHERE seq = ?", (seq,))

    def welcome(self, owner: str, epoch: str | None = None) -> bool:
        """Remember whose jobs this file holds; :class:`OtherOwner` if they are somebody else's.

        Is the server's database another than the last time? Then it must be read from the start.
        """
        with self._sync() as database:
            before: str | None = database.execute("SELECT owner FROM _jobferry_state").fetchone()[0]
            if before not in (None, owner):
                raise OtherOwner(
                    f"this file holds {before}'s jobs and the token is {owner}'s:"
                    " each owner needs a file of their own"
                )
            database.execute("UPDATE _jobferry_state SET owner = ?", (owner,))
            another = is_another(database, epoch)
            if self._cursor is None:
                # Its first walk: what was acknowledged before it may have left the ledger since.
                mark_unseen(database)
            if another:
                _read_anew(database, restored=True)
        if another:
            self._cursor = None
        return another

    def forget_cursor(self, epoch: str | None = None, *, restored: bool = False) -> None:
        """Read everything again from the next page on. What is unsent stays unsent.

        What is not shown again has left the ledger, if this is the database that the file was in
        step with before, and it was not ``restored`` to an earlier state.
        """
        with self._sync() as database:
            _read_anew(database, restored=restored or not self._in_step_with(epoch))
        self._cursor = None

    def _in_step_with(self, epoch: str | None) -> bool:
        found = self._database.execute("SELECT epoch FROM _jobferry_state").fetchone()[0]
        return bool(found == epoch)

    def apply(
        self,
        changes: Sequence[Change],
        cursor: str,
        now: datetime,
        *,
        gone: Sequence[str] = (),
        complete: bool = False,
        epoch: str | None = None,
        expired_before: datetime | None = None,
    ) -> int:
        """Store one page and its cursor together; how many operations are to be sent again.

        ``complete``: the device has now seen all there is, in the database called ``epoch``. Jobs
        that finished before ``expired_before`` are not taken in. Raises :class:`UnknownJob` if that
        can't be, :class:`CursorMoved` if the page is one that followed another cursor than the file
        has.
        """
        again = 0
        with self._sync() as database:
            rows = worth_storing(database, changes, expired_before)
            if rows:
                specs = [_learned(change) for change in rows if change.spec is not None]
                database.conn.executemany(query("device_learn"), specs)
                self._update(database, [_state(change) for change in rows])
                seen(database, rows)
            if complete:
                again = end_of_walk(database, epoch)
            if complete or gone:
                drop_gone(database, gone)
            moved = database.execute(
                "UPDATE _jobferry_state SET cursor = ?, last_synced_at = ? WHERE cursor IS ?",
                (cursor, utc_text(now), self._cursor),
            )
            if moved.rowcount != 1:
                raise CursorMoved
        self._cursor = cursor
        return again

    def drop_expired(self, before: datetime, limit: int) -> bool:
        """Drop some of the jobs that finished before then; are there perhaps more?"""
        # Looked for outside of the transaction: nobody needs to wait for that.
        old = expired(self._database, before, limit)
        if old:
            with self._sync() as database:
                database.conn.executemany("DELETE FROM background_jobs WHERE id = ?", old)
        return len(old) == limit

    def _update(self, database: Database, states: list[dict[str, Any]]) -> None:
        moved = database.conn.executemany(query("device_change"), states).rowcount
        if moved != len(states):
            for state in states:
                found = database.execute(
                    "SELECT 1 FROM background_jobs WHERE id = ?", (state["id"],)
                )
                if found.fetchone() is None:
                    raise UnknownJob(state["id"])

    @contextmanager
    def _sync(self) -> Iterator[Database]:
        with write(self._database) as database:
            database.execute("UPDATE _jobferry_state SET syncing = 1")
            yield database
            database.execute("UPDATE _jobferry_state SET syncing = 0")


def _read_anew(database: Database, *, restored: bool) -> None:
    database.execute("UPDATE _jobferry_state SET cursor = NULL")
    if restored:
        fall_out_of_step(database)
    mark_unseen(database)


def _reject(database: Database, last: int, id: str, code: str, message: str) -> None:  # noqa: A002
    refusal = {"last": last, "id": id, "code": code, "message": message}
    database.execute(query("device_reject"), refusal)


def _learned(change: Change) -> dict[str, Any]:
    spec = change.spec
    assert spec is not None
    return {
        **spec.model_dump(exclude={"timestamp", "flags", "run_at"}),
        "timestamp": utc_text(spec.timestamp),
        "run_at": utc_text(change.run_at),
        "flags": json.dumps(spec.flags) if spec.flags is not None else None,
        "client_id": change.client_id,
        "received_at": utc_text(change.received_at),
    }


def _same_json(one: str, another: str) -> bool:
    """Do two texts say the same, however they are written?"""
    return one == another or _canonical(one) == _canonical(another)


def _canonical(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _state(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "status": change.status.value,
        "progress": change.progress,
        "attempts": change.attempts,
        "received_at": utc_text(change.received_at),
        "run_at": utc_text(change.run_at),
        "started_at": _text(change.started_at),
        "finished_at": _text(change.finished_at),
        "result": change.result,
        "error": change.error and change.error.model_dump_json(),
    }


def _text(time: datetime | None) -> str | None:
    return utc_text(time) if time is not None else None
