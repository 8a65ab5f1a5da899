"""``jobferry queues``."""

import json
from collections.abc import Iterable
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jobferry_server import queues as administration
from jobferry_server.commands.options import as_json, dsn
from jobferry_server.commands.printing import cell, json_text, printable, switched
from jobferry_server.commands.tables import print_table
from jobferry_server.queues import Kind

__all__ = ["queues"]

SHOWN = ("kind", "name", "unfinished", "running", "at once", "state")

name = click.argument("name")
task = click.option("--task", "kind", flag_value="task", help="NAME is a task, not a named queue.")


@click.group()
def queues() -> None:
    """Look at tasks and named queues, pause them and go on.

    A pause stops what is given out from now on; what runs may end.
    """


@queues.command()
@dsn
@as_json
def ls(dsn: str, as_json: bool) -> None:
    """List the tasks and named queues that have unfinished jobs, a limit or a pause.

    With --json one object a line.
    """
    rows = administration.queues(dsn)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=json_text))
    else:
        _print_table(rows)


@queues.command()
@name
@task
@dsn
@as_json
def pause(dsn: str, name: str, kind: Kind | None, as_json: bool) -> None:
    """Give out no more jobs of the named queue NAME, until it is resumed."""
    changed = administration.pause(dsn, kind or "queue", name)
    click.echo(switched(changed, paused=True, as_json=as_json))


@queues.command()
@name
@task
@dsn
@as_json
def resume(dsn: str, name: str, kind: Kind | None, as_json: bool) -> None:
    """Go on with the named queue NAME."""
    changed = administration.resume(dsn, kind or "queue", name)
    click.echo(switched(changed, paused=False, as_json=as_json))


def _print_table(rows: Iterable[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in SHOWN:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in _cells(row)))
    print_table(table)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    most, since = row["max_running"], row["paused_at"]
    return (
        row["kind"],
        row["name"],
        f"{row['unfinished']:,}",
        f"{row['running']:,}",
        "any" if most is None else str(most),
        f"paused since {cell(since)}" if since else "open",
    )
