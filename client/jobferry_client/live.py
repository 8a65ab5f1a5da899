"""Jobs in a terminal while they move: a list that is watched, and one job that is waited for."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from datetime import datetime
from uuid import UUID

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from jobferry_client.client import JobClient
from jobferry_client.errors import ClientError
from jobferry_client.output import job_table, plain
from jobferry_client.state import ClientStatus, ConnectionState
from jobferry_shared.job import Job

__all__ = ["LOOK_SECONDS", "changed_lines", "in_words", "show_live", "wait_shown"]

#: How often what is shown is looked at again.
LOOK_SECONDS = 0.1
#: So long nobody wonders what is waited for.
QUIET_SECONDS = 2.0


def changed_lines(lists: Iterable[list[Job]]) -> Iterator[str]:
    """A line for each job that is new in a list or shows another state than in the one before."""
    shown: dict[UUID, str] = {}
    for jobs in lists:
        states = {job.id: plain(f"{job.task}  {job.state}") for job in jobs}
        for job in reversed(jobs):
            if shown.get(job.id) != states[job.id]:
                yield f"{datetime.now().astimezone():%H:%M:%S}  {job.id}  {states[job.id]}"
        shown = states


def show_live(console: Console, client: JobClient, lists: Iterable[list[Job]]) -> None:
    """Draw the newest list with its bars, and below how it stands with the gateway."""
    newest: list[Job] = []

    def drawn() -> RenderableType:
        return Group(job_table(newest, console), Text(), Text(in_words(client.status()), "dim"))

    with Live(console=console, get_renderable=drawn) as live:
        for newest in lists:  # noqa: B007 - it is what is drawn
            live.refresh()


def wait_shown(client: JobClient, job: Job, timeout: float | None, *, quiet: bool) -> Job:
    """The job once it has ended, drawn meanwhile; an error if it is no use to wait any longer."""
    end = math.inf if timeout is None else time.monotonic() + timeout
    console = Console()
    drawn = console.is_terminal and not quiet
    with (
        Live(console=console, auto_refresh=False, transient=True)
        if drawn
        else nullcontext() as live
    ):
        tell = _drawing(live, console) if live else _saying()
        while not (job := client.get(job.id)).finished:
            status = client.status()
            tell(job, in_words(status))
            _give_up(status, job, timeout if time.monotonic() >= end else None)
            with suppress(TimeoutError):
                client.wait(job.id, min(LOOK_SECONDS, end - time.monotonic()))
    return job


def _drawing(live: Live, console: Console) -> Callable[[Job, str], None]:
    return lambda job, standing: live.update(
        Group(job_table([job], console), Text(standing, "dim")), refresh=True
    )


def _saying() -> Callable[[Job, str], None]:
    """On standard error, each time it has changed: who waits for nothing should know."""
    begun, said = time.monotonic(), ""

    def tell(job: Job, standing: str) -> None:
        nonlocal said
        words = f"{job.status.value}; {standing}"
        if words != said and time.monotonic() >= begun + QUIET_SECONDS:
            click.echo(words, err=True)
            said = words

    return tell


def in_words(status: ClientStatus) -> str:
    """How a device stands with its gateway, and what is unsent."""
    words = status.state.value + (f": {status.reason}" if status.reason else "")
    return plain(f"{words} · {status.pending} unsent")


def _give_up(status: ClientStatus, job: Job, waited: float | None) -> None:
    """Raise if it is no use to wait, or was waited long enough."""
    if status.state is ConnectionState.NEEDS_AUTH:
        raise ClientError(f"the gateway wants a token: {status.reason}", code="unauthenticated")
    if waited is not None:
        reason = plain(status.reason or status.state.value)
        raise click.ClickException(
            f"job {job.id} is still {job.state} after {waited:g} s; {reason}"
        )
