"""``jobferry gateway``."""

import asyncio
from pathlib import Path

import click
from pydantic import SecretStr

from jobferry_server.commands.options import data, dsn, listen_dsn, log_format, pooled, port, secret
from jobferry_server.commands.printing import announce
from jobferry_server.folder_secret import secret_in
from jobferry_server.gateway import Gateway
from jobferry_server.run import allow_many_files, run_until_signalled
from jobferry_server.settings import GatewaySettings, TokenSettings, with_options
from jobferry_server.tokens import Verifier

__all__ = ["gateway"]


@click.command()
@dsn
@pooled
@listen_dsn
@secret
@data
@click.option("--host", envvar="JOBFERRY_HOST", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", envvar="JOBFERRY_PORT", type=port, help="Port; 0 takes a free one.  [default: 8377]"
)
@log_format
def gateway(
    dsn: str,
    pooled: bool | None,
    listen_dsn: str | None,
    secret: str | None,
    data: Path,
    host: str | None,
    port: int | None,
    log_format: str,
) -> None:
    """Run the sync server that devices connect to, until SIGTERM.

    Run as many as you like against one Postgres. GET /healthz says that it lives, /readyz that it
    can serve, /metrics how it does. More settings are environment variables; docs/settings.md lists
    them: TLS, limits, and the public key or the JWKS URL of an issuer of tokens in the place of a secret.
    """
    settings = with_options(
        GatewaySettings(), host=host, port=port, pooled=pooled, listen_dsn=listen_dsn
    )
    verifier = Verifier.of(_tokens(secret, data))
    if (files := allow_many_files()) < settings.connections:
        click.echo(f"only {files} files may be open, so no more devices (ulimit -Hn)", err=True)

    async def serve(stop: asyncio.Event) -> None:
        async with Gateway(dsn, verifier, settings).running(stop) as running:
            announce(f"listening on {running.url}", log_format)
            await stop.wait()

    run_until_signalled(serve, log_format)


def _tokens(secret: str | None, data: Path) -> TokenSettings:
    """The settings; without any key the secret of a 'jobferry up'."""
    settings = TokenSettings()
    if secret is None and not settings.has_keys:
        secret = secret_in(data)
    return with_options(settings, jwt_secret=SecretStr(secret) if secret else None)
