"""Options that several commands share."""

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from jobferry_server.errors import ConfigurationError, DatabaseFailed
from jobferry_server.logs import FORMATS
from jobferry_shared.durations import parse_duration

__all__ = [
    "as_json",
    "data",
    "dsn",
    "duration",
    "in_words",
    "listen_dsn",
    "log_format",
    "moment",
    "pooled",
    "port",
    "secret",
]

P = ParamSpec("P")

#: What Postgres says to a login that is not a member of our role.
SET_ROLE = re.compile(r'permission denied to set role "(\w+)"')
DEFAULT_DATA = Path("jobferry-data")

#: The type of an option that is a port; 0 takes a free one.
port = click.IntRange(0, 65535)


class _Moment(click.ParamType[datetime]):
    """A time as ISO 8601 writes it; in UTC unless it says."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found
        except ValueError:
            example = "2026-11-22 or 2026-11-22T14:00:00+01:00"
            self.fail(f"{value!r} is no time, such as {example}", param, ctx)


#: The type of an option that is a moment.
moment = _Moment()


def duration(text: str) -> timedelta:
    """The type of an option that is a length of time, such as 90d."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def dsn(command: Callable[P, None]) -> Callable[P, None]:
    """The option of a command that talks to Postgres, and whose errors are said in words."""
    return click.option(
        "--dsn",
        envvar="JOBFERRY_DSN",
        show_envvar=True,
        required=True,
        help="Postgres, as postgresql://….",
    )(in_words(command))


def in_words(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose errors of Postgres are said in words."""

    @wraps(command)
    def call(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except Exception as error:
            if (failed := _database_failed(error) or _not_listening(error)) is not None:
                raise failed from error
            raise

    return call


def _not_listening(error: Exception) -> ConfigurationError | None:
    """What asyncio and uvloop say of an address or a port that can't be had."""
    if isinstance(error, socket.gaierror) or "bind on address" in str(error):
        return ConfigurationError(
            f"it can't listen: {getattr(error, 'strerror', error)}",
            hint="Give it another --port, of which 0 is a free one, or another --host.",
        )
    return None


def _database_failed(error: Exception) -> DatabaseFailed | None:
    """What Postgres or the way to it has said, by either driver."""
    import asyncpg
    import psycopg

    match error:
        case psycopg.Error(diag=said):
            words, hint = said.message_primary or str(error).strip(), said.message_hint
        case asyncpg.InsufficientPrivilegeError() if found := SET_ROLE.search(str(error)):
            words, hint = str(error), f"GRANT {found[1]} TO your_login;"
        case asyncpg.PostgresError(hint=hint):
            words = str(error)
        case asyncpg.InterfaceError():
            words, hint = str(error), None
        case _:
            return None
    return DatabaseFailed(words, hint=hint)


pooled = click.option(
    "--pooled",
    envvar="JOBFERRY_POOLED",
    is_flag=True,
    default=None,
    help="The DSN is a pooler's in transaction mode.",
)
listen_dsn = click.option(
    "--listen-dsn",
    envvar="JOBFERRY_LISTEN_DSN",
    help="Postgres without a pooler between, for LISTEN; without it a pooled one polls.",
)
secret = click.option(
    "--secret",
    envvar="JOBFERRY_JWT_SECRET",
    show_envvar=True,
    help="What tokens are signed with; at least 32 octets.",
)
data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA,
    show_default=True,
    envvar="JOBFERRY_DATA",
    show_envvar=True,
    help="Folder of the embedded Postgres and the token secret.",
)
log_format = click.option(
    "--log-format",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    envvar="JOBFERRY_LOG_FORMAT",
    show_envvar=True,
    help="The log on standard error: lines of text, or of JSON.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
