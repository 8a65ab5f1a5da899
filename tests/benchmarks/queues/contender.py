"""A job queue as the measurements see it."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import ClassVar

import asyncpg
import psycopg

from benchmarks.bench import Bench
from benchmarks.jobs import TASK, payload
from benchmarks.process import Child, MeasurementFailed

__all__ = ["TASK", "BySQL", "Contender", "bodies", "seconds_until_empty", "timed"]

LOOK_SECONDS = 0.02
MOST_SECONDS = 300.0


class Contender(ABC):
    """How one queue is installed, filled, emptied and asked whether it is empty."""

    name: ClassVar[str]
    #: Of a hundred thousand jobs it is given so many: the slow ones would take all day.
    share: ClassVar[float] = 1.0
    #: Where its waiting jobs are, and a query for those that are not done.
    table: ClassVar[str]
    unfinished: ClassVar[str]

    @abstractmethod
    def database(self, bench: Bench) -> AbstractContextManager[str]:
        """A new database with its tables."""

    @abstractmethod
    async def enqueue(self, dsn: str, number: int, batch: int, pause: float = 0) -> None:
        """So many jobs, ``batch`` in one call, and ``pause`` seconds between two calls."""

    @abstractmethod
    def worker(self, bench: Bench, dsn: str) -> AbstractContextManager[Child]:
        """A worker process, ready to take jobs."""

    def taken(self, _dsn: str, worker: Child) -> list[int]:
        """How long each job took from enqueue to its handler, in ns; ends the worker."""
        worker.terminate()
        found: list[int] = worker.answer()["nanoseconds"]
        return found


class BySQL(Contender):
    """One that is filled through SQL functions, each called with a task and one body or many."""

    add_one: ClassVar[str]
    add_many: ClassVar[str]

    async def enqueue(self, dsn: str, number: int, batch: int, pause: float = 0) -> None:
        """Over one connection."""
        connection = await asyncpg.connect(dsn)
        for first in range(0, number, batch):
            texts = bodies(first, batch)
            if batch == 1:
                await connection.execute(self.add_one, TASK, texts[0])
            else:
                await connection.execute(self.add_many, TASK, texts)
            await asyncio.sleep(pause)
        await connection.close()


def timed(number: int) -> dict[str, object]:
    """A payload that says when it was sent, by CLOCK_MONOTONIC in ns."""
    return payload(number) | {"sent": time.monotonic_ns()}


def bodies(first: int, number: int) -> list[str]:
    """So many payloads, as JSON."""
    return [json.dumps(timed(n)) for n in range(first, first + number)]


def seconds_until_empty(contender: Contender, dsn: str) -> float:
    """How long it takes until nothing is left to be done."""
    began = time.perf_counter()
    with psycopg.connect(dsn, autocommit=True) as watcher:
        while time.perf_counter() - began < MOST_SECONDS:
            question = f"select exists ({contender.unfinished})"
            if watcher.execute(question.encode()).fetchone() == (False,):
                return time.perf_counter() - began
            time.sleep(LOOK_SECONDS)
    raise MeasurementFailed("the queue was not emptied in time")
