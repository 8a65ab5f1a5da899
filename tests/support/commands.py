"""The command ``jobferry``, run in this process: to start one of its own takes longer than most commands."""

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any
from unittest.mock import patch

import pytest

from jobferry_client.cli import main
from support import processes

__all__ = ["Ran", "Run", "jobferry", "runner"]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Its lines of JSON."""
        return [json.loads(line) for line in self.out.split("\n") if line]


Run = Callable[..., Ran]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs ``jobferry`` with some arguments."""

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        code = _exit_code(*map(str, arguments), stdin=stdin)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


def jobferry(*arguments: str, **environment: str) -> "CompletedProcess[str]":
    """Run a command to its end, as ``support.processes`` does in a process of its own.

    So does this on another thread than the first: there is one standard output for all of them.
    """
    if threading.current_thread() is not threading.main_thread():
        return processes.jobferry(*arguments, timeout=60, **environment)
    out, err = _stream(), _stream()
    with patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
        code = _exit_code(*arguments)
    return CompletedProcess(arguments, code, _text(out), _text(err))


def _exit_code(*arguments: str, stdin: bytes = b"") -> int:
    words, typed = ["jobferry", *arguments], io.TextIOWrapper(io.BytesIO(stdin))
    with (
        patch.object(sys, "argv", words),
        patch.object(sys, "stdin", typed),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
