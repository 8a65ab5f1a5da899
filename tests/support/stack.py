"""Gateways, processors and devices' engines as processes of their own, on one database."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.processes import Part, eventually
from support.proxy import free_port
from support.services import token

__all__ = ["Gateway", "Running", "Stack"]

TESTS = Path(__file__).parents[1]


class Running(Part):
    """A part of which one can ask whether it still runs.

    ``module`` is what Python runs, ``wrapper`` a command that is to run Python.
    """

    module = "jobferry_client"
    wrapper: tuple[str, ...] = ()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, sys.executable, "-m", self.module, *self._arguments],
                env=os.environ | {"PYTHONPATH": str(TESTS)} | self._environment,
                stdout=log,
                stderr=log,
            )

    @property
    def ended(self) -> int | None:
        """Its exit code; ``None`` while it runs."""
        assert self._process is not None
        return self._process.poll()


class TimedDevice(Running):
    """A device with the clock of :mod:`support.devices`."""

    module = "support.devices"


class Stack:
    """What runs beside a test. Nothing started here outlives the block.

    ``module`` is what Python runs for gateways, processors and engines; ``tell`` is told at the end what
    each part has logged.
    """

    def __init__(
        self,
        dsn: str,
        folder: Path,
        module: str = Running.module,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.dsn = dsn
        self._module = module
        self._tell = tell
        self._folder = folder
        self._effects = folder / "effects.jsonl"
        self._parts: list[tuple[str, Running]] = []
        self._numbers = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        for name, started in self._parts:
            # Shown by pytest when the test fails.
            self._tell(f"--- {name}\n{started.log[-4000:]}")

    def gateway(self, *, dsn: str | None = None, **environment: str) -> "Gateway":
        """A gateway, ready."""
        found = Gateway(self, dsn or self.dsn, free_port(), environment)
        found.ready()
        return found

    def processor(self, *, dsn: str | None = None, **environment: str) -> Running:
        """A processor of :mod:`support.handlers`. Its lease is two seconds."""
        ours = {"JOBFERRY_TEST_EFFECTS": str(self._effects), "JOBFERRY_LEASE_SECONDS": "2"}
        arguments = ("support.handlers:processor", "--dsn", dsn or self.dsn)
        return self.part("processor", *arguments, **ours | environment)

    def engine(self, path: Path, url: str, owner: str = "anna") -> Running:
        """A process that keeps a device's file in step."""
        return self.part("client", "sync", str(path), "--url", url, "--token", token(owner))

    def timed_engine(self, path: Path, url: str, silence: float, owner: str = "anna") -> Running:
        """The same, whose line is dead after ``silence`` seconds."""
        log = self._folder / f"device-{next(self._numbers)}.log"
        return self.begin(TimedDevice(log, str(path), url, token(owner), str(silence)), log.stem)

    def part(self, *arguments: str, **environment: str) -> Running:
        """Any part, started."""
        log = self._folder / f"{arguments[0]}-{next(self._numbers)}.log"
        found = Running(log, *arguments, **environment)
        found.module = self._module
        return self.begin(found, log.stem)

    def effects(self, effect: str = "began") -> list[dict[str, Any]]:
        """What the handlers did, in order."""
        if not self._effects.exists():
            return []
        lines = self._effects.read_text().splitlines()
        return [found for line in lines if (found := json.loads(line))["effect"] == effect]

    def reach(self, number: int, effect: str = "began") -> None:
        """Wait until there are so many effects."""
        eventually(lambda: len(self.effects(effect)) >= number, every=0.01)

    def begin(self, found: Running, name: str) -> Running:
        """Start a part and look after it."""
        self._stack.callback(found.kill)
        found.start()
        self._parts.append((name, found))
        return found


class Gateway:
    """A gateway process that comes back on the port it had."""

    def __init__(self, stack: Stack, dsn: str, port: int, environment: dict[str, str]) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self.port = port
        self.part = stack.part("gateway", "--dsn", dsn, "--port", str(port), **environment)

    @property
    def is_ready(self) -> bool:
        """Does it say that it can serve?"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except urllib.error.HTTPError as answer:
            answer.close()
            return False
        except OSError:
            return False

    def ready(self) -> None:
        """Wait until it can serve."""
        eventually(lambda: self.is_ready or self.part.ended is not None, every=0.02)
        assert self.part.ended is None, "the gateway has ended"
