"""``jobferry jobs``."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec
from uuid import UUID

import click

from jobferry_server import jobs as administration
from jobferry_server.commands.options import as_json, dsn, duration, moment
from jobferry_server.commands.printing import cell, json_text, printable
from jobferry_server.commands.tables import print_rows, print_table
from jobferry_server.commands.timeline import in_all, timeline_table
from jobferry_server.jobs import Change, Filter
from jobferry_server.timeline import spans, timeline
from jobferry_shared.states import TRANSITIONS

__all__ = ["jobs"]

P = ParamSpec("P")
Row = dict[str, Any]

STATUSES = sorted({status.value for _, status in TRANSITIONS})
#: What a table of jobs shows, what of it is in one piece, and what a narrow terminal does without.
SHOWN = ("id", "owner", "task", "status", "progress", "attempts", "run_at", "locked_by", "error")
WHOLE = ("id", "status", "run_at")
SPARE = ("locked_by", "attempts", "progress", "run_at", "owner")

FILTERS = (
    click.option("--owner", help="Of this owner."),
    click.option("--device", type=click.UUID, help="Submitted by this device."),
    click.option("--task", help="Of this task."),
    click.option(
        "--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="In this status."
    ),
    click.option("--queue", help="In this named queue."),
    click.option("--key", help="With this job key."),
    click.option("--error", help="Whose last error has this code."),
    click.option("--since", type=moment, help="Received from then on; UTC."),
    click.option("--until", type=moment, help="Received before then; UTC."),
)


def filtered(command: Callable[P, None]) -> Callable[P, None]:
    """The options that say which jobs."""
    for option in reversed(FILTERS):
        command = option(command)
    return command


def changing(command: Callable[P, None]) -> Callable[P, None]:
    """The arguments of a command that changes jobs: their ids, or which they are."""
    command = click.option("--limit", type=click.IntRange(1), help="At most so many.")(command)
    yes = click.option("--yes", is_flag=True, help="Do not ask before changing all that match.")
    ids = click.argument("ids", nargs=-1, type=click.UUID)
    return dsn(ids(filtered(yes(as_json(command)))))


@click.group()
def jobs() -> None:
    """Look at the ledger's jobs, and take them in hand."""


@jobs.command()
@dsn
@filtered
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@as_json
def ls(dsn: str, limit: int, as_json: bool, **wanted: Any) -> None:
    """List jobs, newest first; with --json one line each, with all there is to know."""
    found = administration.jobs(dsn, Filter(limit=limit, **wanted))
    if as_json:
        for row in found:
            click.echo(json.dumps(row, default=json_text))
    else:
        print_rows(SHOWN, found, whole=WHOLE, spare=SPARE)


@jobs.command()
@dsn
@click.argument("job_id", type=click.UUID)
@as_json
def show(dsn: str, job_id: UUID, as_json: bool) -> None:
    """Show one job in full, and what happened to it: attempts, errors, who, and how long each took.

    With --json the events have "since", the seconds from the event before, and the job "waited", "ran" and
    "total", in seconds too; null is what has not come to its end.
    """
    row = next(administration.jobs(dsn, Filter(ids=[job_id])), None)
    if row is None:
        raise click.ClickException(f"no job {job_id} in the ledger")
    steps = timeline(administration.events(dsn, job_id))
    if as_json:
        said = {**row, **asdict(spans(steps)), "events": [asdict(step) for step in steps]}
        click.echo(json.dumps(said, default=json_text))
        return
    for name, value in row.items():
        click.echo(f"{name:>16}  {printable(cell(value))}")
    if total := in_all(spans(steps)):
        click.echo(f"\n{total}")
    click.echo()
    print_table(timeline_table(steps))


@jobs.command()
@changing
def retry(**arguments: Any) -> None:
    """Run failed jobs once more, and now those that wait to be tried again.

    Name them by their IDS, or by what they have in common.
    """
    _change(administration.retry(), "retry", **arguments)


@jobs.command()
@changing
def cancel(**arguments: Any) -> None:
    """Cancel jobs that wait or run; a handler is told within a second.

    Name them by their IDS, or by what they have in common.
    """
    _change(administration.cancel(), "cancel", **arguments)


@jobs.command()
@changing
@click.option("--at", type=moment, help="Run then; UTC unless it says.")
@click.option("--in", "delay", type=duration, help="Run so long from now, such as 10m.")
@click.option("--priority", type=click.IntRange(-32768, 32767), help="Lower runs first.")
@click.option("--attempts", type=click.IntRange(0, 32767), help="How many were used.")
@click.option("--max-attempts", type=click.IntRange(1, 32767), help="How many there are.")
def reschedule(
    at: datetime | None,
    delay: timedelta | None,
    priority: int | None,
    attempts: int | None,
    max_attempts: int | None,
    **arguments: Any,
) -> None:
    """Give jobs that wait or failed another time, priority or number of attempts.

    Failed jobs wait again. Name them by their IDS, or by what they have in common.
    """
    if at is not None and delay is not None:
        raise click.UsageError("--at or --in, not both")
    run_at = at if delay is None else datetime.now(UTC) + delay
    if all(value is None for value in (run_at, priority, attempts, max_attempts)):
        raise click.UsageError("nothing to change: --at, --in, --priority, --attempts, …")
    what = administration.reschedule(run_at, priority, attempts, max_attempts)
    _change(what, "reschedule", **arguments)


def _change(
    what: Change,
    verb: str,
    dsn: str,
    ids: tuple[UUID, ...],
    yes: bool,
    as_json: bool,
    limit: int | None,
    **wanted: Any,
) -> None:
    if not ids:
        _check_meant(verb, yes, limit, wanted)
    found = administration.jobs(dsn, Filter(ids=ids, limit=limit, **wanted))
    done = list(_tell(administration.change(dsn, found, what), as_json))
    left = [job for job, changed in done if not changed]
    missing = [job for job in ids if job not in {job for job, _ in done}]
    if not as_json:
        click.echo(f"{len(done) - len(left)} jobs changed, {len(left)} left as they are")
    for job in missing:
        click.echo(f"not found: {job}", err=True)
    if missing or (ids and left):
        sys.exit(1)


def _check_meant(verb: str, yes: bool, limit: int | None, wanted: dict[str, Any]) -> None:
    if not any(wanted.values()) and limit is None:
        raise click.UsageError("which jobs? Give their ids, or an option such as --owner")
    if not yes:
        click.confirm(f"{verb.capitalize()} every job that matches?", abort=True)


def _tell(steps: Iterable[tuple[Row, bool]], as_json: bool) -> Iterable[tuple[UUID, bool]]:
    for row, changed in steps:
        if as_json:
            click.echo(json.dumps({"id": str(row["id"]), "was": row["status"], "changed": changed}))
        else:
            words = "changed" if changed else f"left, it is {row['status']}"
            click.echo(f"{row['id']}  {words}")
        yield row["id"], changed
