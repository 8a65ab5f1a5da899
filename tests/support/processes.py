"""Parts of Jobferry as processes of their own, to be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.services import SECRET


def jobferry(
    *arguments: str, timeout: float = 60, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "jobferry_client", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Part:
    """One part as a process; :meth:`kill` is ``kill -9``, :meth:`start` starts it again."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        self._log = log
        self._arguments = arguments
        self._environment = {"JOBFERRY_JWT_SECRET": SECRET} | environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jobferry_client", *self._arguments],
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self, timeout: float = 30) -> int:
        """Its exit code, once it ends."""
        assert self._process is not None
        return self._process.wait(timeout)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()


@contextmanager
def part(log: Path, *arguments: str, **environment: str) -> Iterator[Part]:
    """A started part that does not outlive the block."""
    found = Part(log, *arguments, **environment)
    found.start()
    try:
        yield found
    finally:
        found.kill()


def eventually(what: Callable[[], object], seconds: float = 90, every: float = 0.05) -> None:
    """Return once ``what`` is true; fail after ``seconds``. For facts that ring no bell here."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(every)
