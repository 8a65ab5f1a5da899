"""The processor that fault tests run as a process: its handlers leave a trace of what they did.

``JOBFERRY_TEST_EFFECTS`` names the file. Each line is one effect, written with one system call, so
that a killed process leaves no half of it.
"""

import asyncio
import json
import os
import time
from typing import Any

from jobferry_server import Job, JobCancelled, Processor

processor = Processor()

_trace = os.open(os.environ["JOBFERRY_TEST_EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def leave(effect: str, job: Job) -> None:
    """Write down that this happened to the job."""
    line = {"effect": effect, "job": str(job.id), "attempt": job.attempt, "at": time.time()}
    os.write(_trace, json.dumps(line | {"pid": os.getpid()}).encode() + b"\n")


@processor.task()
async def default(job: Job) -> Any:
    """A few milliseconds of work; ``{"seconds": s}`` for more."""
    leave("began", job)
    payload = job.payload
    await asyncio.sleep(payload.get("seconds", 0.005) if isinstance(payload, dict) else 0.005)
    leave("ended", job)
    return {"got": payload, "attempt": job.attempt}


@processor.task("quick")
async def quick(job: Job) -> Any:
    """No work."""
    leave("began", job)
    return {"got": job.payload}


@processor.task("threaded")
def threaded(job: Job) -> Any:
    """Work on a thread, which reports progress."""
    leave("began", job)
    for step in range(10):
        time.sleep(0.001)
        job.progress((step + 1) / 10)
    return {"got": job.payload}


@processor.task("computing")
def computing(job: Job) -> None:
    """Computes for ever and never looks whether it should."""
    leave("began", job)
    try:
        while True:
            pass
    except JobCancelled:
        leave("told", job)
        raise


@processor.task("reporting")
def reporting(job: Job) -> None:
    """Reports progress for ever, and learns from it that it should stop."""
    leave("began", job)
    try:
        while True:
            time.sleep(0.01)
            job.progress(0.5)
    except JobCancelled:
        leave("told", job)
        raise


@processor.task("sleeping")
def sleeping(job: Job) -> None:
    """Sleeps in a call into C, where nothing can be told to it."""
    leave("began", job)
    time.sleep(30)


@processor.task("awaiting")
async def awaiting(job: Job) -> None:
    """Waits for ever on the event loop."""
    leave("began", job)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        leave("told", job)
        raise


@processor.task("hatching")
async def hatching(job: Job) -> None:
    """Awaits something that was cancelled by somebody else, as libraries do now and then."""
    leave("began", job)
    other = asyncio.ensure_future(asyncio.sleep(3600))
    other.cancel()
    await other


@processor.task("booking", retry=lambda _: 0.2)
async def booking(job: Job) -> None:
    """An effect outside, and one in the transaction of the job's completion."""
    leave("began", job)
    connection = await job.connection
    await connection.execute("insert into bookings (job) values ($1)", job.id)


@processor.task("alone", retry=lambda _: 0.2)
async def alone(job: Job) -> None:
    """A job of a named queue: it writes down from when to when it had its turn."""
    leave("began", job)
    connection = await job.connection
    began = await connection.fetchval("select clock_timestamp()")
    await asyncio.sleep(0.002)
    await connection.execute("insert into bookings (job) values ($1)", job.id)
    await connection.execute(
        "insert into turns (queue, began, ended) values ($1, $2, clock_timestamp())",
        *(job.payload["queue"], began),
    )
