"""The gateway is killed and started again, and thousands of devices come back to it.

They come as engines do, after a random time that doubles with each failure. Beside them a bare server
that is killed and started likewise.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from benchmarks.bench import Bench
from benchmarks.report import Figure, Reading, Readings, percentile
from jobferry_server.gateway.server import CONNECTIONS
from support.proxy import free_port

__all__ = ["measure"]

BARE = "bare websockets server"
ALLOWED = "its pool and its doorbell"
LOOK_SECONDS = 0.02
AWAY_SECONDS = 1.0

HALF = Figure("storm: half of the devices in step again", "s", digits=2)
ALL = Figure("storm: all devices in step again", "s", digits=2)
MOST = Figure("storm: most connections to Postgres meanwhile", "connections")

CONNECTED = "select count(*) from pg_stat_activity where application_name = 'jobferry_gateway'"

#: A server on a port: its process id, once it listens.
Start = Callable[[int], AbstractContextManager[int]]


def measure(bench: Bench) -> Readings:
    """One repetition."""

    @contextmanager
    def bare_server(port: int) -> Iterator[int]:
        with bench.python("benchmarks.echo", port) as echo:
            echo.answer()
            yield echo.pid

    bare = _storm(bench, "bare", bare_server)
    with bench.database() as dsn, _Count(dsn) as count:

        @contextmanager
        def gateway(port: int) -> Iterator[int]:
            with bench.gateway(dsn, port) as found:
                yield found.pid

        bench.settle(dsn)
        ours = _storm(bench, "jobferry", gateway)
    return {
        HALF: Reading(percentile(ours, 50), {BARE: percentile(bare, 50)}),
        ALL: Reading(max(ours), {BARE: max(bare)}),
        MOST: Reading(count.most, {ALLOWED: CONNECTIONS + 1}),
    }


def _storm(bench: Bench, kind: str, start: Start) -> list[float]:
    """Seconds until each was in step again, after the server listened again."""
    port = free_port()
    with bench.python("benchmarks.fleet", kind, f"ws://127.0.0.1:{port}") as fleet:
        with start(port) as pid:
            fleet.ask(f"open {bench.sizes.storm}")
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
        time.sleep(AWAY_SECONDS)
        with start(port):
            began = time.monotonic()
            at = fleet.ask(f"in_step {killed}")["at"]
    return [moment - began for moment in at]


class _Count:
    """Looks how many connections a gateway has, all the while."""

    def __init__(self, dsn: str) -> None:
        self.most = 0
        self._dsn = dsn
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "_Count":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._over.wait(LOOK_SECONDS):
                ((found,),) = connection.execute(CONNECTED)
                self.most = max(self.most, int(found))
