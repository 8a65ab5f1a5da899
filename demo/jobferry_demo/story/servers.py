"""The server side: a Postgres of its own, a gateway and a processor, all ended with the block."""

import logging
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from jobferry_demo.story.errors import DemoFailed
from jobferry_demo.story.guardian import Guardian
from jobferry_demo.story.interrupts import Interrupts
from jobferry_demo.story.processes import Part, last_words
from jobferry_server.embedded import EmbeddedPostgres
from jobferry_server.folder_secret import folder_secret
from jobferry_server.migrate import migrate
from jobferry_server.tokens import issue

__all__ = ["HOST", "Servers", "free_port"]

HOST = "127.0.0.1"
TASKS = "jobferry_demo.tasks:processor"
TOKEN_LIFETIME = timedelta(hours=1)


class Servers:
    """What runs beside the device, each part started by a method of its own.

    Leaving the block stops all of it, interrupted or not; ``guardian`` does should we be killed.
    """

    def __init__(self, folder: Path, interrupts: Interrupts, guardian: Guardian) -> None:
        self._folder = folder
        self._log = folder / "demo.log"
        self._interrupts = interrupts
        self._secret = folder_secret(folder)
        #: What the parts on the server's side are told, and a device is not.
        self.settings = {
            "JOBFERRY_JWT_SECRET": self._secret,
            # Who interrupts the demo wants it to end, not the jobs.
            "JOBFERRY_GRACE_SECONDS": "1",
            "JOBFERRY_DRAIN_SECONDS": "1",
        }
        self._postgres: EmbeddedPostgres | None = None
        port = free_port()
        self.url = f"ws://{HOST}:{port}"
        self._health = f"http://{HOST}:{port}/readyz"
        self.dsn = ""
        self._guardian = guardian
        self._parts: list[Part] = []
        self.gateway = self.part(
            "gateway", "jobferry_client", "gateway", "--port", str(port), settings=self.settings
        )
        self.processor = self.part(
            "processor", "jobferry_client", "processor", TASKS, settings=self.settings
        )

    def __enter__(self) -> Self:
        # What this process would log belongs beside the others' logs, not into the story.
        logging.basicConfig(filename=self._log, level=logging.INFO)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._interrupts.held_back():
            self._stop()

    def part(self, name: str, *command: str, settings: Mapping[str, str]) -> Part:
        """A further part, ``python -m COMMAND``; it is stopped before those that were named before it."""
        found = Part(name, self._folder / f"{name}.log", command, settings, self._guardian)
        self._parts.append(found)
        return found

    def start(self, part: Part, url: str) -> None:
        """Start it, or start it again; returns when it answers at this URL."""
        with self._interrupts.held_back():
            part.start()
        part.wait_until(lambda: _answers(url))

    def token(self, owner: str, lifetime: timedelta = TOKEN_LIFETIME) -> str:
        """What the owner's device shows the gateway."""
        return issue(self._secret, owner, lifetime)

    def start_postgres(self) -> None:
        """Make the cluster and start it."""
        with self._interrupts.held_back():
            try:
                self._postgres = EmbeddedPostgres(self._folder)
            except subprocess.SubprocessError as error:
                raise DemoFailed(f"Postgres did not start:\n{last_words(self._log)}") from error
        self.dsn = self.settings["JOBFERRY_DSN"] = self._postgres.dsn()

    def make_ledger(self) -> int:
        """Migrate the database; how many migrations there were."""
        return len(migrate(self.dsn))

    def start_gateway(self) -> None:
        """Start it, or start it again, on the same port; returns when it can serve."""
        self.start(self.gateway, self._health)

    def start_processor(self) -> None:
        """Start it, without waiting: the ledger tells when it has registered."""
        with self._interrupts.held_back():
            self.processor.start()

    def check(self) -> None:
        """:class:`DemoFailed` if a part has died that was not killed by the story."""
        for part in self._parts:
            part.check()

    def _stop(self) -> None:
        for part in reversed(self._parts):
            part.ask_to_stop()
        for part in reversed(self._parts):
            part.stop()
        if self._postgres is not None:
            self._postgres.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def free_port() -> int:
    """A port that is free now, and that a part can be started on twice."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
