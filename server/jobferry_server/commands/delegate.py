"""``jobferry delegate``."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jobferry_server.commands.options import as_json, dsn
from jobferry_server.commands.printing import printable
from jobferry_server.commands.tables import print_table
from jobferry_server.delegates import registry

__all__ = ["delegate"]

SHOWN = (
    "task",
    "engine",
    "schema_name",
    "queue",
    "foreign_task",
    "jobs",
    "left_behind",
    "last_error",
)
FOUND = ("job_id", "task", "engine", "foreign_id", "finding", "detail")


@click.group()
def delegate() -> None:
    """Have the workers of an existing queue run tasks: see docs/delegates.md."""


@delegate.command("ls")
@dsn
@as_json
def ls(dsn: str, as_json: bool) -> None:
    """List the delegated tasks, with their jobs in the engine and those that it did not take."""
    _print(registry.ls(dsn), SHOWN, as_json)


@delegate.command("add")
@click.argument("task")
@click.option("--engine", type=click.Choice(registry.ENGINES), required=True, help="Which queue.")
@click.option("--schema", help="Where its tables are; by default where the engine puts them.")
@click.option("--queue", help="The engine's queue (Procrastinate, pg-boss, Oban).")
@click.option("--as", "foreign_task", help="The task's name there, if it is another.")
@dsn
@as_json
def add(
    task: str,
    engine: str,
    schema: str | None,
    queue: str | None,
    foreign_task: str | None,
    dsn: str,
    as_json: bool,
) -> None:
    """Send a task's jobs to an engine from now on, and those that wait at once.

    Needs a superuser, or the owner of Jobferry's and of the engine's tables.
    """
    made = registry.add(dsn, task, engine, schema, queue, foreign_task)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(f"{printable(task)} goes to {engine} in schema {printable(made['schema_name'])}")


@delegate.command("rm")
@click.argument("task")
@dsn
@as_json
def rm(task: str, dsn: str, as_json: bool) -> None:
    """Keep a task's jobs to ourselves again.

    What its engine has not begun comes back; what runs there may end there.
    """
    found = registry.rm(dsn, task)
    if as_json:
        click.echo(json.dumps({"task": task, "removed": found}))
    elif not found:
        raise click.ClickException(f"{printable(task)} is not delegated")


@delegate.command("check")
@dsn
@as_json
def check(dsn: str, as_json: bool) -> None:
    """List jobs that were left behind, or whose engine lost them or ended them without a word."""
    _print(registry.check(dsn), FOUND, as_json)


def _print(rows: Iterable[dict[str, Any]], names: Sequence[str], as_json: bool) -> None:
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=_text))
        return
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(printable(_text(row[name]))) for name in names))
    print_table(table)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
