"""A real PgBouncer before a server, where one is installed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg.conninfo import conninfo_to_dict

from support.processes import eventually
from support.proxy import free_port

__all__ = ["PGBOUNCER", "pooled"]

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pooled(dsn: str, mode: str) -> Iterator[str]:
    """The same database by way of a pooler in ``transaction`` or ``session`` mode."""
    assert PGBOUNCER is not None
    parts = conninfo_to_dict(dsn)
    host, port = str(parts.get("host") or "127.0.0.1"), free_port()
    with TemporaryDirectory(prefix="jobferry-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(CONFIGURATION.format(server=_server(parts, host), port=port, mode=mode))
        Path(folder).chmod(0o755)
        process = subprocess.Popen(
            [PGBOUNCER, "--quiet", str(settings)], user=_somebody(host), stderr=subprocess.DEVNULL
        )
        try:
            eventually(lambda: _answers(port), seconds=10, every=0.02)
            yield f"postgresql://{parts.get('user') or 'postgres'}@127.0.0.1:{port}/{parts['dbname']}"
        finally:
            process.terminate()
            process.wait(10)


def _server(parts: Mapping[str, object], host: str) -> str:
    server = {"host": host, "port": parts.get("port") or 5432, "user": parts.get("user")}
    password = {"password": parts["password"]} if parts.get("password") else {}
    return " ".join(f"{name}={value}" for name, value in (server | password).items())


def _somebody(host: str) -> int | None:
    """It refuses to run as root; whoever owns the server's socket may reach it."""
    if os.geteuid() != 0:
        return None
    return Path(host).stat().st_uid if host.startswith("/") else 65534


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
