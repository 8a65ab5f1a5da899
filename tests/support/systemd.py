"""A machine with systemd, where blocks of the documents are typed that set up services; see systemd.sh."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.pages import ROOT
from support.processes import eventually

__all__ = ["Machine", "lacking", "machine"]

SCRIPT = Path(__file__).with_suffix(".sh")
PROGRAMS = (
    "/lib/systemd/systemd",
    "systemctl",
    "unshare",
    "nsenter",
    "setpriv",
    "ip",
    "curl",
    "nginx",
)
#: What somebody has there who logs in; packages are those of the tests, and ours is built anew.
WHEELS = "/srv/wheels"
ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": WHEELS,
    "PIP_ROOT_USER_ACTION": "ignore",
}


class Machine:
    """One that has booted; ``pid`` is that of its systemd, seen from here."""

    def __init__(self, pid: int) -> None:
        self.root = Path(f"/proc/{pid}/root")
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        self._enter = ["nsenter", f"--target={pid}", *spaces, "--"]

    def type(self, *lines: str) -> str:
        """What the last of these commands prints, typed by root in the checkout; each must end well."""
        return [self._typed(line) for line in lines][-1]

    def _typed(self, line: str) -> str:
        done = subprocess.run(
            [*self._enter, "bash", "-euo", "pipefail", "-c", f"cd /srv/jobferry\n{line}"],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n--- exit code {done.returncode}:\n{done.stdout}"
        return done.stdout


def lacking() -> str | None:
    """Why there can't be one here, if that can be seen at once."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "namespaces are root's"
    missing = [name for name in PROGRAMS if shutil.which(name, path=ENVIRONMENT["PATH"]) is None]
    return f"this machine has no {' and no '.join(missing)}" if missing else None


@contextmanager
def machine(folder: Path, sockets: Path) -> Iterator[Machine]:
    """One that is gone afterwards; ``sockets`` has that of a Postgres, which it finds at 127.0.0.1."""
    log = folder / "log"
    scene = (folder, sys.base_prefix, sysconfig.get_path("purelib"), ROOT, sockets)
    command = ["unshare", "--mount", "sh", str(SCRIPT), *map(str, scene)]
    with log.open("wb") as out:
        outer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
    with outer:
        pid = _systemd(outer)
        if pid is None:
            pytest.skip(f"namespaces are not permitted: {log.read_text()}")
        found = Machine(pid)
        eventually(lambda: _booted(found), 30)
        _make_ready(found)
        yield found


def _systemd(outer: "subprocess.Popen[bytes]") -> int | None:
    """The process id of the machine's systemd, if it gets that far."""
    seen = psutil.Process(outer.pid)

    def inside() -> list[int]:
        try:
            return [one.pid for one in seen.children(recursive=True) if one.name() == "systemd"]
        except psutil.NoSuchProcess:
            return []  # of those that set the scene, one has just ended

    eventually(lambda: outer.poll() is not None or inside(), 30)
    return next(iter(inside()), None)


def _booted(found: Machine) -> bool:
    """Whether its systemd has started what it starts; units of this machine may fail there."""
    said = found.type("systemctl is-system-running --wait 2>&1 || true")
    return said.strip() in ("running", "degraded")


def _make_ready(found: Machine) -> None:
    """Names, a way to Postgres, and our package in the place of an index."""
    (found.root / "etc" / "hosts").write_text("127.0.0.1 localhost db jobs.example.org\n")
    proxy = "/lib/systemd/systemd-socket-proxyd /run/postgres/.s.PGSQL.5432"
    listen = "--socket-property=ListenStream=127.0.0.1:5432"
    found.type(f"systemd-run -q --unit=postgres {listen} {proxy}")
    build = "wheel -q --no-deps --no-build-isolation --no-index --disable-pip-version-check"
    wheels = found.root / WHEELS.strip("/")
    command = [sys.executable, "-m", "pip", *build.split(), "-w", str(wheels), str(ROOT)]
    subprocess.run(command, check=True, timeout=60)
