"""A device in a process of its own. ``python -m benchmarks.device MODE FILE URL TOKEN [MORE]``.

Prints JSON objects, one a line. Seconds count from the moment the client is made, which connects.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.jobs import TASK, payload
from jobferry_client import JobClient
from jobferry_client.file import sqlite3

MOST_SECONDS = 90.0
LOOK_SECONDS = 0.01
#: Each looks at one row until the last has come, and only then at all of them.
SENT = "SELECT NOT EXISTS (SELECT 1 FROM _jobferry_outbox)"
DONE = """
SELECT CASE WHEN (SELECT completed FROM background_jobs ORDER BY rowid DESC LIMIT 1)
  THEN NOT EXISTS (SELECT 1 FROM background_jobs WHERE completed = 0) ELSE 0 END
"""
WARM_UP = 10
WAITERS = 8

Answer = dict[str, Any]


def main() -> None:
    """Do what the arguments say."""
    mode, path, url, token, *more = sys.argv[1:]
    match mode:
        case "push":
            answer = timed(path, url, token, lambda _: look_until(path, SENT))
        case "circle":
            answer = timed(path, url, token, lambda _: look_until(path, DONE))
        case "fetch":
            answer = timed(path, url, token, lambda client: client.sync(MOST_SECONDS))
        case "submit":
            answer = submit_steadily(path, url, token, *map(float, more))
        case _:
            hold(path, url, token)
            return
    print(json.dumps(answer), flush=True)


def timed(path: str, url: str, token: str, until: Callable[[JobClient], object]) -> Answer:
    """How long it takes until something is so, and this process's CPU time for it."""
    began, cpu = time.monotonic(), time.process_time()
    with JobClient(path, url, token) as client:
        until(client)
        return {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


def look_until(path: str, query: str) -> None:
    """Wait until a query of the file says yes."""
    connection = sqlite3.connect(path)
    end = time.monotonic() + MOST_SECONDS
    while not connection.execute(query).fetchone()[0]:
        if time.monotonic() > end:
            raise TimeoutError(f"after {MOST_SECONDS:.0f} s still: {query}")
        time.sleep(LOOK_SECONDS)
    connection.close()


def submit_steadily(path: str, url: str, token: str, rate: float, seconds: float) -> Answer:
    """Submit at a steady rate, whatever becomes of it; how long each took."""
    with JobClient(path, url, token) as client, ThreadPoolExecutor(WAITERS) as waiters:
        client.sync(30)
        for _ in range(WARM_UP):
            there_and_back(client)
        began = time.monotonic()
        coming = []
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            coming.append(waiters.submit(there_and_back, client))
        return {"samples": [sample.result() for sample in coming]}


def there_and_back(client: JobClient) -> tuple[float, float]:
    """Milliseconds from before the INSERT until its result is read, and until it was begun."""
    began = time.monotonic_ns()
    job = client.submit(TASK, payload(0))
    done = client.wait(job.id, timeout=30)
    return (time.monotonic_ns() - began) / 1e6, (done.result["at"] - began) / 1e6


def hold(path: str, url: str, token: str) -> None:
    """Be connected and do nothing; tell one's CPU seconds for each line, until there are no more."""
    with JobClient(path, url, token) as client:
        client.sync(30)
        print("{}", flush=True)
        for _ in sys.stdin:
            print(json.dumps({"cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
