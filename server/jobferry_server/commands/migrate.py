"""``jobferry migrate``."""

import json
from collections.abc import Sequence

import click

from jobferry_server import migrate as migrating
from jobferry_server.commands.options import as_json, in_words
from jobferry_sql import COMPAT, Migration, compat, migrations

__all__ = ["migrate"]


@click.command()
@click.option("--dsn", envvar="JOBFERRY_DSN", show_envvar=True, help="Postgres, as postgresql://….")
@click.option("--print", "show", is_flag=True, help="Print the SQL and touch nothing.")
@click.option("--check", is_flag=True, help="Only say whether the schema is the one wanted.")
@click.option(
    "--compat",
    "names",
    multiple=True,
    type=click.Choice(COMPAT),
    envvar="JOBFERRY_COMPAT",
    show_envvar=True,
    help="Also put that queue's names over ours, in a schema of its name; may be repeated.",
)
@as_json
@in_words
def migrate(
    dsn: str | None, show: bool, check: bool, names: tuple[str, ...], as_json: bool
) -> None:
    """Bring a database to the schema this version needs, in one transaction.

    Needs a superuser, or the database's owner with CREATEROLE. An existing background_jobs table of
    the recipe is adopted with its rows. Two at once are safe.
    """
    if show:
        for migration in migrations("postgres"):
            click.echo(f"-- {migration.version:04} {migration.name}\n\n{migration.sql}")
        for name in names:
            click.echo(f"-- compat {name}\n\n{compat(name)}")
        return
    if dsn is None:
        raise click.UsageError("a database is wanted: --dsn or JOBFERRY_DSN")
    if check:
        migrating.check(dsn)
        applied, names = [], ()
    else:
        applied = migrating.migrate(dsn, None if as_json else _say)
        for name in names:
            migrating.install_compat(dsn, name)
    click.echo(_json(applied, names) if as_json else _words(names))


def _say(migration: Migration) -> None:
    # Not "applied": all of them are, or none.
    click.echo(f"applying {migration.version:04} {migration.name}")


def _json(applied: Sequence[Migration], names: Sequence[str]) -> str:
    done = [{"version": migration.version, "name": migration.name} for migration in applied]
    return json.dumps({"version": _newest(), "applied": done, "compat": names})


def _words(names: Sequence[str]) -> str:
    return "\n".join(
        f"up to date: {what}"
        for what in [f"version {_newest()}", *(f"schema {name}" for name in names)]
    )


def _newest() -> int:
    return migrations("postgres")[-1].version
