"""One run: every measurement so often, each repetition told as soon as it is done."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from rich.console import Console

from benchmarks import (
    active,
    backlog,
    circle,
    claim,
    connections,
    dashboard,
    download,
    fairness,
    idle,
    ingest,
    latency,
    memory,
    processing,
    queues,
    stalled,
    steady,
    storm,
)
from benchmarks.bench import Bench
from benchmarks.cpu import Others
from benchmarks.process import MeasurementFailed
from benchmarks.report import Figure, Reading, Readings
from benchmarks.table import cpu_table, figures_table

__all__ = ["BY_NAME", "MEASURES", "Run"]

MEASURES: dict[str, Callable[[Bench], Readings]] = {
    "backlog": backlog.measure,
    "processing": processing.measure,
    "circle": circle.measure,
    "latency": latency.measure,
    "download": download.measure,
    "memory": memory.measure,
    "idle": idle.measure,
    "queue": queues.measure,
    "claim": claim.measure,
    "dashboard": dashboard.measure,
    "steady": steady.measure,
    "ingest": ingest.measure,
    "fairness": fairness.measure,
    "connections": connections.measure,
    "active": active.measure,
    "stalled": stalled.measure,
    "storm": storm.measure,
}
#: Measured only when they are asked for by name: they take their time.
BY_NAME = {
    *("queue", "claim", "dashboard", "steady"),
    *("ingest", "fairness", "connections", "active", "stalled", "storm"),
}
#: If others keep more of the machine busy than this, in cores, the figures are not to be relied on.
QUIET_CORES = 0.1


@dataclass(slots=True)
class Run:
    """Measures, tells, and keeps what it found."""

    bench: Bench
    console: Console
    failed: bool = False
    _found: dict[Figure, list[Reading]] = field(default_factory=dict)
    _disturbed: list[str] = field(default_factory=list)

    def describe(self) -> None:
        """Say what is measured on what."""
        with psycopg.connect(self.bench.server.dsn) as connection:
            postgres = connection.info.parameter_status("server_version")
        words = {
            "python": platform.python_version(),
            "postgres": postgres,
            "cores": os.cpu_count(),
        }
        self.console.print("  ".join(f"{name} {value}" for name, value in words.items()))
        self.bench.note(words)

    def measure(self, name: str, repetitions: int) -> None:
        """So many repetitions of one measurement, or as many as work."""
        try:
            for number in range(1, repetitions + 1):
                self._repeat(name, number)
        except MeasurementFailed as error:
            self.console.print(f"{name} failed: {error}", style="red", markup=False)
            self.failed = True

    def print(self) -> None:
        """All figures, as tables."""
        self.console.print()
        self.console.print(figures_table(self._found))
        if table := cpu_table(self._found):
            self.console.print(table)
        if self._disturbed:
            self.console.print(
                "Not to be relied on, neither figures nor ratios: others used more than"
                f" {QUIET_CORES} cores during {', '.join(self._disturbed)}.",
                style="yellow",
            )

    def _repeat(self, name: str, number: int) -> None:
        others = Others(self.bench.server.dsn)
        with self.console.status(f"{name}, repetition {number}"):
            readings = MEASURES[name](self.bench)
        cores = others.cores()
        if cores > QUIET_CORES:
            self._disturbed.append(f"{name} {number} ({cores:.2f})")
        for figure, reading in readings.items():
            self._found.setdefault(figure, []).append(reading)
            value = f"{figure.text(reading.ours)} {figure.unit}"
            self.console.print(f"{name} {number}: {figure.title}: {value}")
            self.bench.note(
                {"measure": name, "repetition": number, "others_cores": round(cores, 2)}
                | _as_json(figure, reading)
            )


def _as_json(figure: Figure, reading: Reading) -> dict[str, object]:
    return {
        "figure": figure.title,
        "unit": figure.unit,
        "ours": reading.ours,
        "raw": dict(reading.raw),
        "cpu_us": dict(reading.cpu),
        "bar": figure.bar.limit if figure.bar else None,
        "met": figure.met([reading]),
    }
