"""Work that is only there to be watched: it sleeps, or it fails."""

import asyncio

from pydantic import Field

from jobferry_demo.wire import Message, OnProgress, no_progress


class SleepIn(Message):
    """The payload of `sleep`."""

    seconds: float = Field(ge=0, le=3600)
    """All in all."""
    steps: int = Field(default=10, ge=1, le=10_000)
    """Reports of progress, evenly spread."""


class Slept(Message):
    """The result of `sleep`, in seconds as asked for."""

    slept: float


class FailIn(Message):
    """The payload of `fail`."""

    message: str = Field(default="this job was told to fail", min_length=1, max_length=10_000)
    """What the error says."""
    times: int | None = Field(default=None, ge=0)
    """Succeed after so many failed attempts; None: never."""


class Recovered(Message):
    """The result of `fail`, if it has one."""

    attempts: int
    """The attempt that succeeded, from 1."""


async def sleep_in_steps(request: SleepIn, on_progress: OnProgress = no_progress) -> Slept:
    """Sleep, reporting after each step."""
    for step in range(request.steps):
        await asyncio.sleep(request.seconds / request.steps)
        on_progress((step + 1) / request.steps)
    return Slept(slept=request.seconds)


def fail_until(request: FailIn, attempt: int) -> Recovered:
    """Raise RuntimeError, or succeed once `attempt` (from 1) is past `request.times`."""
    if request.times is None or attempt <= request.times:
        raise RuntimeError(request.message)
    return Recovered(attempts=attempt)
