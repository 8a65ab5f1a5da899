"""Another program with the same file: plain sqlite3, nothing of ours, in another process."""

import json
import random
import sqlite3
import time
from pathlib import Path

from benchmarks.jobs import PAYLOAD, TASK
from benchmarks.process import MeasurementFailed

__all__ = ["ForeignWriter"]

LOOK_SECONDS = 0.0005
MOST_SECONDS = 30.0
WARM_UP = 10
#: Longest pause between two INSERTs whose noticing is measured; pauses are random, to fall anywhere
#: between two looks of the engine.
PAUSE_SECONDS = 0.15

_INSERT = "INSERT INTO background_jobs (payload, task) VALUES (?, ?) RETURNING id"
_RESULT = "SELECT result FROM background_jobs WHERE id = ? AND completed = 1"
_SENT = "SELECT NOT EXISTS (SELECT 1 FROM _jobferry_outbox)"


class ForeignWriter:
    """Inserts, and looks what becomes of it."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None, timeout=MOST_SECONDS)
        self._waiting: dict[str, int] = {}
        self._version = 0
        self._samples: list[tuple[float, float]] = []

    def submit_steadily(self, rate: float, seconds: float) -> list[tuple[float, float]]:
        """Submit at a steady rate, whatever becomes of it.

        Milliseconds from before each INSERT until its result is read, and until it was begun.
        """
        began = time.monotonic()
        for number in range(WARM_UP + round(rate * seconds)):
            self._look_until(began + number / rate)
            self._insert()
        self._look_until(time.monotonic() + MOST_SECONDS, enough=True)
        if self._waiting:
            raise MeasurementFailed(f"{len(self._waiting)} jobs did not come back")
        return self._samples[WARM_UP:]

    def notice_times(self, number: int) -> list[float]:
        """Milliseconds from after each commit until the row has left the outbox."""
        found = []
        for _ in range(number):
            time.sleep(random.uniform(0, PAUSE_SECONDS))
            self._insert()
            committed = time.monotonic()
            while not self._file.execute(_SENT).fetchone()[0]:
                if time.monotonic() - committed > MOST_SECONDS:
                    raise MeasurementFailed("an INSERT was not noticed")
                time.sleep(LOOK_SECONDS)
            found.append((time.monotonic() - committed) * 1e3)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _insert(self) -> None:
        began = time.monotonic_ns()
        # Only when all rows were fetched has the statement ended and is its transaction committed.
        ((id,),) = self._file.execute(_INSERT, (PAYLOAD, TASK)).fetchall()  # noqa: A001
        self._waiting[id] = began

    def _look_until(self, end: float, *, enough: bool = False) -> None:
        """Look for results until ``end``, or until there is nothing to wait for if that is enough."""
        while time.monotonic() < end and (self._waiting or not enough):
            version = self._file.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._version = version
                self._look()
            time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        for id, began in list(self._waiting.items()):  # noqa: A001
            if row := self._file.execute(_RESULT, (id,)).fetchone():
                whole = (time.monotonic_ns() - began) / 1e6
                self._samples.append((whole, (json.loads(row[0])["at"] - began) / 1e6))
                del self._waiting[id]
