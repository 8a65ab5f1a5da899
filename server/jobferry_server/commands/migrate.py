"""``jobferry migrate``."""

import click

from jobferry_server import migrate as migrating
from jobferry_sql import COMPAT, compat, migrations

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
def migrate(dsn: str | None, show: bool, check: bool, names: tuple[str, ...]) -> None:
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
        click.echo(f"up to date: version {migrations('postgres')[-1].version}")
    else:
        applied = migrating.migrate(dsn)
        for migration in applied:
            click.echo(f"applied {migration.version:04} {migration.name}")
        click.echo(f"up to date: version {migrations('postgres')[-1].version}")
        for name in names:
            migrating.install_compat(dsn, name)
            click.echo(f"up to date: schema {name}")
