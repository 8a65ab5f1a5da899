"""Where the time goes: CPU seconds of the processes of a measurement."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import psycopg

__all__ = ["Meter", "Others"]


@dataclass(slots=True)
class Meter:
    """Measures named processes, and Postgres if it is on this machine, from its making on."""

    dsn: str
    pids: dict[str, list[int]]
    _began: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._look()

    def per_unit(self, units: int, **more: float) -> dict[str, float]:
        """Microseconds per unit by part; ``more`` are seconds measured elsewhere."""
        now = self._look()
        spent = more | {part: now[part] - began for part, began in self._began.items()}
        return {part: seconds / units * 1e6 for part, seconds in spent.items()}

    def _look(self) -> dict[str, float]:
        found = {part: sum(map(_seconds, pids)) for part, pids in self.pids.items()}
        postgres = _postgres_seconds(self.dsn)
        return found if postgres is None else found | {"Postgres": postgres}


@dataclass(slots=True)
class Others:
    """How busy everybody else keeps this machine, from its making on.

    Ours are this process, those it started that have ended, and Postgres. If Postgres is elsewhere,
    or in a container, nobody can tell its share from that of others.
    """

    dsn: str
    _began: tuple[float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._look()

    def cores(self) -> float:
        """So many cores, on average; 0 if that can't be told."""
        if _postgres_seconds(self.dsn) is None:
            return 0.0
        seconds, busy, ours = (a - b for a, b in zip(self._look(), self._began, strict=True))
        return max(0.0, (busy - ours) / seconds)

    def _look(self) -> tuple[float, float, float]:
        all_of_it = psutil.cpu_times()
        busy = all_of_it.user + all_of_it.nice + all_of_it.system
        ours = _with_children(psutil.Process()) + (_postgres_seconds(self.dsn) or 0.0)
        return time.monotonic(), busy, ours


def _seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _with_children(process: psutil.Process) -> float:
    """What it and those of its children that have ended used, in seconds, user and system."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _postgres_seconds(dsn: str) -> float | None:
    postmaster = _postmaster(dsn)
    if postmaster is None:
        return None
    seconds = _with_children(postmaster)
    for backend in postmaster.children():
        with suppress(psutil.NoSuchProcess):
            seconds += _seconds(backend.pid)
    return seconds


def _postmaster(dsn: str) -> psutil.Process | None:
    with psycopg.connect(dsn) as connection, suppress(psutil.NoSuchProcess):
        parent = psutil.Process(connection.info.backend_pid).parent()
        if parent is not None and parent.name().startswith("postgres"):
            return parent
    return None
