"""A part of Jobferry as a process of its own, run by the command a person would run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jobferry_demo.story.errors import DemoFailed
from jobferry_demo.story.guardian import Guardian

__all__ = ["Part", "last_words"]

READY_SECONDS = 60.0
STOP_SECONDS = 8.0
LOG_LINES = 8


class Part:
    """``python -m COMMAND`` with the given ``JOBFERRY_`` settings and no others; logs to a file."""

    def __init__(
        self,
        name: str,
        log: Path,
        command: Sequence[str],
        settings: Mapping[str, str],
        guardian: Guardian,
    ) -> None:
        self._name = name
        self._log = log
        self._command = command
        self._settings = settings
        self._guardian = guardian
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 while it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it; :meth:`wait_until` tells when it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", *self._command],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us to pass on, in order
            )
        self._guardian.started(self._process.pid)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once ``ready``; :class:`DemoFailed` with its last words if it ends or is late."""
        end = time.monotonic() + READY_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise DemoFailed(f"the {self._name} is not ready:\n{last_words(self._log)}")
            time.sleep(0.05)

    def check(self) -> None:
        """:class:`DemoFailed` if it has ended without being told to."""
        if self._process is not None and self._process.poll() is not None:
            raise DemoFailed(f"the {self._name} ended by itself:\n{last_words(self._log)}")

    def kill(self) -> None:
        """``kill -9``, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._gone(None)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """SIGTERM, and after a while SIGKILL."""
        self.ask_to_stop()
        try:
            self._gone(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _gone(self, seconds: float | None) -> None:
        if self._process is not None:
            self._process.wait(seconds)
            self._guardian.ended(self._process.pid)
            self._process = None

    def _environment(self) -> dict[str, str]:
        # Settings of the reader's own installation would make this another story.
        others = {k: v for k, v in os.environ.items() if not k.startswith("JOBFERRY_")}
        return {**others, **self._settings}


def last_words(log: Path) -> str:
    """How a log ends, to be shown below a sentence."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return "\n".join(f"  {line}" for line in lines) or "  (it said nothing)"
