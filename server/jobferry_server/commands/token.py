"""``jobferry token``."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from jobferry_server import revoke as revoking
from jobferry_server.commands.options import as_json, data, dsn, moment, secret
from jobferry_server.commands.printing import cell, json_text, printable
from jobferry_server.folder_secret import secret_in
from jobferry_server.settings import TokenSettings
from jobferry_server.tokens import issue

__all__ = ["token"]


token_id = click.option("--id", "token_id", help="The token of this id (its claim 'jti').")
owner = click.option("--owner", help="All tokens of this owner.")


@click.group(invoke_without_command=True)
@click.option("--subject", help="The owner of all that is submitted with it.")
@click.option("--days", default=30.0, show_default=True, help="How long it is valid.")
@secret
@data
@click.pass_context
def token(
    ctx: click.Context, subject: str | None, days: float, secret: str | None, data: Path
) -> None:
    """Make a token for a device's owner and print it; or revoke what was given out.

    The secret is taken from the environment, or from the folder of a 'jobferry up'. Where somebody
    else issues the tokens, theirs are revoked here all the same.
    """
    if ctx.invoked_subcommand is not None:
        return
    if subject is None:
        raise click.UsageError("whose token? --subject is wanted", ctx)
    settings = TokenSettings()
    click.echo(
        issue(
            secret or secret_in(data),
            subject,
            timedelta(days=days),
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
        )
    )


@token.command()
def show() -> None:
    """Print what the token on standard input says, true or not, as JSON."""
    claims = revoking.claims_of(_from_stdin())
    click.echo(json.dumps(claims, indent=2))


@token.command()
@dsn
@token_id
@owner
@click.option("--stdin", is_flag=True, help="The token that is on standard input.")
@click.option(
    "--before",
    type=moment,
    help="With --owner: those issued before then; UTC.  [default: now]",
)
@click.option("--reason", help="For whoever reads the list.")
def revoke(
    dsn: str,
    token_id: str | None,
    owner: str | None,
    stdin: bool,
    before: datetime | None,
    reason: str | None,
) -> None:
    """Believe a token no more, though it has not expired; its connections end at once."""
    _one_of(token_id, owner, stdin or None)
    expires_at = None
    if stdin:
        claims = revoking.claims_of(_from_stdin())
        token_id, expires_at = claims.get("jti", ""), _time(claims.get("exp"))
    revoking.revoke(
        dsn, token_id=token_id, owner=owner, expires_at=expires_at, before=before, reason=reason
    )
    click.echo(f"revoked: {_what(token_id, owner)}")


@token.command()
@dsn
@token_id
@owner
def restore(dsn: str, token_id: str | None, owner: str | None) -> None:
    """Take a revocation back."""
    _one_of(token_id, owner)
    if not revoking.restore(dsn, token_id=token_id, owner=owner):
        raise click.ClickException(f"not revoked: {_what(token_id, owner)}")
    click.echo(f"believed again: {_what(token_id, owner)}")


@token.command()
@dsn
@as_json
def revoked(dsn: str, as_json: bool) -> None:
    """List what is revoked, the oldest first."""
    for row in revoking.revocations(dsn):
        if as_json:
            click.echo(json.dumps(row, default=json_text))
        else:
            words = _what(row["token_id"], row["owner"], row["issued_before"])
            said = (row["revoked_at"], row["revoked_by"], words, row["reason"])
            click.echo("  ".join(printable(cell(value)) for value in said).rstrip())


def _one_of(*options: object) -> None:
    if sum(option is not None for option in options) != 1:
        raise click.UsageError("say which, by one option", click.get_current_context())


def _from_stdin() -> str:
    return sys.stdin.read().strip()


def _time(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def _what(token_id: str | None, owner: str | None, before: datetime | None = None) -> str:
    if token_id is not None:
        return f"token {printable(token_id)}"
    when = f" issued before {cell(before)}" if before else ""
    return f"tokens of {printable(owner or '')}{when}"
