"""The device's jobs, live: bars on a terminal, else a line for what changed."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.live import Live

from jobferry_client import Job, JobClient
from jobferry_demo.story.errands import label
from jobferry_demo.story.errors import DemoFailed
from jobferry_demo.story.sight import WAITING, Sight, look, picture
from jobferry_demo.story.stage import Stage

__all__ = ["Board"]

LOOK_SECONDS = 0.1
PATIENCE = 90.0
"""Seconds until something that does not happen ends the story. A quiet machine needs a tenth."""


class Board:
    """Shows what the device knows, and waits for things to happen.

    ``check`` raises when there is nothing to wait for any more.
    """

    def __init__(self, stage: Stage, client: JobClient, check: Callable[[], None]) -> None:
        self._stage = stage
        self._client = client
        self._check = check
        self._live: Live | None = None
        self._told: dict[object, object] = {}

    def until(self, what: str, happened: Callable[[Sight], bool]) -> Sight:
        """Show what goes on until it has happened; :class:`DemoFailed` if it does not."""
        end = time.monotonic() + PATIENCE
        while not happened(sight := self._look_and_show()):
            self._check()
            if time.monotonic() > end:
                raise DemoFailed(f"after {PATIENCE:.0f} s still not: {what}")
            time.sleep(LOOK_SECONDS)
        return sight

    def watch(self, seconds: float) -> None:
        """Show what goes on for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look_and_show()
            time.sleep(LOOK_SECONDS)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the table at the foot of the terminal while the story goes on above it."""
        if not self._stage.moving:
            yield
            return
        with Live(console=self._stage.console, auto_refresh=False) as self._live:
            yield
        self._live = None

    def _look_and_show(self) -> Sight:
        sight = look(self._client)
        if self._live:
            self._live.update(picture(sight), refresh=True)
        else:
            self._tell_changes(sight.jobs)
        return sight

    def _tell_changes(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            # A line for each quarter of the way is enough for a log.
            stage = (job.status, int(job.progress * 4), job.cancel_requested)
            if self._told.get(job.id) != stage and job.status not in WAITING:
                self._told[job.id] = stage
                self._stage.log(f"{job.task:<10}{label(job):<22}{job.state}")
