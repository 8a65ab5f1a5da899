"""The processor at work: claim, run, flush, stay alive.

Four loops share one event loop. The claimer keeps as many jobs in hand as will be done in the next
moments, the workers run them, the flusher says what came of them, all of it at once and as often
as a transaction takes, and the keeper prolongs the lease. Jobs are only ever lost by losing the
lease, and then they are somebody else's.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from uuid import uuid4

import asyncpg

from jobferry_server.database import check_schema, is_transient, open_pool
from jobferry_server.doorbell import Doorbell
from jobferry_server.isolate import isolate
from jobferry_server.processor.attempt import (
    LOST,
    RELEASED,
    Attempt,
    Completed,
    Dropped,
    Failed,
    Outcome,
    Released,
)
from jobferry_server.processor.job import Job
from jobferry_server.processor.ledger import Flush, Ledger
from jobferry_server.processor.task import Task
from jobferry_server.processor.threads import HandlerThreads
from jobferry_server.settings import ProcessorSettings
from jobferry_shared import __version__

__all__ = ["Service"]

log = logging.getLogger("jobferry.processor")

ROLE = "jobferry_processor"
RETRY_SECONDS = 0.3
#: How often the running jobs are compared with the queue, in seconds.
CHECK_SECONDS = 0.25
#: Jobs are taken ahead for about this long, in seconds.
AHEAD_SECONDS = 0.1
#: A worker lets the other loops run after so many jobs in a row.
YIELD_EVERY = 32
#: Leases are prolonged this many times before they would run out.
BEATS_PER_LEASE = 4
UNSERVED_SECONDS = 30.0


class Service:
    """One processor process."""

    def __init__(self, tasks: Mapping[str, Task], dsn: str, settings: ProcessorSettings) -> None:
        self._tasks = tasks
        self._dsn = dsn
        self._settings = settings
        self._threads = HandlerThreads(settings.concurrency)
        self._ready: asyncio.Queue[Attempt] = asyncio.Queue()
        self._in_hand: set[Attempt] = set()
        self._outcomes: list[tuple[Attempt, Outcome]] = []
        self._progress: dict[Attempt, float] = {}
        self._by_job: dict[Job, Attempt] = {}
        self._to_flush = asyncio.Event()
        self._to_claim = asyncio.Event()
        self._stopping = False
        self._ended = 0
        self._checked = 0.0
        self.ready = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Process until ``stop`` is set, then finish or hand back what runs."""
        pool = await open_pool(self._dsn, ROLE, size=3)
        try:
            async with pool.acquire() as connection:
                await check_schema(connection)
            self._ledger = Ledger(pool, _name())
            await self._register()
            await self._work_until(stop)
        finally:
            self._threads.close()
            pool.terminate()

    async def _work_until(self, stop: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        bell = Doorbell(self._dsn, ROLE, ["jobferry_queue"], self._ring, self._ring)
        flusher = asyncio.ensure_future(self._flush_for_ever())
        loops = [
            asyncio.ensure_future(loop)
            for loop in (
                bell.run(),
                self._claim_for_ever(),
                self._keep_alive(),
                self._look_for_unserved(),
            )
        ]
        workers = [asyncio.ensure_future(self._work()) for _ in range(self._settings.concurrency)]
        stopped = asyncio.ensure_future(stop.wait())
        self.ready.set()
        try:
            # None of these ends by itself: one that does has met what it can't mend.
            await asyncio.wait({stopped, flusher, *loops, *workers}, return_when="FIRST_COMPLETED")
            await self._wind_up(loops)
        finally:
            for task in (*loops, *workers, flusher, stopped):
                task.cancel()
            ended = await asyncio.gather(*loops, *workers, flusher, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _wind_up(self, loops: "Sequence[asyncio.Future[None]]") -> None:
        """Take nothing more, wait for what runs, hand back the rest."""
        self._stopping = True
        loops[1].cancel()
        while not self._ready.empty():
            self._end(self._ready.get_nowait(), Released())
        await self._until_empty(self._settings.grace_seconds)
        for attempt in list(self._in_hand):
            attempt.stop(RELEASED)
        await self._until_empty(1.0)
        # A handler that can't be stopped is left behind; its late result meets the fence.
        for attempt in list(self._in_hand):
            self._end(attempt, Released())
        await self._flush_once()
        await self._ledger.unregister()

    async def _until_empty(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._in_hand and time.monotonic() < end:
            self._to_claim.clear()  # Set by every attempt that ends.
            await self._called(end - time.monotonic())

    async def _register(self) -> None:
        await self._ledger.register(list(self._tasks), __version__)
        await self._ledger.reap(self._settings.lease_seconds)

    # -- claiming

    def _ring(self, _: str = "") -> None:
        self._to_claim.set()

    async def _claim_for_ever(self) -> None:
        ended, since = 0, time.monotonic()
        target = self._settings.concurrency
        while True:
            self._to_claim.clear()
            now = time.monotonic()
            if now - since > 0.01:
                rate = (self._ended - ended) / (now - since)
                ended, since = self._ended, now
                target = self._target(rate)
            wanted = target - len(self._in_hand)
            taken = await self._claim(wanted) if wanted >= max(1, target // 2) else 0
            if not taken or taken < wanted:
                await self._called(self._settings.poll_seconds)

    def _target(self, rate: float) -> int:
        """How many jobs to have in hand: those that run, and what they will want in a moment."""
        ahead = self._settings.concurrency + int(rate * AHEAD_SECONDS)
        return max(self._settings.concurrency, min(self._settings.prefetch, ahead))

    async def _called(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._to_claim.wait()
        except TimeoutError:
            pass

    async def _claim(self, most: int) -> int:
        try:
            rows = await self._ledger.claim(list(self._tasks), most)
        except Exception as error:
            await self._after_error("claim", error)
            return 0
        for row in rows:
            self._take(row)
        return len(rows)

    def _take(self, row: asyncpg.Record) -> None:
        job = Job(row["id"], row["task"], row["payload"], row["attempt"], row["owner"], self._moved)
        attempt = Attempt(job, self._tasks[row["task"]], self._settings.result_bytes)
        self._by_job[job] = attempt
        self._in_hand.add(attempt)
        self._ready.put_nowait(attempt)

    # -- running

    async def _work(self) -> None:
        number = 0
        while True:
            attempt = await self._ready.get()
            self._end(attempt, await attempt.run(self._threads))
            number += 1
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt not in self._in_hand:
            return
        self._in_hand.discard(attempt)
        self._by_job.pop(attempt.job, None)
        self._progress.pop(attempt, None)
        if not isinstance(outcome, Dropped):
            self._outcomes.append((attempt, outcome))
            self._to_flush.set()
        self._ended += 1
        self._to_claim.set()

    def _moved(self, job: Job, fraction: float) -> None:
        """Progress, from whatever thread: it is sent with the next flush."""
        attempt = self._by_job.get(job)
        if attempt is not None:
            self._progress[attempt] = fraction

    # -- flushing

    async def _flush_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.flush_seconds):
                    await self._to_flush.wait()
            except TimeoutError:
                pass
            self._to_flush.clear()
            try:
                await self._flush_once()
            except Exception as error:
                await self._after_error("flush", error)
                self._to_flush.set()

    async def _flush_once(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        try:
            await isolate(outcomes, self._say, _is_poison, self._unsayable)
        except BaseException:
            # Said twice is said once: what was written already meets the fence.
            self._outcomes = outcomes + self._outcomes
            raise

    async def _say(self, outcomes: Sequence[tuple[Attempt, Outcome]]) -> None:
        flush = Flush.of(outcomes)
        moved, self._progress = self._progress, {}
        flush.moved = [(a, fraction) for a, fraction in moved.items() if a in self._in_hand]
        now = time.monotonic()
        if now - self._checked > CHECK_SECONDS:
            self._checked = now
            flush.running = [a for a in self._in_hand if now - a.taken > CHECK_SECONDS]
        if not (outcomes or flush.moved or flush.running):
            return
        verdicts = await self._ledger.flush(flush)
        for attempt in flush.running if verdicts else ():
            if verdict := verdicts.get((attempt.job.id, attempt.job.attempt)):
                log.info("job %s is %s", attempt.job.id, verdict)
                attempt.stop(verdict)

    def _unsayable(self, said: tuple[Attempt, Outcome], error: Exception) -> None:
        """Postgres does not take this outcome: the job has failed, with that as the reason."""
        attempt, outcome = said
        if isinstance(outcome, Completed):
            reason = str(error).partition("\n")[0]
            failed = Failed("invalid_result", f"Postgres refused the result: {reason}", final=True)
            self._outcomes.append((attempt, failed))
            self._to_flush.set()
        else:
            log.error("the outcome of job %s can not be written: %s", attempt.job.id, error)

    # -- staying alive

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_seconds / BEATS_PER_LEASE)
            try:
                if not await self._ledger.heartbeat():
                    await self._begin_anew()
                await self._ledger.reap(self._settings.lease_seconds)
            except Exception as error:
                await self._after_error("heartbeat", error)

    async def _begin_anew(self) -> None:
        """The lease is lost, and all that was held under it: come back under another name."""
        log.error("the lease of %s ran out; its jobs were given away", self._ledger.processor)
        for attempt in list(self._in_hand):
            attempt.stop(LOST)
        self._ledger.processor = _name()
        await self._register()
        self._to_claim.set()

    async def _look_for_unserved(self) -> None:
        while True:
            try:
                for task, jobs in await self._ledger.unserved():
                    log.warning("%d jobs wait for task %r, which no processor offers", jobs, task)
            except Exception as error:
                await self._after_error("look at the queue", error)
            await asyncio.sleep(UNSERVED_SECONDS)

    async def _after_error(self, what: str, error: Exception) -> None:
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate == "JF010":
            await self._begin_anew()
            return
        if not is_transient(error):
            log.exception("could not %s", what)
        else:
            log.warning("could not %s, trying again: %s", what, error)
        await asyncio.sleep(RETRY_SECONDS)


def _is_poison(error: Exception) -> bool:
    return isinstance(error, asyncpg.PostgresError | ValueError) and not is_transient(error)


def _name() -> str:
    """Who we are in the audit log; new with every lease."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
