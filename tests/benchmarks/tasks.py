"""The processor of the measurements: its one task does nothing, and says when it was begun."""

import time

from benchmarks.jobs import TASK
from jobferry_server import Job, Processor

__all__ = ["processor"]

processor = Processor()


@processor.task(TASK)
async def noop(job: Job) -> dict[str, object]:
    """``at`` is CLOCK_MONOTONIC, in ns: comparable between the processes of one machine."""
    return {"ok": True, "at": time.monotonic_ns()}
