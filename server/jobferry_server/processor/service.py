"""The processor at work.

Workers run what is in hand, the claimer fills the hand, the flusher says what came of it, the
keeper prolongs the lease, the scheduler makes jobs of what recurs; all on one event loop. A job is
only ever lost by losing the lease, and then it is somebody else's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager

from jobferry_server.beside import beside
from jobferry_server.database import Pool, free_connections, open_pool, patiently
from jobferry_server.doorbell import Bell, Doorbell, Rounds
from jobferry_server.logs import events
from jobferry_server.metrics import Exporter, Figures
from jobferry_server.metrics import definitions as metrics
from jobferry_server.processor.attempt import RELEASED, Middleware
from jobferry_server.processor.claimer import Claimer
from jobferry_server.processor.executors import Executors
from jobferry_server.processor.flags import AskFlags, ForbiddenFlags
from jobferry_server.processor.flusher import Flusher
from jobferry_server.processor.hand import Hand
from jobferry_server.processor.keeper import Keeper, new_name
from jobferry_server.processor.ledger import Ledger
from jobferry_server.processor.outcome import Released
from jobferry_server.processor.task import Task
from jobferry_server.processor.transaction import Transactions
from jobferry_server.processor.trouble import after_error
from jobferry_server.processor.workers import Workers
from jobferry_server.scheduler.service import Scheduler
from jobferry_server.settings import ProcessorSettings

__all__ = ["Service"]

ROLE = "jobferry_processor"
#: Claim, flush, heartbeat and schedules each have one.
CONNECTIONS = 4
#: What a ring says that is not about jobs.
SCHEDULES = "schedules"
#: How long a handler that was told to stop may take to obey, in seconds.
OBEY_SECONDS = 1.0


class Service:
    """One processor process."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        dsn: str,
        settings: ProcessorSettings,
        around: Sequence[Middleware] = (),
        ask_flags: AskFlags | None = None,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        self._tasks = tasks
        self._dsn = dsn
        self._settings = settings
        self._flags = ForbiddenFlags(settings.forbidden_flags, ask_flags)
        self._hand = Hand()
        self._around = around
        #: Set once jobs are being taken.
        self.ready = asyncio.Event()
        self._on_listening = on_listening
        self._listened = False

    async def run(self, stop: asyncio.Event) -> None:
        """Process until ``stop`` is set, then finish or hand back what runs.

        Waits for Postgres first; :class:`Stopped` if it did not come before ``stop``.
        """
        pool = await patiently(self._connect, stop)
        self._figures = Figures(pool)
        try:
            scheduler = Scheduler(pool)
            if (crontab := self._settings.crontab) is not None:
                await patiently(lambda: scheduler.load(crontab), stop)
            await self._work_until(stop, pool, scheduler)
        finally:
            pool.terminate()

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Run within the block, and wind up at its end. Sets ``stop`` if it can't go on."""
        ended = asyncio.Event()
        work = asyncio.ensure_future(self.run(ended))
        work.add_done_callback(lambda _: stop.set())
        ready = asyncio.ensure_future(self.ready.wait())
        await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            yield
        finally:
            ended.set()
            await work

    async def _connect(self) -> Pool:
        pooled, seconds = self._settings.pooled, self._settings.statement_seconds
        return await open_pool(self._dsn, ROLE, size=CONNECTIONS, pooled=pooled, seconds=seconds)

    async def _work_until(self, stop: asyncio.Event, pool: Pool, scheduler: Scheduler) -> None:
        ledger = Ledger(pool, new_name())
        keeper = Keeper(ledger, self._hand, self._tasks, self._settings.lease_seconds)
        flusher = Flusher(ledger, self._hand, self._settings)

        def ring(about: str = SCHEDULES) -> None:
            self._hand.ring()
            if about == SCHEDULES:
                scheduler.ring()

        def connected() -> None:
            ring()
            self._say_that_it_listens()

        bell = ledger.bell = self._doorbell(pool, ring, connected)
        async with self._workers(ledger, flusher) as workers:
            claimer = Claimer(
                ledger,
                self._hand,
                list(self._tasks),
                self._settings,
                self._flags,
                attempt_of=workers.attempt,
                unsaid=lambda: flusher.unsaid,
                on_lost_lease=keeper.begin_anew,
            )
            await patiently(keeper.register, stop)
            async with (
                self._exporter(bell, pool).running(stop),
                beside(
                    stop, keeper.run(), keeper.look_for_unserved(), flusher.run(), workers.run()
                ),
            ):
                async with beside(stop, bell.run(), claimer.run(), *self._scheduling(scheduler)):
                    self.ready.set()
                    await stop.wait()
                await self._wind_up(flusher)
        await self._take_leave(flusher, ledger)

    def _doorbell(
        self, pool: Pool, ring: Callable[[str], None], connected: Callable[[], None]
    ) -> Bell:
        if not self._settings.listens:
            return Rounds(self._settings.poll_seconds, connected)
        dsn = self._settings.listen_dsn or self._dsn
        return Doorbell(dsn, ROLE, pool, {"jobferry_queue": ring}, connected)

    def _say_that_it_listens(self) -> None:
        """Only once: that a lost connection is back is no news."""
        if not self._listened:
            self._listened = True
            events.PROCESSING(tasks=", ".join(self._tasks))
            self._on_listening()

    def _exporter(self, bell: Bell, pool: Pool) -> Exporter:
        def look() -> None:
            metrics.IN_HAND.set(len(self._hand.held))
            metrics.RUNNING.set(len(self._hand.held) - self._hand.ready.qsize())
            metrics.CONCURRENCY.set(self._settings.concurrency)
            metrics.POOL_FREE.labels("processor").set(free_connections(pool))
            metrics.LISTENING.labels("processor").set(bell.listening)

        port = self._settings.metrics_port
        return Exporter(self._settings.metrics_host, port, self._figures, look)

    def _scheduling(self, scheduler: Scheduler) -> list[Coroutine[None, None, None]]:
        return [scheduler.run()] if self._settings.schedules else []

    @asynccontextmanager
    async def _workers(self, ledger: Ledger, flusher: Flusher) -> AsyncIterator[Workers]:
        executors = Executors(self._settings.executor, self._tasks.values())
        transactions = Transactions(
            self._dsn,
            lambda: ledger.processor,
            self._settings.concurrency,
            pooled=self._settings.pooled,
        )
        try:
            async with transactions:
                yield Workers(
                    self._hand,
                    self._tasks,
                    self._settings,
                    executors,
                    transactions,
                    self._around,
                    ended=flusher.add,
                )
        finally:
            executors.close()

    async def _wind_up(self, flusher: Flusher) -> None:
        """Nothing more is taken: wait for what runs, hand back the rest."""
        while not self._hand.ready.empty():
            flusher.add(self._hand.ready.get_nowait(), Released())
        await self._until_empty(self._settings.grace_seconds)
        self._hand.stop_all(RELEASED)
        await self._until_empty(OBEY_SECONDS)
        # A handler that can't be stopped is left behind; its late result meets the fence.
        for attempt in list(self._hand.held):
            flusher.add(attempt, Released())

    async def _take_leave(self, flusher: Flusher, ledger: Ledger) -> None:
        """The last word. If Postgres is away, the lease runs out and says it for us."""
        try:
            await flusher.flush()
            await ledger.unregister()
        except Exception as error:
            await after_error("hand everything back", error)

    async def _until_empty(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._hand.held and (left := end - time.monotonic()) > 0:
            self._hand.changed.clear()
            await self._hand.change_within(left)
