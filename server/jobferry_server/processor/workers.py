"""Workers: each runs one job at a time, as long as there are any in hand."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import asyncpg

from jobferry_server.metrics import definitions as metrics
from jobferry_server.processor.attempt import Attempt, Middleware
from jobferry_server.processor.executors import Executors
from jobferry_server.processor.hand import Hand
from jobferry_server.processor.job import NOTHING, Earlier, Job
from jobferry_server.processor.outcome import Outcome, in_a_word
from jobferry_server.processor.task import Task
from jobferry_server.processor.transaction import Transactions
from jobferry_server.settings import ProcessorSettings
from jobferry_shared.job import JobError

__all__ = ["Workers"]

#: A worker lets the other loops run after so many jobs in a row.
YIELD_EVERY = 32


class Workers:
    """All workers of one processor; ``ended`` hears of every outcome, and whether it was news."""

    def __init__(
        self,
        hand: Hand,
        tasks: Mapping[str, Task],
        settings: ProcessorSettings,
        executors: Executors,
        transactions: Transactions,
        around: Sequence[Middleware],
        ended: Callable[[Attempt, Outcome], bool],
    ) -> None:
        self._hand = hand
        self._tasks = tasks
        self._settings = settings
        self._executors = executors
        self._begin = {False: transactions.on_thread, True: transactions.on_loop}
        self._around = around
        self._ended = ended

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as self._group:
            for _ in range(self._settings.concurrency):
                self._group.create_task(self._work())

    def attempt(self, row: asyncpg.Record, traceparent: str | None) -> Attempt:
        """The attempt at a job that was claimed; ``row`` is one of ``jobferry.claim``."""
        task = self._tasks[row["task"]]
        job = Job(
            row["id"],
            row["task"],
            row["payload"],
            row["attempt"],
            row["owner"],
            _earlier(row["progress"], row["error"], row["checkpoint"]),
            self._begin[task.is_async],
            traceparent,
        )
        return Attempt(job, task, self._settings.result_bytes, self._around, self._replace)

    async def _work(self) -> None:
        number = 0
        while True:
            attempt = await self._hand.ready.get()
            if not self._end(attempt, await attempt.run(self._executors)):
                # Its job was given up, and somebody took its place.
                return
            number += 1
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _replace(self, attempt: Attempt, outcome: Outcome) -> None:
        """The worker of this attempt is held by a handler that does not stop."""
        if self._end(attempt, outcome):
            self._group.create_task(self._work())

    def _end(self, attempt: Attempt, outcome: Outcome) -> bool:
        if not self._ended(attempt, outcome):
            return False
        _seconds(attempt.task.name, in_a_word(outcome, attempt.job)).observe(
            time.monotonic() - attempt.began
        )
        return True


#: Looked up once: a job may take less time than looking for a series.
_seconds = cache(metrics.ATTEMPT_SECONDS.labels)


def _earlier(progress: float, error: str | None, checkpoint: str | None) -> Earlier:
    if not progress and error is None and checkpoint is None:
        return NOTHING
    return Earlier(progress, JobError.parse(error), checkpoint and json.loads(checkpoint))
