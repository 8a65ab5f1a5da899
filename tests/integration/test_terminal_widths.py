"""Tables in a terminal of the usual width, and where there is none."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import pytest

from integration.database import Database, Spec
from jobferry_client import JobClient
from support.commands import Run

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LONG = "a_name_that_is_as_long_as_names_become_in_large_houses_where_nobody_may_say_no"


def in_terminal(width: int, *arguments: str) -> list[str]:
    """What a command shows in a terminal so wide, without its colours."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
        environment |= {"TERM": "xterm"}
        os.execve(
            sys.executable, [sys.executable, "-m", "jobferry_client", *arguments], environment
        )
    said = b""
    # A terminal that nobody writes to any more is an error to read.
    while octets := _read(terminal):
        said += octets
    os.close(terminal)
    os.waitpid(pid, 0)
    return COLOURS.sub("", said.decode()).splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.fixture
def till(tmp_path: Path) -> Path:
    """A device with a job of a long name."""
    path = tmp_path / "till.db"
    with JobClient(path) as client:
        client.submit(LONG)
    return path


def test_a_device_s_jobs_fit_a_terminal(till: Path) -> None:
    head, row = in_terminal(80, "client", "ls", str(till))
    assert head.split() == ["id", "task", "state", "progress"]
    assert "waiting to send" in row
    assert "…" in row


def test_for_a_program_nothing_is_cut_or_coloured(till: Path, any_command: Run) -> None:
    _, row = any_command("client", "ls", till).out.splitlines()
    assert row.split()[1:] == [LONG, "waiting", "to", "send"]
    assert "\x1b" not in row


def test_the_ledger_s_jobs_fit_a_terminal(db: Database, any_command: Run) -> None:
    db.submit(Spec(task="resize"))
    head, row = in_terminal(80, "jobs", "ls", "--dsn", db.dsn)
    assert head.split()[:4] == ["id", "owner", "task", "status"]
    assert row.split()[1:] == ["anna", "resize", "queued"]
    piped = any_command("jobs", "ls", "--dsn", db.dsn).out.splitlines()
    assert "locked_by" in piped[0]
    assert len(piped) == 2
