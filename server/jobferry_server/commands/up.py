"""``jobferry up``."""

import asyncio
import json
from pathlib import Path

import click

from jobferry_server.application import load_processor
from jobferry_server.commands.options import as_json, data, in_words, log_format, port
from jobferry_server.run import run_until_signalled
from jobferry_server.settings import (
    DashboardSettings,
    GatewaySettings,
    ProcessorSettings,
    with_options,
)
from jobferry_server.up import Up, running

__all__ = ["up"]

#: For the demo's tasks, one of which takes anything.
TRY_IT = """\
  jobferry client submit device.db --task echo --payload '{"hello": "world"}' --wait
"""


@click.command()
@data
@click.option(
    "--dsn", envvar="JOBFERRY_DSN", show_envvar=True, help="A Postgres to use, not the embedded."
)
@click.option(
    "--app",
    metavar="MODULE:OBJECT",
    default="jobferry_demo.tasks:processor",
    show_default=True,
    help="The processor whose tasks to run; '' for none.",
)
@click.option(
    "--port",
    envvar="JOBFERRY_PORT",
    type=port,
    help="Port of the gateway; 0 takes a free one.  [default: 8377]",
)
@click.option(
    "--dashboard-port",
    envvar="JOBFERRY_DASHBOARD_PORT",
    type=port,
    help="Port of the dashboard; 0 takes a free one.  [default: 8378]",
)
@click.option(
    "--manage",
    envvar="JOBFERRY_DASHBOARD_MANAGE",
    is_flag=True,
    default=None,
    help="Let the dashboard change jobs, not only show them.",
)
@log_format
@as_json
@in_words
def up(
    data: Path,
    dsn: str | None,
    app: str,
    port: int | None,
    dashboard_port: int | None,
    manage: bool | None,
    log_format: str,
    as_json: bool,
) -> None:
    """Run everything in one process: Postgres, gateway, processor and dashboard, until Ctrl-C or SIGTERM.

    Prints where it listens, its tasks, and a token for development to paste. The data stay in the
    folder; the next 'up' goes on with them. With --json one object {"url", "dashboard", "dsn",
    "token", "data"} is printed on standard output once all is ready.
    """
    processor = load_processor(app) if app else None
    gateway_settings = with_options(GatewaySettings(), port=port)
    dashboard_settings = with_options(
        DashboardSettings(), dashboard_port=dashboard_port, dashboard_manage=manage
    )

    async def work(stop: asyncio.Event) -> None:
        async with running(
            data, dsn, processor, gateway_settings, ProcessorSettings(), dashboard_settings, stop
        ) as found:
            tasks = list(processor.tasks) if processor else []
            click.echo(_json(found) if as_json else _words(found, tasks))
            await stop.wait()

    run_until_signalled(work, log_format)


def _json(found: Up) -> str:
    return json.dumps(
        {
            "url": found.url,
            "dashboard": found.dashboard,
            "dsn": found.dsn,
            "token": found.token,
            "data": str(found.data),
        }
    )


def _words(found: Up, tasks: list[str]) -> str:
    try_it = TRY_IT if "echo" in tasks else ""
    return f"""\
Jobferry is up.

  gateway    {found.url}
  dashboard  {found.dashboard}
  postgres   {found.dsn}
  data       {found.data}
  tasks      {", ".join(tasks)}

In another terminal:

  export JOBFERRY_URL={found.url}
  export JOBFERRY_TOKEN={found.token}
{try_it}
Ctrl-C stops it; the data stay.
"""
