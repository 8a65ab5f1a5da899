"""``jobferry prune``."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from jobferry_server.commands.options import as_json, dsn, duration
from jobferry_server.prune import BATCH, Pruned, count_prunable
from jobferry_server.prune import prune as pruning

__all__ = ["prune"]


@click.command()
@dsn
@click.option(
    "--older-than",
    type=duration,
    required=True,
    help="Jobs that finished longer ago than this, such as 90d (s, m, h, d, w).",
)
@click.option(
    "--archive",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=lambda *given: _in_a_folder(given[-1]),
    help="Append what goes to this file first, as JSON lines.",
)
@click.option(
    "--forget-after",
    type=duration,
    default="365d",
    show_default=True,
    help="Devices that were away for longer are forgotten, and read everything anew if they come.",
)
@click.option(
    "--batch", type=click.IntRange(1), default=BATCH, show_default=True, help="Jobs at once."
)
@click.option("--dry-run", is_flag=True, help="Only say how many jobs would go.")
@as_json
def prune(
    dsn: str,
    older_than: timedelta,
    archive: Path | None,
    forget_after: timedelta,
    batch: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take jobs that finished long ago, and their events, out of ledger and audit log.

    The owners' devices drop them too. Works in batches; may be stopped and started again, and run
    twice at once. What is in the archive was on disk before it left the database; after a kill a job
    may be in it twice. One event 'pruned' for each batch stays in the audit log.
    """
    if dry_run:
        found = count_prunable(dsn, older_than)
        click.echo(json.dumps({"prunable": found}) if as_json else f"{found} jobs would go")
        return
    steps = pruning(dsn, older_than, archive=archive, forget_after=forget_after, batch=batch)
    last = _show(steps)
    click.echo(_json(last, archive) if as_json else _words(last, archive))


def _show(steps: Iterable[Pruned]) -> Pruned:
    """Draw a bar on a terminal; the last step."""
    console = Console(stderr=True)
    text = TextColumn("{task.fields[jobs]} jobs")
    with Progress(
        text, BarColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("prune", total=None, jobs=0)
        for step in steps:
            bar.update(task, total=step.blocks, completed=step.done, jobs=step.jobs)
    return step


def _in_a_folder(archive: Path | None) -> Path | None:
    """Said before the first job is looked for, which may be months later."""
    if archive and not archive.parent.is_dir():
        raise click.BadParameter(f"there is no folder {archive.parent}")
    return archive


def _json(found: Pruned, archive: Path | None) -> str:
    return json.dumps(
        {
            "jobs": found.jobs,
            "events": found.events,
            "tombstones": found.tombstones,
            "devices": found.devices,
            "finished_before": found.finished_before.isoformat(),
            "archive": archive and str(archive),
        }
    )


def _words(found: Pruned, archive: Path | None) -> str:
    where = f", archived in {archive}" if archive and found.jobs else ""
    return (
        f"pruned {found.jobs} jobs and {found.events} events{where};"
        f" forgot {found.tombstones} tombstones and {found.devices} devices"
    )
