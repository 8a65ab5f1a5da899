"""Handlers that say in which trace they run; another process must be able to find them here.

There OpenTelemetry is set up by nobody: what arrives in the process is the job's own word.
"""

from typing import Any

from opentelemetry import trace

from jobferry_server import Job, TaskError


def _here() -> dict[str, Any]:
    found = trace.get_current_span().get_span_context()
    return {"trace": f"{found.trace_id:032x}", "span": f"{found.span_id:016x}"}


def on_thread(job: Job) -> dict[str, Any]:
    """Runs on a thread or in a process."""
    return _here()


async def on_loop(job: Job) -> dict[str, Any]:
    """Runs on the event loop."""
    return _here()


def fails_once(job: Job) -> dict[str, Any]:
    """Succeeds at the second attempt."""
    if job.attempt == 1:
        raise TaskError("not yet", code="too_early")
    return _here()
