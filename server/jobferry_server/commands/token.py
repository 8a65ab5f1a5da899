"""``jobferry token``."""

from datetime import timedelta
from pathlib import Path

import click

from jobferry_server.commands.options import data, secret
from jobferry_server.tokens import issue
from jobferry_server.up import secret_in

__all__ = ["token"]


@click.command()
@click.option("--subject", required=True, help="The owner of all that is submitted with it.")
@click.option("--days", default=30.0, show_default=True, help="How long it is valid.")
@secret
@data
def token(subject: str, days: float, secret: str | None, data: Path) -> None:
    """Make a token for a device's owner and print it.

    The secret is taken from the environment, or from the folder of a 'jobferry up'.
    """
    click.echo(issue(secret or secret_in(data), subject, timedelta(days=days)))
