"""A device's file full of jobs that were submitted offline."""

from pathlib import Path
from uuid import UUID

from benchmarks.jobs import TASK, Row, payload
from jobferry_client import JobClient, NewJob
from jobferry_client.file import sqlite3
from jobferry_client.rows import parse_time

__all__ = ["fill_file", "rows_in"]

AT_ONCE = 1000


def fill_file(path: Path, number: int) -> None:
    """Submit jobs, as an application does."""
    with JobClient(path) as client:
        for first in range(0, number, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, number))
            client.submit_many(NewJob(task=TASK, payload=payload(n)) for n in numbers)


def rows_in(path: Path) -> list[Row]:
    """The jobs of a file, in the order in which they were submitted."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute(
            "SELECT id, timestamp, payload FROM background_jobs ORDER BY rowid"
        )
        return [Row(UUID(id), parse_time(at), payload) for id, at, payload in found]  # noqa: A001
    finally:
        connection.close()
