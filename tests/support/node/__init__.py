"""Node with the job queues that npm has, as this folder's lock file says."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

__all__ = ["Node", "NodeMissing", "node_environment"]

HERE = Path(__file__).parent
#: What npm and Node say when there is no registry to talk to.
NO_REGISTRY = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


class NodeMissing(Exception):
    """Why there is none on this machine."""


class Node:
    """A folder with the packages; scripts are put beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for lock in HERE.glob("*.json"):
            shutil.copy(lock, folder)

    def install(self) -> None:
        """What the lock file says; :class:`NodeMissing` where it can't be had."""
        npm = shutil.which("npm")
        if npm is None:
            raise NodeMissing("npm is not on this machine")
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode and any(word in done.stderr for word in NO_REGISTRY):
            raise NodeMissing("npm's registry does not answer")
        assert done.returncode == 0, done.stderr

    def command(self, script: str) -> list[str]:
        """How to run a script of the folder."""
        # pg-boss wants Node 22, and many a machine has an older one: it comes as a package.
        return [str(self.folder / "node_modules/node/bin/node"), str(self.folder / script)]

    def run(self, dsn: str, script: str) -> None:
        """Run a script to its end."""
        done = subprocess.run(
            self.command(script),
            env=os.environ | node_environment(dsn),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def running(self, dsn: str, script: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A script that does not outlive the block."""
        with (self.folder / f"{script}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(script),
                env=os.environ | node_environment(dsn),
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()


def node_environment(dsn: str) -> dict[str, str]:
    """node-postgres wants a host in the address even where the socket's folder is the host."""
    parts = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(dsn).items()}
    user = parts.get("user", "postgres") + (
        f":{parts['password']}" if parts.get("password") else ""
    )
    host = parts.get("host", "localhost")
    url = f"postgresql://{user}@localhost:{parts.get('port', '5432')}/{parts['dbname']}?host={host}"
    return {"JOBFERRY_DSN": url}
