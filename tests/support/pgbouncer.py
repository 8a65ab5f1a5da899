"""A PgBouncer before a test's database; in transaction mode it hardly ever gives the same connection."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from jobferry_server.database import in_force
from support.processes import eventually
from support.proxy import Proxy, free_port, postgres_target

__all__ = ["Pooler", "installed", "login", "part_login", "pooler"]

PASSWORD = "for this pooler only"
#: Fewer than a gateway has connections, so that they have to share.
SERVER_CONNECTIONS = 3

INI = """
[databases]
{database} = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
server_round_robin = 1
{more}
"""


def installed() -> bool:
    """Is there a PgBouncer on this machine?"""
    return _program() is not None


def _program() -> str | None:
    return shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")


@contextmanager
def login(dsn: str, name: str, *roles: str, **settings: str) -> Iterator[str]:
    """A login that may act in these roles, and begins with these settings."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        made, password = sql.Identifier(name), sql.Literal(PASSWORD)
        connection.execute(sql.SQL("create role {} login password {}").format(made, password))
        try:
            for role in roles:
                connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), made))
            for setting, value in settings.items():
                set_it = sql.SQL("alter role {} set {} = {}")
                connection.execute(set_it.format(made, sql.Identifier(setting), sql.Literal(value)))
            yield name
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(made))
            connection.execute(sql.SQL("drop role {}").format(made))


@contextmanager
def part_login(dsn: str, role: str) -> Iterator[str]:
    """A login for one part, with all in force that it needs."""
    with login(dsn, f"{role}_{os.getpid()}", role, **in_force(role)) as name:
        yield name


class Pooler:
    """Where it listens."""

    def __init__(self, port: int, database: str) -> None:
        self._port = port
        self._database = database

    def dsn(self, user: str) -> str:
        """The database by way of the pooler, as this login."""
        return f"postgresql://{user}@127.0.0.1:{self._port}/{self._database}"


@contextmanager
def pooler(dsn: str, *users: str, mode: str = "transaction", more: str = "") -> Iterator[Pooler]:
    """A PgBouncer that lets these logins in, with ``more`` in its configuration."""
    database = str(conninfo_to_dict(dsn)["dbname"])
    with TemporaryDirectory() as folder, Proxy(postgres_target(dsn)) as server:
        port = free_port()
        words = {
            "database": database,
            "server": server.port,
            "port": port,
            "folder": folder,
            "mode": mode,
            "more": more,
        }
        Path(folder, "ini").write_text(INI.format(**words, size=SERVER_CONNECTIONS))
        Path(folder, "users").write_text("".join(f'"{user}" "{PASSWORD}"\n' for user in users))
        Path(folder).chmod(0o755)
        with _running(Path(folder)):
            found = Pooler(port, database)
            eventually(lambda: _answers(found.dsn(users[0])), 10)
            yield found


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    program = _program()
    assert program is not None
    # It does not run as root.
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, folder / "ini"], user=user, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        print(f"--- pgbouncer\n{(folder / 'log').read_text()[-4000:]}")


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
