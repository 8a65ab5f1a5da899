"""What a processor says to the queue: the few calls, with their arrays laid out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from jobferry_server.database import Pool
from jobferry_server.doorbell import Bell
from jobferry_server.metrics import definitions as metrics
from jobferry_server.processor.attempt import Attempt, Fence, Moved
from jobferry_server.processor.outcome import Completed, Failed, Outcome, Released
from jobferry_shared.traces import tracer

__all__ = ["Flush", "Ledger"]

CLAIM = (
    "select id, task, payload, attempt, owner, progress, error, checkpoint"
    " from jobferry.claim($1, $2, $3, $4)"
)
TRACES = "select job_id, traceparent from jobferry.traces where job_id = any($1)"
FLUSH = (
    "select id, attempt, verdict from jobferry.flush($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
    " $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
)


@dataclass(slots=True)
class Flush:
    """All that is to be said at one moment."""

    completed: list[tuple[Attempt, Completed]] = field(default_factory=list)
    failed: list[tuple[Attempt, Failed]] = field(default_factory=list)
    released: list[tuple[Attempt, Released]] = field(default_factory=list)
    moved: list[tuple[Attempt, Moved]] = field(default_factory=list)
    running: Sequence[Attempt] = ()

    @classmethod
    def of(cls, outcomes: Iterable[tuple[Attempt, Outcome]]) -> "Flush":
        """These outcomes, each among its kind."""
        flush = cls()
        for attempt, outcome in outcomes:
            match outcome:
                case Completed():
                    flush.completed.append((attempt, outcome))
                case Failed():
                    flush.failed.append((attempt, outcome))
                case Released():
                    flush.released.append((attempt, outcome))
        return flush

    def measure(self) -> None:
        """It has been said."""
        ended = {
            "completed": len(self.completed),
            "failed": len(self.failed),
            "released": len(self.released),
        }
        metrics.FLUSH_OUTCOMES.observe(sum(ended.values()))
        metrics.LAST_FLUSH.set_to_current_time()
        for outcome, attempts in ended.items():
            metrics.ATTEMPTS.labels(outcome).inc(attempts)


class Ledger:
    """The database as one processor sees it."""

    def __init__(self, pool: Pool, processor: str) -> None:
        self.processor = processor
        #: Where it can be heard that there are jobs.
        self.bell: Bell | None = None
        self._pool = pool

    async def register(self, tasks: Sequence[str], version: str) -> None:
        """Begin the lease."""
        await self._pool.execute(
            "select jobferry.register_processor($1, $2, $3)", self.processor, tasks, version
        )

    async def unregister(self) -> None:
        """End the lease, with nothing held any more."""
        await self._pool.execute("select jobferry.unregister_processor($1)", self.processor)

    async def heartbeat(self) -> bool:
        """Prolong the lease; ``False`` if it is lost."""
        alive: bool = await self._pool.fetchval("select jobferry.heartbeat($1)", self.processor)
        return alive

    async def reap(self, lease_seconds: float) -> int:
        """Free the jobs of processors that are gone; how many."""
        freed: int = await self._pool.fetchval(
            "select jobferry.reap(make_interval(secs => $1))", lease_seconds
        )
        return freed

    async def compact(self) -> bool:
        """Put the living into a fresh file if the queue is full of the dead; was it?"""
        compacted: bool = await self._pool.fetchval("select jobferry.compact_queue()")
        return compacted

    async def hand_over_left(self) -> None:
        """Try again with jobs of delegated tasks that their queue did not take."""
        await self._pool.execute("select jobferry.hand_over_left()")

    async def unserved(self) -> list[tuple[str, int]]:
        """Tasks with due jobs that no living processor offers, and how many jobs."""
        rows = await self._pool.fetch("select task, jobs from jobferry.unserved_tasks()")
        return [(row["task"], row["jobs"]) for row in rows]

    async def limit(self, task: str, max_running: int) -> None:
        """From now on no more jobs of this task run at once, over all processors."""
        await self._pool.execute("select jobferry.limit_task($1, $2)", task, max_running)

    async def claim(
        self, tasks: Sequence[str], forbidden_flags: Sequence[str], most: int
    ) -> list[asyncpg.Record]:
        """Take due jobs that carry none of the flags."""
        with metrics.CLAIM_SECONDS.time():
            rows = await self._claim(self.processor, tasks, forbidden_flags, most)
        metrics.CLAIMED_JOBS.observe(len(rows))
        return rows

    async def _claim(self, *values: object) -> list[asyncpg.Record]:
        # To wake another backend takes an idle machine a quarter of a millisecond.
        if self.bell is not None and (awake := self.bell.just_rung()) is not None:
            return await awake.fetch(CLAIM, *values)
        return await self._pool.fetch(CLAIM, *values)

    async def traces(self, claimed: Sequence[asyncpg.Record]) -> dict[UUID, str]:
        """The ``traceparent`` of those of these jobs that have one; not asked where nobody traces."""
        if not claimed or tracer() is None:
            return {}
        found = await self._pool.fetch(TRACES, [row["id"] for row in claimed])
        return {row["job_id"]: row["traceparent"] for row in found}

    async def release_unknown(self, known: Iterable[Attempt]) -> None:
        """Give back what is held in our name and we do not know of."""
        await self._pool.execute(
            "select jobferry.release_unknown($1, $2)",
            self.processor,
            [attempt.job.id for attempt in known],
        )

    async def flush(self, flush: Flush) -> dict[Fence, str]:
        """Say it all; which of the running are no longer ours and why, and what could not be said."""
        with metrics.FLUSH_SECONDS.time():
            rows = await self._send(flush)
        flush.measure()
        return {(row["id"], row["attempt"]): row["verdict"] for row in rows}

    async def _send(self, flush: Flush) -> list[asyncpg.Record]:
        return await self._pool.fetch(
            FLUSH,
            self.processor,
            *_fences(attempt for attempt, _ in flush.completed),
            [outcome.result for _, outcome in flush.completed],
            *_fences(attempt for attempt, _ in flush.failed),
            [outcome.error for _, outcome in flush.failed],
            [outcome.final for _, outcome in flush.failed],
            [outcome.delay for _, outcome in flush.failed],
            [outcome.detail for _, outcome in flush.failed],
            [outcome.places for _, outcome in flush.failed],
            *_fences(attempt for attempt, _ in flush.moved),
            [progress for _, (progress, _) in flush.moved],
            [checkpoint for _, (_, checkpoint) in flush.moved],
            *_fences(attempt for attempt, _ in flush.released),
            [outcome.pause for _, outcome in flush.released],
            *_fences(flush.running),
        )


def _fences(attempts: Iterable[Attempt]) -> tuple[list[Any], list[int]]:
    jobs = [attempt.job for attempt in attempts]
    return [job.id for job in jobs], [job.attempt for job in jobs]
