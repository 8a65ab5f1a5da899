"""Values from the database in a terminal and as JSON; whatever a client wrote does no harm there."""

import json
from datetime import datetime, timedelta

import click

from jobferry_shared.printable import printable

__all__ = ["announce", "cell", "json_text", "printable", "switched"]


def announce(words: str, log_format: str) -> None:
    """A service is ready. As JSON the log alone says so: standard output is often collected with it."""
    if log_format != "json":
        click.echo(words)


def json_text(value: object) -> str | float:
    """What JSON has no form for, for ``json.dumps(default=…)``; lengths of time are seconds."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return str(value)


def cell(value: object) -> str:
    """A value as one cell of a table."""
    match value:
        case None:
            return ""
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds")
        case _:
            return str(value)


def switched(changed: bool, *, paused: bool, as_json: bool) -> str:
    """What pausing or resuming has come to."""
    if as_json:
        return json.dumps({"changed": changed})
    if not changed:
        return "it is paused already" if paused else "it is not paused"
    return "paused" if paused else "resumed"
