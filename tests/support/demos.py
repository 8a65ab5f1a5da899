"""``jobferry demo`` as a person runs it, and what it would leave behind."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

__all__ = [
    "DEMO",
    "demo_folders",
    "processes_of",
    "read_until",
    "started_demo",
    "temporary_folder",
]

DEMO = [sys.executable, "-m", "jobferry_client", "demo"]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Where the demo makes its temporary folder, so that what it leaves is found.

    Not pytest's own: the name of a Unix socket, Postgres's too, has at most a hundred characters.
    """
    with tempfile.TemporaryDirectory(prefix="e2e-") as found:
        yield Path(found)


@contextmanager
def started_demo(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo, killed at the end of the block if it has not ended."""
    process = subprocess.Popen(
        [*DEMO, *options],
        env=os.environ | {"TMPDIR": str(folder), "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What it says until a line has these words, that line included."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"the demo never said {words!r}, but:\n{said}")


def processes_of(folder: Path) -> list[psutil.Process]:
    """Who runs on files in the folder: Postgres by its arguments, our own by their environment."""
    return [process for process in psutil.process_iter() if str(folder) in _about(process)]


def demo_folders(folder: Path) -> list[Path]:
    """The demo's temporary folders that are there."""
    return list(folder.glob("jobferry-demo-*"))


def _about(process: psutil.Process) -> str:
    about = ""
    with suppress(psutil.Error):
        about += " ".join(process.cmdline())
        about += process.environ().get("JOBFERRY_DSN", "")
    return about
