"""Programs that submit jobs and are killed at it: ``python -m support.writers KIND FILE ROWS SEED``.

Each writes a line with the ids of a transaction to its standard output once the commit has returned,
with one system call: what the reader of the pipe has, was promised.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobferry_client import JobClient, NewJob

KINDS = ("plain", "client")
#: Most jobs in one transaction.
MOST = 6


def _promise(ids: list[str]) -> None:
    os.write(1, " ".join(ids).encode() + b"\n")


def _plain(path: str, rows: int, chance: random.Random) -> None:
    """A foreign program: nothing but sqlite3 and SQL."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    while rows > 0:
        number = min(rows, chance.randint(1, MOST))
        connection.execute("BEGIN IMMEDIATE")
        ids = [
            connection.execute(
                "INSERT INTO background_jobs (payload) VALUES (?) RETURNING id",
                (json.dumps({"plain": chance.random()}),),
            ).fetchone()[0]
            for _ in range(number)
        ]
        connection.execute("COMMIT")
        _promise(ids)
        rows -= number
    connection.close()


def _client(path: str, rows: int, chance: random.Random) -> None:
    """An application with our own client, offline."""
    with JobClient(path) as client:
        while rows > 0:
            number = min(rows, chance.randint(1, MOST))
            new = [NewJob(task="quick", payload={"client": chance.random()}) for _ in range(number)]
            _promise([str(job.id) for job in client.submit_many(new)])
            rows -= number


@dataclass(slots=True)
class Backlog:
    """A file that writers filled, offline, over several lives."""

    path: Path
    #: The ids whose commit returned.
    promised: set[str] = field(default_factory=set)
    lives: int = 0

    @property
    def written(self) -> set[str]:
        """The ids that are in the file: the promised, and perhaps what was committed unheard."""
        with sqlite3.connect(self.path) as connection:
            found = {row[0] for row in connection.execute("SELECT id FROM background_jobs")}
        connection.close()
        return found

    def copy(self, path: Path) -> Path:
        """The same device, for another test."""
        source, target = sqlite3.connect(self.path), sqlite3.connect(path)
        source.backup(target)
        source.close()
        target.close()
        return path


def killed_writers(path: Path, rows: int, chance: random.Random) -> Backlog:
    """Fill a file with ``rows`` jobs or a few more, killing each writer but the last of a kind."""
    backlog = Backlog(path)
    JobClient(path).close()
    while (left := rows - len(backlog.written)) > 0:
        kind = KINDS[backlog.lives % len(KINDS)]
        last_one = left <= rows // 10
        _live(backlog, kind, left if last_one else 10 * rows, chance, kill=not last_one)
    return backlog


def _live(backlog: Backlog, kind: str, rows: int, chance: random.Random, *, kill: bool) -> None:
    backlog.lives += 1
    seed = str(chance.getrandbits(32))
    writer = subprocess.Popen(
        [sys.executable, "-m", "support.writers", kind, backlog.path, str(rows), seed],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
    )
    with writer:
        assert writer.stdout is not None
        if kill:
            for _ in range(chance.randint(1, 50)):
                backlog.promised |= _ids(writer.stdout.readline())
            # Anywhere within a transaction, which takes about so long.
            time.sleep(chance.uniform(0, 0.005))
            writer.kill()
        for line in writer.stdout:
            backlog.promised |= _ids(line)
    assert kill or writer.returncode == 0


def _ids(line: bytes) -> set[str]:
    return set(line.decode().split())


if __name__ == "__main__":
    kind, path, rows, seed = sys.argv[1:]
    {"plain": _plain, "client": _client}[kind](path, int(rows), random.Random(int(seed)))
