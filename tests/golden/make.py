"""Keep what this release writes: ``PYTHONPATH=tests python -m golden.make`` once for each release.

Writes ``<version>.db``, a device's file, and ``<version>.sql``, its ledger, both of the same story. What
is there already is left as it is: a release does not change. (Before 0.1.0 is released its migrations
may; then delete its files and make them anew.)
"""

import shutil
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from jobferry_client import JobClient
from jobferry_server import Job, Processor, TaskError
from jobferry_shared import __version__
from support.dumps import dump
from support.postgres import open_server
from support.services import Services, token

__all__ = ["main"]

HERE = Path(__file__).parent
SOON = 30


def main() -> None:
    """Write what is missing."""
    with open_server() as server, server.database() as dsn, TemporaryDirectory() as folder:
        till = Path(folder) / "till.db"
        with Services(dsn) as services:
            _live(till, services)
        file, ledger = HERE / f"{__version__}.db", HERE / f"{__version__}.sql"
        if not file.exists():
            shutil.copy(till, file)
        if not ledger.exists():
            ledger.write_text(_portable(dump(dsn)), encoding="utf-8")


def _live(till: Path, services: Services) -> None:
    """A device's life until it is offline: one job in every state."""
    with services.gateway(payload_bytes=10_000) as url, JobClient(till, url, token()) as client:
        waiting = client.submit("nobody's", {"is": "queued"}, queue_name="q", flags=["f"])
        client.submit("nobody's", {"is": "keyed"}, job_key="key")
        client.cancel(client.submit("nobody's", {"is": "cancelled"}).id)
        client.submit("t", "x" * 20_000)
        client.sync(SOON)
        with services.processor(_processor()):
            done = client.submit("t", {"is": "completed"})
            failed = client.submit("t", {"fail": True}, max_attempts=1)
            assert client.wait(done.id, SOON).result == {"got": {"is": "completed"}}
            assert client.wait(failed.id, SOON).error is not None
        client.sync(SOON)
    with JobClient(till) as offline:
        offline.submit("t", {"is": "pending"})
        offline.cancel(waiting.id)


def _processor() -> Processor:
    processor = Processor()

    @processor.task("t")
    def work(job: Job) -> object:
        if job.payload.get("fail"):
            raise TaskError("it was asked to")
        return {"got": job.payload}

    return processor


def _portable(sql: str) -> str:
    """Whoever loads it owns it; the engine's functions stay the engine's. Whose machine it was is left out."""
    sql = sql.replace("OWNER TO postgres;", "OWNER TO CURRENT_USER;")
    return sql.replace(socket.gethostname(), "host")


if __name__ == "__main__":
    main()
