"""Deliberate bugs, to show that the checks can fail: ``python -m chaos.bugs`` is ``jobferry`` with one.

JOBFERRY_TEST_BUG says which. Those of the SQL are put into the test's database instead.
"""

import asyncio
import os
from collections.abc import Callable

import psycopg

from jobferry_client.cli import main
from jobferry_server.gateway import ingest
from jobferry_server.gateway.device import Batch
from jobferry_server.gateway.feed import Feed
from jobferry_server.gateway.pushes import Lane

__all__ = ["BUGS", "FENCELESS", "MODULE", "VARIABLE", "drop_the_fence"]

MODULE = "chaos.bugs"
VARIABLE = "JOBFERRY_TEST_BUG"

#: The one that is in the SQL.
FENCELESS = "drop the fence"

#: What makes a write conditional on holding the job.
FENCE = " and q.locked_by = processor and q.attempts = f.attempt"
FUNCTIONS = """
select pg_get_functiondef(p.oid) as text from pg_proc p
join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'jobferry' and position(%s in p.prosrc) > 0
"""


def acknowledge_before_commit() -> None:
    """The gateway answers, and commits a moment later."""
    commit = ingest.GroupCommit._commit_until_done

    async def answer_first(self: ingest.GroupCommit, group: list[Batch], lane: Lane) -> None:
        ingest._answer(group)
        await asyncio.sleep(0.2)
        await commit(self, group, lane)

    ingest.GroupCommit._commit_until_done = answer_first  # type: ignore[method-assign]


def skip_the_sweep() -> None:
    """The gateway believes that it hears every ring."""

    def look_for_nobody(self: Feed) -> None:
        pass

    Feed.everything_changed = look_for_nobody  # type: ignore[method-assign]


def drop_the_fence(dsn: str) -> None:
    """Whoever has an outcome writes it, whoever holds the job."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(FUNCTIONS, (FENCE,)).fetchall()
        assert found
        for (text,) in found:
            connection.execute(text.replace(FENCE, "").encode())


#: In a process.
BUGS: dict[str, Callable[[], None]] = {
    "acknowledge before commit": acknowledge_before_commit,
    "skip the sweep": skip_the_sweep,
}

if __name__ == "__main__":
    BUGS[os.environ[VARIABLE]]()
    main()
