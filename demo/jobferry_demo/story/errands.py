"""What the device wants done: real work on real data, and two sleeps to be watched."""

import base64
import gzip
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobferry_client import Job, NewJob
from jobferry_demo.data import photos, weather_table

__all__ = [
    "FOREIGN_SQL",
    "errands",
    "in_order",
    "insert_by_a_foreign_program",
    "is_unwanted",
    "label",
    "note",
]

MEGABYTES = 300
DISK = "disk"
"""The named queue of the checksums: they share a disk, and jobs of one queue run one at a time."""

LONG_SECONDS = 16.0
"""Long enough to be running while the gateway is away."""

UNWANTED_SECONDS = 60.0
"""So long that the story could not end in time if its cancellation did not arrive."""

FOREIGN_SQL = f"""\
INSERT INTO background_jobs (task, queue_name, payload)
VALUES ('checksum', '{DISK}', '{{"megabytes": {MEGABYTES}, "seed": 3}}')"""  # noqa: S608 - constants

_FOREIGN_PROGRAM = """\
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as file:
    file.execute(sys.argv[2])
"""

_ORDER = ("thumbnail", "summary", "checksum", "sleep", "echo")


def errands() -> list[NewJob]:
    """What is submitted while the device is offline."""
    return [
        *(NewJob(task="thumbnail", payload=_photo(p.name, p.read_bytes())) for p in photos()),
        NewJob(task="summary", payload={"csv_gzip": _text(gzip.compress(_table()))}),
        _checksum(seed=1),
        _checksum(seed=2),
        NewJob(task="sleep", payload={"seconds": LONG_SECONDS, "steps": 160}),
        NewJob(task="sleep", payload={"seconds": UNWANTED_SECONDS, "steps": 600}),
    ]


def is_unwanted(job: Job) -> bool:
    """Is this the job that is going to be cancelled?"""
    return job.task == "sleep" and job.payload["seconds"] == UNWANTED_SECONDS


def note() -> NewJob:
    """What is submitted while the gateway is dead."""
    return NewJob(task="echo", payload={"note": "from the outage"})


def insert_by_a_foreign_program(path: Path) -> None:
    """Run :data:`FOREIGN_SQL` in a process that imports ``sqlite3`` and nothing of ours."""
    # Not in this one: two SQLite libraries in a process, ours and Python's, break each other's locks.
    subprocess.run(  # noqa: S603 - the few lines above
        [sys.executable, "-I", "-c", _FOREIGN_PROGRAM, str(path), FOREIGN_SQL], check=True
    )


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """By task and name: the list a person can follow while the jobs end in any order."""
    return sorted(jobs, key=lambda job: (_ORDER.index(job.task), label(job)))


def label(job: Job) -> str:
    """What a person would call it."""
    match job.task:
        case "thumbnail":
            return str(job.payload["name"])
        case "summary":
            return weather_table().name
        case "checksum":
            return f"file {job.payload['seed']}, {job.payload['megabytes']} MB"
        case "sleep":
            return f"{job.payload['seconds']:.0f} seconds"
        case _:
            return str(job.payload["note"])


def _photo(name: str, photo: bytes) -> dict[str, Any]:
    return {"name": name, "photo": _text(photo)}


def _checksum(seed: int) -> NewJob:
    return NewJob(task="checksum", payload={"megabytes": MEGABYTES, "seed": seed}, queue_name=DISK)


def _table() -> bytes:
    return weather_table().read_bytes()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
