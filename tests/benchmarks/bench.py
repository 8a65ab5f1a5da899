"""Where a measurement takes place: a fresh database, product processes, a folder for devices' files."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.process import Child, MeasurementFailed, child
from support.postgres import TestServer

__all__ = ["FULL", "QUICK", "Bench", "Gateway", "Sizes"]

REGISTER_SECONDS = 30.0
#: A processor that has registered begins to claim within this.
BREATH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    backlog: int = 50_000
    processing: int = 50_000
    circle: int = 20_000
    queue: int = 100_000
    download: int = 50_000
    #: Latency, in jobs a second and seconds.
    rate: float = 20.0
    latency_seconds: float = 15.0
    raw_chains: int = 60
    connections: int = 1_000
    idle_seconds: float = 10.0
    notices: int = 100
    #: Finished and queued jobs that a claim has behind it and before it.
    finished: int = 5_000_000
    waiting: int = 1_000_000
    #: Queued jobs that the dashboard shows, beside the finished ones.
    dashboard_waiting: int = 200_000
    steady_seconds: float = 600.0
    #: Rows that are pushed, and by how many devices at once.
    ingest: int = 50_000
    pushing: int = 200
    #: Jobs of the others beside a flood, a second, and for how long.
    fair_rate: float = 100.0
    fair_seconds: float = 20.0
    #: Devices that are connected and idle, active, deaf, or come back all at once.
    idle: int = 10_000
    active: int = 1_000
    active_seconds: float = 60.0
    deaf: int = 1_000
    storm: int = 2_000


FULL = Sizes()
QUICK = Sizes(
    backlog=10_000,
    processing=10_000,
    circle=4_000,
    queue=10_000,
    download=10_000,
    latency_seconds=3.0,
    raw_chains=20,
    connections=200,
    idle_seconds=3.0,
    notices=30,
    finished=50_000,
    waiting=10_000,
    dashboard_waiting=10_000,
    steady_seconds=20.0,
    ingest=10_000,
    fair_seconds=5.0,
    idle=500,
    active=100,
    active_seconds=10.0,
    deaf=50,
    storm=200,
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway process."""

    url: str
    pid: int


@dataclass(slots=True)
class Bench:
    """A server and a folder. Everything started here ends with its block."""

    server: TestServer
    folder: Path
    sizes: Sizes
    #: Called with whatever a measurement has to tell beyond its readings.
    note: Callable[[Mapping[str, object]], None]
    _numbers: "count[int]" = field(default_factory=count)

    def path(self, name: str) -> Path:
        """A path that was not used before."""
        return self.folder / f"{next(self._numbers):04}-{name}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """A new migrated database."""
        with self.server.database() as dsn:
            yield dsn

    def settle(self, dsn: str) -> None:
        """Let Postgres do now what it would otherwise do in the middle of a measurement."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")

    @contextmanager
    def python(self, module: str, *arguments: object, **environment: str) -> Iterator[Child]:
        """A module of this package, or of the product, as a process."""
        words = [str(argument) for argument in arguments]
        with self.command(sys.executable, "-m", module, *words, **environment) as found:
            yield found

    @contextmanager
    def command(self, *command: str, **environment: str) -> Iterator[Child]:
        """Any program as a process."""
        with child(self.path("log"), *command, **environment) as found:
            yield found

    @contextmanager
    def gateway(self, dsn: str, port: int = 0, **environment: str) -> Iterator[Gateway]:
        """A gateway process that listens."""
        command = ("gateway", "--port", port, "--host", "127.0.0.1")
        with self.python("jobferry_client", *command, JOBFERRY_DSN=dsn, **environment) as found:
            yield Gateway(found.line(30).removeprefix("listening on "), found.pid)

    @contextmanager
    def processors(self, dsn: str, number: int = 1) -> Iterator[list[int]]:
        """So many processor processes, ready to claim; their process ids."""
        with ExitStack() as stack:
            started = [stack.enter_context(self.processor(dsn)) for _ in range(number)]
            yield [process.pid for process in started]

    @contextmanager
    def processor(self, dsn: str) -> Iterator[Child]:
        """A processor process, ready to claim."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            others = _processors(connection)
            command = ("processor", "benchmarks.tasks:processor")
            with self.python("jobferry_client", *command, JOBFERRY_DSN=dsn) as started:
                _await_processors(connection, others + 1)
                yield started


def _await_processors(connection: "psycopg.Connection[tuple[Any, ...]]", number: int) -> None:
    end = time.monotonic() + REGISTER_SECONDS
    while time.monotonic() < end:
        if _processors(connection) == number:
            time.sleep(BREATH_SECONDS)
            return
        time.sleep(0.02)
    raise MeasurementFailed("the processors did not start")


def _processors(connection: "psycopg.Connection[tuple[Any, ...]]") -> int:
    ((found,),) = connection.execute("select count(*) from jobferry.processors")
    return int(found)
