"""When the server's database is another: restored from a backup, or put in the old one's place.

It may lack what the old one had acknowledged, and this file has that still. So the file reads it through
from the start, sending nothing meanwhile, and then sends again what it was not shown. What had ended here
is history: it keeps its result and is not run again for that.
"""

from sqlite_utils import Database

from jobferry_sql import query

__all__ = ["fall_out_of_step", "is_another", "send_again"]


def is_another(database: Database, epoch: str | None) -> bool:
    """Note the database that lets this file in; is it another than the last time?"""
    before = database.execute("SELECT met FROM _jobferry_state").fetchone()[0]
    if before != epoch:
        database.execute("UPDATE _jobferry_state SET met = ?", (epoch,))
    return before not in (None, epoch)


def fall_out_of_step(database: Database) -> None:
    """From now until it was read through, what that database does not show is lost, not gone.

    Empty is not null, which is a file's state before its first database.
    """
    database.execute("UPDATE _jobferry_state SET epoch = ''")


def send_again(database: Database) -> int:
    """The walk has ended: put what that database lacks back into the outbox; how many operations."""
    last = database.execute("SELECT coalesce(max(seq), 0) FROM _jobferry_outbox").fetchone()[0]
    submits = database.execute(query("device_lost")).rowcount
    if submits:
        _let_wait(database, last)
    database.execute(query("device_lost_jobs"))
    database.execute(query("device_lost_others"))
    cancels = database.execute(query("device_lost_cancels")).rowcount
    return submits + cancels


def _let_wait(database: Database, last: int) -> None:
    """What was in the outbox before comes behind: it was said later."""
    database.execute(
        "INSERT INTO _jobferry_outbox (op, job_id, at, again)"
        " SELECT op, job_id, at, again FROM _jobferry_outbox WHERE seq <= ? ORDER BY seq",
        (last,),
    )
    database.execute("DELETE FROM _jobferry_outbox WHERE seq <= ?", (last,))
