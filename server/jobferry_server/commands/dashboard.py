"""``jobferry dashboard``."""

import asyncio

import click
from pydantic import SecretStr

from jobferry_server.commands.options import dsn, listen_dsn, log_format, pooled, port
from jobferry_server.commands.printing import announce
from jobferry_server.dashboard.serve import serving
from jobferry_server.run import run_until_signalled
from jobferry_server.settings import DashboardSettings, with_options

__all__ = ["dashboard"]


@click.command()
@dsn
@pooled
@listen_dsn
@click.option(
    "--host", envvar="JOBFERRY_DASHBOARD_HOST", help="Address to listen on.  [default: 127.0.0.1]"
)
@click.option(
    "--port",
    envvar="JOBFERRY_DASHBOARD_PORT",
    type=port,
    help="Port; 0 takes a free one.  [default: 8378]",
)
@click.option(
    "--manage",
    envvar="JOBFERRY_DASHBOARD_MANAGE",
    is_flag=True,
    default=None,
    help="Let jobs be changed, not only seen.",
)
@click.option(
    "--token",
    envvar="JOBFERRY_DASHBOARD_TOKEN",
    help="What whoever looks must know; at least 16 characters.",
)
@click.option(
    "--trusted-header",
    envvar="JOBFERRY_DASHBOARD_TRUSTED_HEADER",
    metavar="NAME",
    help="The header in which an authenticating proxy says who asks, such as X-Forwarded-User.",
)
@click.option(
    "--gateway",
    envvar="JOBFERRY_DASHBOARD_GATEWAY",
    metavar="URL",
    help="A gateway's /metrics, for the lag of its feed.",
)
@log_format
def dashboard(
    dsn: str,
    pooled: bool | None,
    listen_dsn: str | None,
    host: str | None,
    port: int | None,
    manage: bool | None,
    token: str | None,
    trusted_header: str | None,
    gateway: str | None,
    log_format: str,
) -> None:
    """Show jobs, devices, queues, processors and the audit log in a browser, until SIGTERM.

    It reads, unless --manage lets it cancel, retry, run, pause and resume. Beyond this machine it
    listens only with a --token, or behind a proxy that says who asks. docs/dashboard.md says more.
    """
    settings = with_options(
        DashboardSettings(),
        pooled=pooled,
        listen_dsn=listen_dsn,
        dashboard_host=host,
        dashboard_port=port,
        dashboard_manage=manage,
        dashboard_token=SecretStr(token) if token else None,
        dashboard_trusted_header=trusted_header,
        dashboard_gateway=gateway,
    )

    async def serve(stop: asyncio.Event) -> None:
        async with serving(dsn, settings, stop) as url:
            announce(f"listening on {url}", log_format)
            await stop.wait()

    run_until_signalled(serve, log_format)
