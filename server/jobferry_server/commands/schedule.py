"""``jobferry schedule``."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.table import Table
from rich.text import Text

from jobferry_server.commands.options import as_json, dsn
from jobferry_server.commands.printing import json_text, printable, switched
from jobferry_server.commands.tables import print_table
from jobferry_server.scheduler import administration
from jobferry_server.scheduler.crontab_file import read_crontab
from jobferry_server.scheduler.schedule_info import parse_duration
from jobferry_shared import strict_json

__all__ = ["schedule"]

SHOWN = ("id", "name", "task", "schedule", "next run", "last run", "last job", "trouble")


@click.group()
def schedule() -> None:
    """List, add, remove, run and pause what recurs.

    Any processor looks after the schedules; each slot makes one job, however many processors run.
    docs/schedules.md shows what a schedule may say.
    """


@schedule.command()
@dsn
@as_json
def ls(dsn: str, as_json: bool) -> None:
    """List the schedules, the next first; with --json one object a line."""
    rows = administration.listed(dsn)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=json_text))
    else:
        print_table(_table(rows))


@schedule.command()
@click.argument("task")
@click.argument("when", metavar="SCHEDULE")
@dsn
@click.option("--tz", help="Time zone, such as Europe/Paris.  [default: UTC]")
@click.option("--fill", help="How far back to make up for missed slots, such as 1d.")
@click.option("--payload", default="{}", show_default=True, help="A JSON object.")
@click.option("--name", help="A name to know it by.")
@click.option("--owner", help="Whose the jobs are; the server's own without.")
@click.option("--database", type=click.UUID, help="The tenant, passed through to the jobs.")
@click.option("--queue", help="The named queue of its jobs.")
@click.option("--job-key", help="The key of its jobs: a new one replaces one that still waits.")
@click.option("--max-attempts", type=click.IntRange(1, 32767), help="Of each job.  [default: 25]")
@click.option("--priority", type=click.IntRange(-32768, 32767), help="Lower runs first.")
@as_json
def add(
    dsn: str,
    task: str,
    when: str,
    tz: str | None,
    fill: str | None,
    payload: str,
    name: str | None,
    owner: str | None,
    database: UUID | None,
    queue: str | None,
    job_key: str | None,
    max_attempts: int | None,
    priority: int | None,
    as_json: bool,
) -> None:
    """Add a schedule: TASK is to run whenever SCHEDULE says.

    SCHEDULE is a cron expression such as '0 2 * * *' or JSON such as '{"hour": [2]}'.
    """
    number = administration.add(
        dsn,
        administration.NewSchedule(
            task=task,
            info=_info(when, tz, fill),
            payload=_payload(payload),
            name=name,
            owner=owner,
            database=database,
            queue=queue,
            job_key=job_key,
            max_attempts=max_attempts,
            priority=priority,
        ),
    )
    click.echo(json.dumps({"id": number}) if as_json else f"added schedule {number}")


@schedule.command()
@click.argument("which", metavar="ID")
@dsn
@as_json
def rm(dsn: str, which: str, as_json: bool) -> None:
    """Remove the schedule of this number or name; its jobs stay."""
    number = administration.remove(dsn, which)
    click.echo(json.dumps({"id": number}) if as_json else f"removed schedule {number}")


@schedule.command()
@click.argument("which", metavar="ID")
@dsn
@click.option(
    "--job-expiry",
    default="1h",
    show_default=True,
    help="A last job that was begun longer ago than this is taken for lost.",
)
@as_json
def run(dsn: str, which: str, job_expiry: str, as_json: bool) -> None:
    """Run a schedule now, unless its last job is still under way; prints the new job's id."""
    job = administration.run(dsn, which, parse_duration(job_expiry))
    click.echo(json.dumps({"job_id": str(job)}) if as_json else str(job))


@schedule.command()
@click.argument("which", metavar="ID")
@dsn
@as_json
def pause(dsn: str, which: str, as_json: bool) -> None:
    """Make no more jobs by the schedule of this number or name, until it is resumed."""
    changed = administration.pause(dsn, which)
    click.echo(switched(changed, paused=True, as_json=as_json))


@schedule.command()
@click.argument("which", metavar="ID")
@dsn
@as_json
def resume(dsn: str, which: str, as_json: bool) -> None:
    """Go on with a paused schedule. The slots that it has missed meanwhile are not made up for."""
    changed = administration.resume(dsn, which)
    click.echo(switched(changed, paused=False, as_json=as_json))


@schedule.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@dsn
@click.option("--crontab", help="The name of the crontab.  [default: the file's name]")
@as_json
def load(dsn: str, file: Path, crontab: str | None, as_json: bool) -> None:
    """Load a crontab: add what is new, change what is other, remove what is gone from it.

    Only schedules that came from a crontab of the same name are changed and removed.
    """
    changes = administration.load(dsn, crontab or file.name, read_crontab(file))
    for change in changes:
        words = f"{change['change']} {printable(change['name'])}"
        click.echo(json.dumps(change) if as_json else words)
    if not changes and not as_json:
        click.echo("nothing has changed")


def _info(when: str, tz: str | None, fill: str | None) -> Any:
    """A SCHEDULE of the command line as ``schedule_info``."""
    info = strict_json.parse(when) if when.lstrip().startswith("{") else {"cron": when}
    return info | {name: value for name, value in (("tz", tz), ("fill", fill)) if value is not None}


def _payload(text: str) -> dict[str, Any]:
    payload = strict_json.parse(text)
    if not isinstance(payload, dict):
        raise click.BadParameter("a JSON object is wanted", param_hint="--payload")
    return payload


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in SHOWN:
        table.add_column(name, no_wrap=name in ("id", "next run", "last run"))
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in _cells(row)))
    return table


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    info = row["schedule_info"]
    return (
        str(row["id"]),
        row["name"] or "",
        row["task_identifier"],
        info if isinstance(info, str) else json.dumps(info, ensure_ascii=False),
        "paused" if row["paused_at"] else _time(row["next_run_at"]) or "never",
        _time(row["last_scheduled"]),
        row["last_status"] or "",
        row["error"] or _missed(row["last_missed"]),
    )


def _missed(since: datetime | None) -> str:
    return f"slots missed from {_time(since)} on" if since else ""


def _time(value: datetime | None) -> str:
    return value.isoformat(sep=" ", timespec="seconds") if value else ""
