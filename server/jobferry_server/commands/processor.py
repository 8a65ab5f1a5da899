"""``jobferry processor``."""

from pathlib import Path

import click

from jobferry_server.application import load_processor
from jobferry_server.commands.options import dsn
from jobferry_server.run import run_until_signalled
from jobferry_server.settings import ProcessorSettings, with_options

__all__ = ["processor"]


@click.command()
@click.argument("app", metavar="MODULE:OBJECT")
@dsn
@click.option("--concurrency", type=int, help="Jobs that run at once.  [default: 10]")
@click.option(
    "--schedules/--no-schedules",
    default=None,
    help="Whether to run what is scheduled, beside jobs.  [default: schedules]",
)
@click.option(
    "--crontab",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of schedules to load at the start.",
)
def processor(
    app: str, dsn: str, concurrency: int | None, schedules: bool | None, crontab: Path | None
) -> None:
    """Run the jobs of an application's tasks, until SIGTERM.

    MODULE:OBJECT is a jobferry_server.Processor, looked for in this folder and in what is
    installed. Run as many as you like against one Postgres. On SIGTERM what runs may finish for a
    while; the rest is handed back. More settings are environment variables; docs/settings.md lists
    them.
    """
    settings = with_options(
        ProcessorSettings(), concurrency=concurrency, schedules=schedules, crontab=crontab
    )
    service = load_processor(app).service(dsn, settings)
    run_until_signalled(service.run)
