"""``jobferry top``."""

import sys

import click

from jobferry_server.commands.options import dsn, listen_dsn, pooled
from jobferry_server.errors import DatabaseFailed
from jobferry_server.settings import PostgresSettings, with_options

__all__ = ["top"]


@click.command()
@dsn
@pooled
@listen_dsn
@click.option("--manage", is_flag=True, help="Have keys that cancel and retry jobs.")
def top(dsn: str, pooled: bool | None, listen_dsn: str | None, manage: bool) -> None:
    """Watch queue, jobs, processors and devices in a terminal, live.

    Reads as jobferry_auditor and changes nothing; with --manage it acts as jobferry_admin, and what is
    done to a job is in the audit log. For programs there are 'jobferry jobs ls --json' and /metrics.
    """
    try:
        # Only here: it takes longer to import than most commands to run.
        from jobferry_server.database import DATABASE_ERRORS
        from jobferry_server.top.app import Top
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"'jobferry top' needs {error.name}: pip install 'jobferry[top]'"
        ) from error
    if not sys.stdout.isatty():
        raise click.ClickException("this needs a terminal; for programs: jobferry jobs ls --json")
    app = Top(
        dsn, with_options(PostgresSettings(), pooled=pooled, listen_dsn=listen_dsn), manage=manage
    )
    app.run()
    if isinstance(app.error, DATABASE_ERRORS):
        raise DatabaseFailed(str(app.error)) from app.error
    if app.error is not None:
        raise app.error
