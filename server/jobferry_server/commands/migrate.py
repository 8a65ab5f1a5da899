"""``jobferry migrate``."""

import click

from jobferry_server import migrate as migrating
from jobferry_sql import migrations

__all__ = ["migrate"]


@click.command()
@click.option("--dsn", envvar="JOBFERRY_DSN", show_envvar=True, help="Postgres, as postgresql://….")
@click.option("--print", "show", is_flag=True, help="Print the SQL and touch nothing.")
@click.option("--check", is_flag=True, help="Only say whether the schema is the one wanted.")
def migrate(dsn: str | None, show: bool, check: bool) -> None:
    """Bring a database to the schema this version needs, in one transaction.

    Needs a superuser, or the database's owner with CREATEROLE. An existing background_jobs table of
    the recipe is adopted with its rows. Two at once are safe.
    """
    if show:
        for migration in migrations("postgres"):
            click.echo(f"-- {migration.version:04} {migration.name}\n\n{migration.sql}")
        return
    if dsn is None:
        raise click.UsageError("a database is wanted: --dsn or JOBFERRY_DSN")
    if check:
        migrating.check(dsn)
        click.echo(f"up to date: version {len(migrations('postgres'))}")
    else:
        applied = migrating.migrate(dsn)
        for migration in applied:
            click.echo(f"applied {migration.version:04} {migration.name}")
        click.echo(f"up to date: version {len(migrations('postgres'))}")
