"""How jobs leave the file again: because the ledger has them no more, or because they are old.

Nothing here touches what is unsent, or what was rejected: a person has not seen that yet.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlite_utils import Database

from jobferry_client.restoration import send_again
from jobferry_client.rows import utc_text
from jobferry_shared.messages import Change
from jobferry_sql import query

__all__ = ["drop_gone", "end_of_walk", "expired", "mark_unseen", "seen", "worth_storing"]

_SOME_UNSEEN = "SELECT EXISTS (SELECT 1 FROM _jobferry_unseen)"
_SOME_GONE = "SELECT EXISTS (SELECT 1 FROM _jobferry_gone)"


def mark_unseen(database: Database) -> None:
    """A walk through everything begins: what it does not show is gone, or lost."""
    database.execute("DELETE FROM _jobferry_unseen")
    database.execute(query("device_unseen"))


def seen(database: Database, changes: Sequence[Change]) -> None:
    """The ledger has these jobs."""
    ids = [(change.id,) for change in changes]
    if _true(database, _SOME_UNSEEN):
        database.conn.executemany("DELETE FROM _jobferry_unseen WHERE job_id = ?", ids)
    if _true(database, _SOME_GONE):
        database.conn.executemany("DELETE FROM _jobferry_gone WHERE job_id = ?", ids)


def end_of_walk(database: Database, epoch: str | None) -> int:
    """The device has seen everything there is. What it was not shown is gone, if this is the database
    it was in step with before; otherwise it is lost there, and sent again: how many operations.
    """
    again = 0
    before = database.execute("SELECT epoch FROM _jobferry_state").fetchone()[0]
    if before != epoch:
        database.execute("UPDATE _jobferry_state SET epoch = ?", (epoch,))
    # To a file that was never in step with any, nothing is lost.
    if before not in (None, epoch):
        again = send_again(database)
    elif _true(database, _SOME_UNSEEN):
        database.execute("INSERT OR IGNORE INTO _jobferry_gone SELECT job_id FROM _jobferry_unseen")
    database.execute("DELETE FROM _jobferry_unseen")
    return again


def drop_gone(database: Database, gone: Iterable[str] = ()) -> None:
    """The ledger has these no more; those that something is unsent of leave later."""
    database.conn.executemany(
        "INSERT OR IGNORE INTO _jobferry_gone VALUES (?)", [(job,) for job in gone]
    )
    if _true(database, _SOME_GONE):
        database.execute(query("device_drop"))
        database.execute(query("device_dropped"))


def worth_storing(
    database: Database, changes: Sequence[Change], expired_before: datetime | None
) -> Sequence[Change]:
    """Without the jobs that this file would drop again at once, and does not have."""
    if expired_before is None:
        return changes
    return [
        change
        for change in changes
        if change.finished_at is None
        or change.finished_at >= expired_before
        or _has(database, change.id)
    ]


def expired(database: Database, before: datetime, limit: int) -> list[tuple[str]]:
    """Some jobs that finished before then."""
    wanted = {"before": utc_text(before), "limit": limit}
    return [(row["id"],) for row in database.execute(query("device_expired"), wanted).fetchall()]


def _has(database: Database, id: str) -> bool:  # noqa: A002
    return _true(database, "SELECT EXISTS (SELECT 1 FROM background_jobs WHERE id = ?)", id)


def _true(database: Database, question: str, *values: str) -> bool:
    return bool(database.execute(question, values).fetchone()[0])
