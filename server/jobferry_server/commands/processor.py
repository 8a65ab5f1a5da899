"""``jobferry processor``."""

from pathlib import Path

import click

from jobferry_server.application import load_processor
from jobferry_server.commands.options import dsn, listen_dsn, log_format, pooled
from jobferry_server.commands.printing import announce
from jobferry_server.run import run_until_signalled
from jobferry_server.settings import ProcessorSettings, with_options

__all__ = ["processor"]


@click.command()
@click.argument("app", metavar="MODULE:OBJECT")
@dsn
@pooled
@listen_dsn
@click.option(
    "--concurrency",
    envvar="JOBFERRY_CONCURRENCY",
    type=click.IntRange(min=1),
    help="Jobs that run at once.  [default: 10]",
)
@click.option("--tasks", metavar="A,B", help="Only these of its tasks.  [default: all]")
@click.option(
    "--flags",
    envvar="JOBFERRY_FORBIDDEN_FLAGS",
    metavar="A,B",
    help="Leave jobs alone that carry one of these flags.",
)
@click.option(
    "--executor",
    envvar="JOBFERRY_EXECUTOR",
    type=click.Choice(["thread", "process"]),
    help="Where handlers run that are no coroutines and do not say so.  [default: thread]",
)
@click.option(
    "--schedules/--no-schedules",
    envvar="JOBFERRY_SCHEDULES",
    default=None,
    help="Whether to run what is scheduled, beside jobs.  [default: schedules]",
)
@click.option(
    "--crontab",
    envvar="JOBFERRY_CRONTAB",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of schedules to load at the start.",
)
@log_format
def processor(
    app: str,
    dsn: str,
    pooled: bool | None,
    listen_dsn: str | None,
    concurrency: int | None,
    tasks: str | None,
    flags: str | None,
    executor: str | None,
    schedules: bool | None,
    crontab: Path | None,
    log_format: str,
) -> None:
    """Run the jobs of an application's tasks, until SIGTERM.

    MODULE:OBJECT is a jobferry_server.Processor, looked for in this folder and in what is
    installed. Run as many as you like against one Postgres. Prints its tasks once it hears of new
    jobs. On SIGTERM what runs may finish for a while; the rest is handed back. More settings are
    environment variables; docs/settings.md lists them.
    """
    settings = with_options(
        ProcessorSettings(),
        concurrency=concurrency,
        forbidden_flags=tuple(flags.split(",")) if flags else None,
        executor=executor,
        schedules=schedules,
        crontab=crontab,
        pooled=pooled,
        listen_dsn=listen_dsn,
    )
    found = load_processor(app)
    if tasks:
        found.keep_only(tasks.split(","))
    service = found.service(
        dsn,
        settings,
        on_listening=lambda: announce(f"processing {', '.join(found.tasks)}", log_format),
    )
    run_until_signalled(service.run, log_format)
