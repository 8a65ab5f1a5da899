"""An application on a device: ``python -m chaos.device CONFIG``, a JSON object.

It submits, cancels, reads back what it wrote, and writes down what it did and what it saw, until it is
killed; once the file ``hush`` is there it only looks on. Started again it goes on where it was. What its
database refuses it leaves.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.history import History, read
from jobferry_client import JobClient, NewJob, backoff
from jobferry_client.connection import Timing
from jobferry_client.errors import ClientError, JobNotFound
from jobferry_client.file import sqlite3
from jobferry_shared.errors import JobferryError

__all__ = ["LONGEST_JOB", "Config"]

#: A line that is dead is found dead in the time of a test.
TIMING = Timing(heartbeat=0.5, silence=2.0, connect=2.0)
LOOK_SECONDS = 0.05
#: Most jobs in one submit; of so many submitted last one is cancelled now and then.
MOST = 5
RECENT = 30
CANCELS = 0.12
#: Attempts are spent by the dozen here.
ATTEMPTS = 1000
#: Some jobs take up to so long, in seconds, that their processor loses them at work.
LONGEST_JOB = 1.0

WORDS = ("earlier", "later", "uncancelled", "slipped", "number")
SEEN = "SELECT rowid AS number, * FROM diary WHERE rowid > ? ORDER BY rowid"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Who the device is. ``pause`` is between its operations, in seconds on average, and ``cap`` the
    longest between its tries to connect.
    """

    name: str
    path: str
    history: str
    hush: str
    url: str
    token: str
    seed: int
    pause: float
    cap: float


class Device:
    """One life of the application."""

    def __init__(self, config: Config) -> None:
        self._config = config
        lives = read(Path(config.history))
        self._history = History(Path(config.history))
        self._history.note("began")
        self._chance = random.Random(f"{config.seed} {len(lives)}")
        tried = [n for line in lives if line["did"] == "trying" for n in line["numbers"]]
        self._number = max(tried, default=0)
        self._seen = max((line["number"] for line in lives if line["did"] == "saw"), default=0)
        self._recent: list[str] = []
        self._wrote = [job for line in lives if line["did"] == "submitted" for job in line["jobs"]]
        self._cancelled = [line["job"] for line in lives if line["did"] == "cancelled"]

    def run(self) -> None:
        """Write and look on for ever."""
        threading.Thread(target=self._look_on, daemon=True).start()
        while True:
            with self._forgiving():
                self._use_client()
            time.sleep(LOOK_SECONDS)

    def _use_client(self) -> None:
        config = self._config
        with JobClient(config.path, config.url, config.token, timing=TIMING) as client:
            self._read_back(client)
            while True:
                if not Path(config.hush).exists():
                    with self._forgiving():
                        self._operate(client)
                time.sleep(self._chance.expovariate(1 / config.pause))

    def _read_back(self, client: JobClient) -> None:
        """What earlier lives wrote is there in this one, too."""
        while self._wrote:
            self._expect_here(client, self._wrote[-1])
            self._wrote.pop()
        while self._cancelled:
            self._expect_cancelled(client, self._cancelled[-1])
            self._cancelled.pop()

    def _operate(self, client: JobClient) -> None:
        if self._recent and self._chance.random() < CANCELS:
            self._cancel(client)
        else:
            self._submit(client)

    def _submit(self, client: JobClient) -> None:
        count = self._chance.randint(1, MOST)
        numbers = list(range(self._number + 1, self._number + count + 1))
        self._number += count
        self._history.note("trying", numbers=numbers)
        new = [self._new(number) for number in numbers]
        ids = [str(job.id) for job in client.submit_many(new)]
        self._history.note("submitted", jobs=ids)
        for job in ids:
            self._expect_here(client, job)
        self._recent = (self._recent + ids)[-RECENT:]

    def _new(self, number: int) -> NewJob:
        task = self._chance.choices(("quick", "threaded", "default", "booking"), (5, 2, 2, 1))[0]
        seconds = self._chance.uniform(0, LONGEST_JOB)
        payload = {"device": self._config.name, "n": number, "seconds": round(seconds, 3)}
        return NewJob(task=task, payload=payload, max_attempts=ATTEMPTS)

    def _cancel(self, client: JobClient) -> None:
        job = self._chance.choice(self._recent)
        client.cancel(job)
        self._history.note("cancelled", job=job)
        self._expect_cancelled(client, job)

    def _expect_here(self, client: JobClient, job: str) -> None:
        try:
            client.get(job)
        except JobNotFound as error:
            self._history.note("unread", job=job, found=str(error))

    def _expect_cancelled(self, client: JobClient, job: str) -> None:
        found = client.get(job)
        if not (found.cancel_requested or found.finished):
            self._history.note("unread", job=job, found=found.state)

    def _look_on(self) -> None:
        """Write down each change of a job that the file has seen, once."""
        while True:
            with self._forgiving():
                self._note_seen()
            time.sleep(LOOK_SECONDS)

    def _note_seen(self) -> None:
        uri = Path(self._config.path).as_uri() + "?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            for row in connection.execute(SEEN, (self._seen,)):
                words = {name: row[name] for name in WORDS}
                self._history.note("saw", job=row["id"], **words)
                self._seen = row["number"]
        finally:
            connection.close()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """A file that can't be written or read this moment is no reason to end."""
        try:
            yield
        except (ClientError, JobferryError, sqlite3.Error) as error:
            self._history.note("refused", reason=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    config = Config(**json.loads(sys.argv[1]))
    backoff.CAP_SECONDS = config.cap
    Device(config).run()
