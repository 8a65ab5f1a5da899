"""Ten minutes at a steady rate, half of it under somebody's old snapshot.

What died after a snapshot was taken can't be vacuumed while it is held. Every second it is noted how
many dead rows there are, how large the queue's file is, and how long the last jobs waited. The JSON lines
are what docs/pictures/steady.png is drawn from (``python -m benchmarks.plot``).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import asyncpg
import psycopg

from benchmarks.bench import Bench
from benchmarks.queues.ours import Ours
from benchmarks.report import Figure, Reading, Readings

__all__ = ["measure"]

#: Jobs a second at most, in calls of so many.
RATE = 1_000
BATCH = 50
#: When the snapshot is taken and let go, as shares of the whole time.
HELD_FROM, HELD_UNTIL = 0.25, 0.75
BEFORE, HELD, AFTER = "before the snapshot", "while it is held", "after it"

DEAD = Figure("steady: most dead rows in the queue, while the snapshot is held", "rows")
LATENCY = Figure("steady: received to begun, median while it is held", "ms", digits=1)

SAMPLE = """
select (select dead_tuple_count from public.pgstattuple('jobferry.queue')) as queue_dead,
  pg_stat_get_dead_tuples('public.background_jobs'::regclass) as ledger_dead,
  pg_stat_get_live_tuples('public.background_jobs'::regclass) as ledger_live,
  pg_relation_size('jobferry.queue') as queue_octets,
  (select count(*) from jobferry.queue) as waiting,
  (select coalesce(percentile_cont(0.5) within group (order by extract(epoch from s.at - b.received_at)) * 1000, 0)
    from (select job_id, at from public.background_job_events where event = 'started' order by id desc limit 200) s
    join public.background_jobs b on b.id = s.job_id)::float8 as latency_ms
"""


@dataclass(slots=True)
class _Watch:
    """Samples of one run, and in which part of it each was taken."""

    bench: Bench
    seconds: float
    samples: list[tuple[str, Mapping[str, float]]] = field(default_factory=list)

    async def run(self, dsn: str) -> None:
        """A sample a second, the snapshot meanwhile."""
        watcher, reader = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
        snapshot = reader.transaction(isolation="repeatable_read")
        part, began = BEFORE, time.monotonic()
        while (passed := time.monotonic() - began) < self.seconds:
            if part == BEFORE and passed >= self.seconds * HELD_FROM:
                part = HELD
                await snapshot.start()
                await reader.execute("select from public.background_jobs limit 1")
            elif part == HELD and passed >= self.seconds * HELD_UNTIL:
                part = AFTER
                await snapshot.rollback()
            self._note(part, passed, dict(await watcher.fetchrow(SAMPLE) or {}))
            await asyncio.sleep(1 - (time.monotonic() - began) % 1)
        await watcher.close()
        await reader.close()

    def _note(self, part: str, passed: float, sample: dict[str, float]) -> None:
        self.samples.append((part, sample))
        self.bench.note({"sample": "steady", "seconds": round(passed, 1), "part": part} | sample)

    def of(self, part: str, name: str) -> Sequence[float]:
        """One value of all samples of a part of the run."""
        return [sample[name] for found, sample in self.samples if found == part]


def measure(bench: Bench) -> Readings:
    """One repetition."""
    watch = _Watch(bench, bench.sizes.steady_seconds)
    with bench.database() as dsn, bench.processor(dsn):
        with psycopg.connect(dsn) as connection:
            # The statistics' count of dead rows stands for a while after a TRUNCATE.
            connection.execute("create extension pgstattuple schema public")
        asyncio.run(_run(dsn, watch))
    others = (BEFORE, AFTER)
    return {
        DEAD: Reading(
            max(watch.of(HELD, "queue_dead")),
            {part: max(watch.of(part, "queue_dead")) for part in others},
        ),
        LATENCY: Reading(
            median(watch.of(HELD, "latency_ms")),
            {part: median(watch.of(part, "latency_ms")) for part in others},
        ),
    }


async def _run(dsn: str, watch: _Watch) -> None:
    calls = int(watch.seconds * RATE / BATCH)
    async with asyncio.TaskGroup() as group:
        producer = group.create_task(_produce(dsn, calls))
        await watch.run(dsn)
        producer.cancel()


async def _produce(dsn: str, calls: int) -> None:
    ours = Ours()
    await ours.enqueue(dsn, calls * BATCH, BATCH, BATCH / RATE)
