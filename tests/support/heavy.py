"""Handlers that run in a process of their own; another process must be able to find them here."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobferry_server import Fail, Job, JobCancelled, Retry, Snooze


class Sum(BaseModel):
    """What to add up."""

    numbers: list[int]


def add(job: Job, wanted: Sum) -> dict[str, Any]:
    """A sum, and where it was made."""
    return {"sum": sum(wanted.numbers), "pid": os.getpid(), "attempt": job.attempt}


def step(job: Job) -> Any:
    """Two steps of progress, each held until a file says go on; a checkpoint."""
    folder = Path(job.payload)
    for number in (1, 2):
        job.checkpoint({"step": number})
        job.progress(number / 4)
        while not (folder / str(number)).exists():
            time.sleep(0.01)
            job.progress(number / 4)
    return job.earlier.checkpoint


def compute(job: Job) -> None:
    """Computes for ever and never looks whether it should; leaves a word when it is told."""
    Path(job.payload, "began").touch()
    try:
        while True:
            pass
    except JobCancelled:
        Path(job.payload, "told").touch()
        raise


def deaf(job: Job) -> None:
    """Nothing can be told to it."""
    Path(job.payload, "began").write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except JobCancelled:
            continue


def die(job: Job) -> None:
    """Takes its process with it."""
    os.kill(os.getpid(), signal.SIGKILL)


def once(job: Job) -> str:
    """Dies on its first attempt."""
    if job.attempt == 1:
        die(job)
    return job.earlier.error.code if job.earlier.error else ""


def unsendable(job: Job) -> object:
    """Returns what another process can't be given."""
    return lambda: None


def raise_one(job: Job) -> None:
    """Raises what the payload says."""
    match job.payload:
        case "retry":
            raise Retry("later", in_=60)
        case "fail":
            raise Fail("no_paper", "the printer has no paper")
        case "snooze":
            raise Snooze(60)
        case _:
            raise ZeroDivisionError("secret")
