"""A process of a measurement: spoken to by lines, and gone with the block that started it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from support.services import SECRET

__all__ = ["Child", "MeasurementFailed", "child"]

#: Nothing here takes longer than this, in seconds; what does is broken.
MOST_SECONDS = 120.0
STOP_SECONDS = 10.0
TESTS = Path(__file__).resolve().parents[1]


class MeasurementFailed(Exception):
    """A process ended, or did not answer in time."""


class Child:
    """A process, its standard output read line by line."""

    def __init__(self, log: Path, *command: str, **environment: str) -> None:
        paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        extra = {"PYTHONPATH": os.pathsep.join(paths), "JOBFERRY_JWT_SECRET": SECRET}
        self._log = log
        self._command = command
        self._lines: SimpleQueue[str] = SimpleQueue()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                env=os.environ | extra | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def line(self, timeout: float = MOST_SECONDS) -> str:
        """The next line it prints."""
        try:
            found = self._lines.get(timeout=timeout)
        except Empty:
            found = ""
        if not found:
            said = self._log.read_text()[-2000:]
            raise MeasurementFailed(f"{' '.join(self._command[:4])} gave no answer\n{said}")
        return found.rstrip("\n")

    def answer(self) -> dict[str, Any]:
        """The next line it prints, which is a JSON object."""
        found: dict[str, Any] = json.loads(self.line())
        return found

    def ask(self, text: str) -> dict[str, Any]:
        """Its answer to a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return self.answer()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def stop(self) -> None:
        """End it: politely, then not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def child(log: Path, *command: str, **environment: str) -> Iterator[Child]:
    """A process that does not outlive the block."""
    found = Child(log, *command, **environment)
    try:
        yield found
    finally:
        found.stop()
