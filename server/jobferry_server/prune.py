"""Taking old jobs out of the ledger, and their events out of the audit log.

One pass over the ledger block by block, then one over the audit log for what is left of jobs that
were deleted by hand. Each batch is a transaction of its own: lock, write to the archive, delete. So it
may be stopped at any moment and started again, and two at once share the work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

from jobferry_server.administration import AdminConnection, connect_admin
from jobferry_server.archive import Archive
from jobferry_sql import query

__all__ = ["BATCH", "Pruned", "count_prunable", "prune"]

#: Jobs in one transaction.
BATCH = 1000
#: Blocks that are looked through at once: what a batch does not take is looked at again.
BLOCKS = 256
#: Lines of the archive that are fetched at once: each may be as large as a payload and a result.
LINES = 50


@dataclass(frozen=True, slots=True)
class Pruned:
    """How far a prune is: ``done`` of ``blocks``, and what has gone so far."""

    finished_before: datetime
    blocks: int = 0
    done: int = 0
    jobs: int = 0
    events: int = 0
    tombstones: int = 0
    devices: int = 0


@dataclass(frozen=True, slots=True)
class _Pass:
    """A table to look through: how many blocks it has, and what may go of some of them."""

    size: LiteralString
    prunable: LiteralString


_SIZE: LiteralString = "current_setting('block_size')::bigint"
_PASSES = (
    _Pass(
        "select pg_relation_size('public.background_jobs') / " + _SIZE,
        "select jobferry.prunable_jobs(%s, %s, %s, %s)",
    ),
    _Pass(
        "select pg_relation_size('public.background_job_events') / " + _SIZE,
        "select jobferry.prunable_history(%s, %s, %s, %s)",
    ),
)


def count_prunable(dsn: str, older_than: timedelta) -> int:
    """How many jobs a prune would take now."""
    with connect_admin(dsn) as connection:
        return int(
            _one(
                connection,
                "select count(*) from public.background_jobs where finished_at < now() - %s",
                older_than,
            )
        )


def prune(
    dsn: str,
    older_than: timedelta,
    *,
    archive: Path | None = None,
    forget_after: timedelta,
    batch: int = BATCH,
) -> Iterator[Pruned]:
    """Prune jobs that finished before ``older_than`` ago, and say after each step how far it is.

    What goes is appended to ``archive`` first. Tombstones older than ``forget_after`` are forgotten, and
    devices that were not heard of for so long.
    """
    with connect_admin(dsn) as connection:
        work = _Pruning(connection, older_than, Archive(archive) if archive else None, batch)
        yield from work.passes()
        yield from work.forgets(forget_after)


class _Pruning:
    def __init__(
        self,
        connection: AdminConnection,
        older_than: timedelta,
        archive: Archive | None,
        batch: int,
    ) -> None:
        self._connection = connection
        self._archive = archive
        self._batch = batch
        self._sizes = [int(_one(connection, each.size)) for each in _PASSES]
        self._state = Pruned(_one(connection, "select now() - %s", older_than), sum(self._sizes))

    def passes(self) -> Iterator[Pruned]:
        """One table after the other, block by block."""
        yield self._state
        for wanted, size in zip(_PASSES, self._sizes, strict=True):
            for first in range(0, size, BLOCKS):
                last = min(first + BLOCKS, size)
                while self._one_batch(wanted, first, last):
                    yield self._state
                self._state = replace(self._state, done=self._state.done + last - first)
                yield self._state

    def forgets(self, after: timedelta) -> Iterator[Pruned]:
        """The oldest tombstones, then the devices that are silent for longest."""
        for number in self._forgotten("select jobferry.forget_tombstones(now() - %s, %s)", after):
            self._state = replace(self._state, tombstones=self._state.tombstones + number)
            yield self._state
        for number in self._forgotten("select jobferry.forget_devices(now() - %s, %s)", after):
            self._state = replace(self._state, devices=self._state.devices + number)
            yield self._state

    def _forgotten(self, call: LiteralString, after: timedelta) -> Iterator[int]:
        """How many went with each batch."""
        number = self._batch
        while number == self._batch:
            number = _one(self._connection, call, after, self._batch)
            yield number

    def _one_batch(self, wanted: _Pass, first: int, last: int) -> bool:
        """Take what may go of these blocks; is there perhaps more?"""
        before = self._state.finished_before
        with self._connection.transaction():
            ids: list[UUID] = _one(
                self._connection, wanted.prunable, before, first, last, self._batch
            )
            if not ids:
                return False
            if self._archive:
                self._archive.append(self._lines(ids))
            jobs, events = self._delete(ids, before)
        self._state = replace(
            self._state, jobs=self._state.jobs + jobs, events=self._state.events + events
        )
        # What a trigger of somebody else's keeps there would be found again for ever.
        return len(ids) == self._batch and jobs + events > 0

    def _lines(self, ids: list[UUID]) -> Iterator[str]:
        with self._connection.cursor("archive") as cursor:
            cursor.itersize = LINES
            cursor.execute(query("prune_archive").encode(), {"ids": ids})
            for (line,) in cursor:
                yield line

    def _delete(self, ids: list[UUID], before: datetime) -> tuple[int, int]:
        name = self._archive and self._archive.path.name
        found: Any = self._connection.execute(
            "select jobs, events from jobferry.prune_jobs(%s, %s, %s)", (ids, before, name)
        ).fetchone()
        jobs, events = found
        return jobs, events


def _one(connection: AdminConnection, statement: LiteralString, *values: object) -> Any:
    found = connection.execute(statement, values).fetchone()
    assert found is not None
    return found[0]
