"""What SQLite does alone: a bare table, WAL, every commit synced."""

import asyncio
import sqlite3
import time
from pathlib import Path

import asyncpg

from benchmarks.jobs import BATCH, OWNER

__all__ = ["bare_file", "download"]

_COLUMNS = (
    'id, "timestamp", payload, completed, cancelled, progress, result, submitted_by, client_id,'
    " task, queue_name, priority, run_at, max_attempts, attempts, job_key, flags, database_id,"
    " status, error, received_at, started_at, finished_at"
)
_SELECT = """
select id::text, "timestamp"::text, payload::text, completed, cancelled, progress, result::text,
  submitted_by, client_id::text, task, queue_name, priority, run_at::text, max_attempts, attempts,
  job_key, flags::text, database_id::text, status, error::text, received_at::text,
  started_at::text, finished_at::text
from public.background_jobs where submitted_by = $1
"""


def bare_file(path: Path) -> sqlite3.Connection:
    """A file with the columns of ``background_jobs`` and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    names = [name for name in _COLUMNS.split(", ") if name != "id"]
    connection.execute(f"CREATE TABLE bare (id TEXT PRIMARY KEY, {', '.join(names)})")
    return connection


def download(dsn: str, path: Path) -> float:
    """Select the owner's rows and insert them into a bare file, 500 a transaction; rows/s."""
    return asyncio.run(_download(dsn, path))


async def _download(dsn: str, path: Path) -> float:
    postgres = await asyncpg.connect(dsn, server_settings={"jit": "off"})
    file = bare_file(path)
    marks = ", ".join("?" * len(_COLUMNS.split(", ")))
    done = 0
    try:
        async with postgres.transaction():
            began = time.perf_counter()
            cursor = await postgres.cursor(_SELECT, OWNER)
            while rows := await cursor.fetch(BATCH):
                file.execute("BEGIN IMMEDIATE")
                file.executemany(f"INSERT INTO bare ({_COLUMNS}) VALUES ({marks})", rows)
                file.execute("COMMIT")
                done += len(rows)
            return done / (time.perf_counter() - began)
    finally:
        file.close()
        await postgres.close()
