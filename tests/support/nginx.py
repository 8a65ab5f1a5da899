"""nginx as docs/deploy/nginx.conf sets it up, on this machine's loopback."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from support.processes import eventually
from support.proxy import free_port

SITE = Path(__file__).parents[2] / "docs" / "deploy" / "nginx.conf"

#: What Debian's main configuration says, with everything in one folder.
MAIN = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/site;
}}
"""


def program() -> str | None:
    """Where nginx is, if it is on this machine."""
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


class Nginx:
    """One that runs."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self._process = process

    @property
    def url(self) -> str:
        """Where devices connect."""
        return f"wss://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The processes that serve."""
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def reload(self) -> None:
        """As ``systemctl reload nginx``; returns once there is a new worker."""
        before = set(self.workers)
        self._process.send_signal(signal.SIGHUP)
        eventually(lambda: set(self.workers) - before)


@contextmanager
def nginx(folder: Path, certificate: Path, gateways: Sequence[int]) -> Iterator[Nginx]:
    """The site of the document before gateways on these ports; the certificate's key is in its file."""
    port = free_port()
    site = SITE.read_text().replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    for name in ("fullchain.pem", "key.pem"):
        site = site.replace(f"/etc/ssl/jobferry/{name}", str(certificate))
    for theirs, ours in zip((8377, 8378), gateways, strict=True):
        site = site.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{ours}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(_command(folder, site), stdout=log, stderr=log)
    try:
        eventually(lambda: _takes_connections(port) or process.poll() is not None, 10)
        assert process.poll() is None, (folder / "log").read_text()
        yield Nginx(port, process)
    finally:
        process.terminate()
        process.wait()
        print(f"--- nginx\n{(folder / 'log').read_text()[-4000:]}")


def complaints(folder: Path, site: str) -> str:
    """What nginx has against this site; empty if nothing."""
    asked = [*_command(folder, site), "-t", "-q"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stderr


def _command(folder: Path, site: str) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "site").write_text(site)
    (folder / "conf").write_text(MAIN.format(folder=folder, user=user))
    return [str(program()), "-p", str(folder), "-c", str(folder / "conf")]


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
