"""What the database tells about all parts: asked once in a while, however often somebody scrapes."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from jobferry_server.database import Pool
from jobferry_server.logs import events
from jobferry_server.metrics import definitions as metrics

__all__ = ["Figures"]

ASK = "select jobferry.figures()"
#: How long an answer serves, in seconds.
FRESH_SECONDS = 5.0
ANSWER_SECONDS = 10.0
#: A task is named by whoever submits: so many have a series of their own, the rest share one.
MOST_TASKS = 50
OTHER = "(other)"


class Figures:
    """The database's half of the metrics."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask again if the last answer is old. A database that does not answer is a figure too."""
        async with self._asking:
            if time.monotonic() - self._asked < FRESH_SECONDS:
                return
            try:
                found = await self._pool.fetchval(ASK, timeout=ANSWER_SECONDS)
                show(json.loads(found))
                metrics.DATABASE_ANSWERS.set(1)
            except Exception as error:
                events.FIGURES_UNREAD(error=error)
                metrics.DATABASE_ANSWERS.set(0)
            self._asked = time.monotonic()


def show(figures: Mapping[str, Any]) -> None:
    """Set the metrics to what ``jobferry.figures()`` said."""
    queue: dict[str, int] = figures["queue"]
    served = {*figures["offered"], *figures["delegated"]}
    _show_queue(shortened(queue))
    metrics.QUEUE_UNSERVED.set(sum(jobs for task, jobs in queue.items() if task not in served))
    metrics.QUEUE_OLDEST.set(figures["oldest_waiting"] or 0)
    metrics.QUEUE_DEAD.set(figures["dead"])
    metrics.LEDGER_ROWS.set(figures["ledger"])
    metrics.PROCESSORS.set(figures["processors"])
    metrics.SNAPSHOT_SECONDS.set(figures["snapshot"]["seconds"] or 0)
    metrics.SNAPSHOT_TRANSACTIONS.set(figures["snapshot"]["transactions"] or 0)
    _show_devices(figures["devices"])


def shortened(queue: Mapping[str, int]) -> Counter[str]:
    """The tasks with the most jobs, and all others as one."""
    ranked = sorted(queue.items(), key=lambda item: (-item[1], item[0]))
    found = Counter(dict(ranked[:MOST_TASKS]))
    found.update(
        {OTHER: sum(jobs for _, jobs in ranked[MOST_TASKS:])} if ranked[MOST_TASKS:] else {}
    )
    return found


def _show_queue(jobs: Mapping[str, int]) -> None:
    # Not cleared first: an exporter's thread may be asked at any moment.
    (shown,) = metrics.QUEUE_JOBS.collect()
    for task in {sample.labels["task"] for sample in shown.samples} - jobs.keys():
        metrics.QUEUE_JOBS.remove(task)
    for task, number in jobs.items():
        metrics.QUEUE_JOBS.labels(task).set(number)


def _show_devices(devices: Mapping[str, Any]) -> None:
    metrics.DEVICES.set(devices["known"])
    metrics.DEVICES_PENDING.set(devices["pending"])
    metrics.DEVICES_UNSENT.set(devices["unsent"])
    metrics.DEVICES_OLDEST_PENDING.set(devices["oldest_pending"] or 0)
    metrics.DEVICES_SILENCE.set(devices["last_heard"] or 0)
