"""The acts in which there is something to look at: results, history, and the account."""

from collections.abc import Sequence
from uuid import UUID

from jobferry_client import Job
from jobferry_demo.story.account import account_of
from jobferry_demo.story.errors import DemoFailed
from jobferry_demo.story.findings import (
    actors,
    checksum_table,
    history_table,
    impossible_wind,
    summary_table,
    thumbnail_table,
)
from jobferry_demo.story.ledger import Event, Ledger
from jobferry_demo.story.pictures import gallery
from jobferry_demo.story.stage import Stage
from jobferry_demo.summaries import Summary

__all__ = ["settle", "show_history", "show_results"]


def show_results(stage: Stage, jobs: Sequence[Job]) -> None:
    """What the jobs returned, read from the device's file."""
    done = [job for job in jobs if job.completed]
    stage.act(
        "The results, in the device's own file",
        "Each is in the row its job was submitted in; no network is needed to read them.",
    )
    _show_thumbnails(stage, [job for job in done if job.task == "thumbnail"])
    for job in done:
        if job.task == "summary":
            _show_summary(stage, Summary.model_validate(job.result))
    stage.blank()
    stage.show(checksum_table([job for job in done if job.task == "checksum"]))
    stage.pause(3)


def show_history(stage: Stage, jobs: Sequence[Job], events: Sequence[Event]) -> None:
    """The audit log, short."""
    stage.act(
        "The audit log",
        "Every step of every job, written in the transaction that made it; times are in seconds."
        " An [b]attempt[/b] begins with started: a job that fails gets another.",
    )
    stage.show(history_table(jobs, events))
    stage.note(f"{len(events)} events: {actors(events)}")
    stage.pause(2)


def settle(stage: Stage, jobs: Sequence[Job], ledger: Ledger, device: UUID) -> None:
    """State what was submitted, run and returned; :class:`DemoFailed` unless all of it was."""
    account = account_of(jobs, ledger.entries(device), ledger.events(device))
    stage.sum_up(account.words())
    if complaint := account.complaint():
        raise DemoFailed(complaint)


def _show_thumbnails(stage: Stage, jobs: Sequence[Job]) -> None:
    if pictures := gallery(stage.console, jobs):
        stage.blank()
        stage.show(pictures)
    stage.blank()
    stage.show(thumbnail_table(jobs))
    stage.pause(2)


def _show_summary(stage: Stage, summary: Summary) -> None:
    stage.blank()
    stage.show(summary_table(summary))
    if (wind := impossible_wind(summary)) is not None:
        stage.note(f"no wind blows at {wind:,.0f} mph: the summary has found an instrument's error")
