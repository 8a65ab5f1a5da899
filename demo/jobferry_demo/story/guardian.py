"""Ends what the demo started when the demo itself was killed: `kill -9` leaves no Postgres behind.

The guardian is a process of its own. Its standard input is a pipe that only the demo holds, on
which it is told `+PID` of every process that starts and `-PID` of every one that has ended. When
the pipe closes, for whatever reason, it ends the rest. After an orderly end there is none.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Guardian"]

PATIENCE = 5.0
"""Seconds that a process has to end in good order."""


class Guardian:
    """The demo's end of the pipe. ``temporary`` says whether the folder goes too."""

    def __init__(self, folder: Path, *, temporary: bool) -> None:
        command = [sys.executable, "-m", __name__, str(folder), *(["remove"] if temporary else [])]
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # out of reach of the terminal's Ctrl-C
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def started(self, pid: int) -> None:
        """Watch over this process."""
        self._tell(f"+{pid}")

    def ended(self, pid: int) -> None:
        """No longer: somebody else may get its number."""
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)


def watch(lines: Iterable[str], folder: Path, *, temporary: bool) -> None:
    """What the guardian does with its life."""
    pids = _left_over(lines)
    # Postgres says itself who it is, and does so before the demo could tell us.
    with suppress(OSError, ValueError):
        pids.add(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    # SIGINT is an orderly end for all of them, and for Postgres one that does not wait for clients.
    left = _signalled(pids, signal.SIGINT)
    end = time.monotonic() + PATIENCE
    while left and time.monotonic() < end:
        time.sleep(0.1)
        left = _signalled(left, 0)
    _signalled(left, signal.SIGKILL)
    if temporary:
        shutil.rmtree(folder, ignore_errors=True)


def _left_over(lines: Iterable[str]) -> set[int]:
    pids = set[int]()
    for line in lines:
        (pids.add if line.startswith("+") else pids.discard)(int(line[1:]))
    return pids


def _signalled(pids: set[int], number: int) -> set[int]:
    """Those of them that were there to be signalled."""
    reached = set()
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            reached.add(pid)
    return reached


if __name__ == "__main__":
    watch(sys.stdin, Path(sys.argv[1]), temporary="remove" in sys.argv[2:])
