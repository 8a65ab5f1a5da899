"""``jobferry gateway``."""

import asyncio
from pathlib import Path

import click

from jobferry_server.commands.options import data, dsn, secret
from jobferry_server.gateway import Gateway
from jobferry_server.run import run_until_signalled
from jobferry_server.settings import GatewaySettings, with_options
from jobferry_server.tokens import Verifier
from jobferry_server.up import secret_in

__all__ = ["gateway"]


@click.command()
@dsn
@secret
@data
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port; 0 takes a free one.  [default: 8377]")
def gateway(dsn: str, secret: str | None, data: Path, host: str | None, port: int | None) -> None:
    """Run the sync server that devices connect to, until SIGTERM.

    Run as many as you like against one Postgres. GET /healthz says that it lives, /readyz that it
    can serve, /metrics how it does. More settings are environment variables; docs/settings.md lists them.
    """
    settings = with_options(GatewaySettings(), host=host, port=port)
    verifier = Verifier(secret or secret_in(data))

    async def serve(stop: asyncio.Event) -> None:
        async with Gateway(dsn, verifier, settings).running(stop) as running:
            click.echo(f"listening on {running.url}")
            await stop.wait()

    run_until_signalled(serve)
