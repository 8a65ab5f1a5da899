"""``jobferry doctor``."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path

import click

from jobferry_client.doctor import file, gateway, library, place
from jobferry_client.file import sqlite3
from jobferry_client.output import plain
from jobferry_shared.findings import Finding, Level, warning

__all__ = ["doctor"]

Examine = Callable[..., Iterable[Finding]]

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command()
@click.argument(
    "db",
    required=False,
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="JOBFERRY_DB",
)
@click.option("--url", envvar="JOBFERRY_URL", show_envvar=True, help="The gateway, ws://…")
@click.option("--token", envvar="JOBFERRY_TOKEN", show_envvar=True, help="Who you are.")
@click.option("--dsn", envvar="JOBFERRY_DSN", show_envvar=True, help="Postgres, as a part logs in.")
@click.option(
    "--pooled", envvar="JOBFERRY_POOLED", is_flag=True, help="The DSN is a pooler's, as for a part."
)
@click.option("--listen-dsn", envvar="JOBFERRY_LISTEN_DSN", help="Where the parts LISTEN instead.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
def doctor(
    db: Path | None,
    url: str | None,
    token: str | None,
    dsn: str | None,
    pooled: bool,
    listen_dsn: str | None,
    as_json: bool,
) -> None:
    """Look for what is wrong, and say how to mend it.

    Looks at what it is given: a device's file DB, the way to a gateway, a database. Changes nothing.
    Exit code 1 if there is an error; warnings alone are 0.
    """
    findings = [*library.examine(), *_examine(db, url, token)]
    if dsn is not None:
        findings += _server(dsn, pooled, listen_dsn)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(_lines(finding))
        click.echo(_verdict(findings))
    sys.exit(any(finding.level is Level.ERROR for finding in findings))


def _examine(db: Path | None, url: str | None, token: str | None) -> Iterator[Finding]:
    if db is not None:
        yield from _device(db)
    if url is not None:
        yield from gateway.examine_token(token, _owner(db))
        yield from gateway.examine(url, token)


def _device(db: Path) -> Iterator[Finding]:
    return chain(place.examine(db) if db.exists() else (), file.examine(db))


def _owner(db: Path | None) -> str | None:
    """Whose jobs the file has, if it is one and says so."""
    with suppress(sqlite3.DatabaseError, OSError):
        if db is not None and db.exists():
            owner: str | None = file.state(db)["owner"]
            return owner
    return None


def _server(dsn: str, pooled: bool, listen_dsn: str | None) -> Iterator[Finding]:
    """The checks of the parts that are installed here."""
    for point in entry_points(group="jobferry.checks"):
        try:
            examine: Examine = point.load()
        except ModuleNotFoundError as missing:
            yield warning(
                point.name,
                f"this part is not installed here ({missing.name})",
                f"pip install 'jobferry[{point.name}]'",
            )
        else:
            yield from examine(dsn, pooled=pooled, listen_dsn=listen_dsn)


def _lines(finding: Finding) -> str:
    level = click.style(f"{finding.level.value:<7}", fg=COLOURS[finding.level])
    lines = f"{level}  {finding.check}: {plain(finding.says)}"
    return lines + (f"\n{'':9}mend: {plain(finding.mend)}" if finding.mend else "")


def _verdict(findings: list[Finding]) -> str:
    def count(level: Level) -> int:
        return sum(finding.level is level for finding in findings)

    errors, warnings = count(Level.ERROR), count(Level.WARNING)
    some = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    return f"{some}, {count(Level.OK)} ok"
