"""Node with Graphile Worker and pg-boss, from npm; what needs them is skipped where it can't be had."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from integration.engines import example

HERE = Path(__file__).parent / "node"
#: What npm and Node say when there is no registry to talk to.
NO_REGISTRY = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


class Node:
    """A folder with the packages, and the page's JavaScript."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        for name in ("jobferry.mjs", "graphile-worker.mjs", "pg-boss.mjs"):
            (folder / name).write_text(example(name), encoding="utf-8")

    def install(self) -> None:
        """What the lock file says."""
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on this machine")
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode and any(word in done.stderr for word in NO_REGISTRY):
            pytest.skip("npm's registry does not answer")
        assert done.returncode == 0, done.stderr

    def run(self, dsn: str, script: str) -> None:
        """Run a script to its end."""
        done = subprocess.run(
            self._command(script),
            cwd=self._folder,
            env=_environment(dsn),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def running(self, dsn: str, script: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A script that does not outlive the block."""
        with (self._folder / f"{script}.log").open("wb") as log:
            process = subprocess.Popen(
                self._command(script),
                cwd=self._folder,
                env=_environment(dsn),
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def _command(self, script: str) -> list[str]:
        # pg-boss wants Node 22, and many a machine has an older one: it comes as a package.
        return [str(self._folder / "node_modules" / "node" / "bin" / "node"), script]


def _environment(dsn: str) -> dict[str, str]:
    """node-postgres wants a host in the address even where the socket's folder is the host."""
    parts = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(dsn).items()}
    user = parts.get("user", "postgres") + (
        f":{parts['password']}" if parts.get("password") else ""
    )
    host = parts.get("host", "localhost")
    url = f"postgresql://{user}@localhost:{parts.get('port', '5432')}/{parts['dbname']}?host={host}"
    return os.environ | {"JOBFERRY_DSN": url}
