"""Erasing what one owner's jobs say: payloads, results, keys and errors.

Each batch is a transaction of its own, so it may be stopped and started again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobferry_server.administration import connect_admin

__all__ = ["Erased", "erase"]

BATCH = 1000
#: How long to wait for rows that somebody holds before looking again.
AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done so far. ``waiting``: the jobs that are left are held by somebody else."""

    jobs: int = 0
    cancelled: int = 0
    waiting: bool = False


def erase(dsn: str, owner: str, batch: int = BATCH) -> Iterator[Erased]:
    """Erase the owner's jobs, those that the server has by now, and say after each batch how far it is.

    What has not finished is cancelled. Waits for jobs whose rows somebody holds.
    """
    done = Erased()
    with connect_admin(dsn) as connection:
        begun: Any = connection.execute("select now()").fetchone()
        while True:
            found: Any = connection.execute(
                "select erased, cancelled, left_over from jobferry.erase_batch(%s, %s, %s)",
                (owner, begun[0], batch),
            ).fetchone()
            erased, cancelled, left_over = found
            waiting = left_over and not erased
            done = Erased(done.jobs + erased, done.cancelled + cancelled, waiting)
            yield done
            if not left_over:
                return
            if waiting:
                time.sleep(AGAIN_SECONDS)
