"""The device's own view of its jobs at one moment, and how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobferry_client import ClientStatus, ConnectionState, Job, JobClient, Status
from jobferry_demo.story.errands import in_order, label
from jobferry_demo.story.stage import INDENT

__all__ = ["WAITING", "Sight", "job_table", "look", "picture"]

BAR_WIDTH = 24
WAITING = (Status.PENDING, Status.QUEUED)
_COLOURS = {
    Status.PENDING: "yellow",
    Status.RUNNING: "bright_blue",
    Status.RETRYING: "yellow",
    Status.COMPLETED: "green",
    Status.CANCELLED: "magenta",
    Status.FAILED: "red",
    Status.REJECTED: "red",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """What the device knows at one moment, from its own file and its own connection."""

    status: ClientStatus
    jobs: list[Job]

    @property
    def connected(self) -> bool:
        """Is there a gateway?"""
        return self.status.state is ConnectionState.CONNECTED

    @property
    def running(self) -> list[Job]:
        """The jobs of which the device knows that they run."""
        return [job for job in self.jobs if job.status is Status.RUNNING]


def look(client: JobClient) -> Sight:
    """How things stand now."""
    return Sight(client.status(), in_order(client.jobs(limit=100)))


def job_table(jobs: Sequence[Job]) -> Table:
    """Jobs with their states, and a bar for each that has been begun."""
    table = Table.grid(padding=(0, 2))
    begun = any(job.status not in WAITING for job in jobs)
    for width in (9, 18, BAR_WIDTH if begun else 1, None):
        table.add_column(width=width, no_wrap=True)
    for job in jobs:
        table.add_row(job.task, label(job), _bar(job), Text(job.state, style=_colour(job)))
    return table


def picture(sight: Sight) -> RenderableType:
    """The jobs, and the state of the connection below them."""
    lines = Group(Text(), job_table(sight.jobs), _connection(sight))
    return Padding(lines, (0, 0, 0, INDENT))


def _connection(sight: Sight) -> Text:
    unsent = f"   outbox: {sight.status.pending}" if sight.status.pending else ""
    colour = "green" if sight.connected else "red"
    words = sight.status.state.value.replace("_", " ")
    return Text.assemble(("● ", colour), f"device {words}", (unsent, "yellow"))


def _bar(job: Job) -> RenderableType:
    if job.status in WAITING:
        return Text()
    return ProgressBar(
        total=1.0,
        completed=job.progress,
        width=BAR_WIDTH,
        complete_style=_colour(job),
        finished_style=_colour(job),
    )


def _colour(job: Job) -> str:
    return _COLOURS.get(job.status, "dim")
