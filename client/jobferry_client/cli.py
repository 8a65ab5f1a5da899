"""The command ``jobferry``: one group whose commands live with their part.

Each part names its commands as entry points; one is imported when it is called, so the device's
commands need nothing of the server's.
"""

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
from pydantic import ValidationError

from jobferry_client.variables import give_variables
from jobferry_shared import __version__
from jobferry_shared.codes import EXITS
from jobferry_shared.errors import JobferryError
from jobferry_shared.messages import first_complaint

__all__ = ["main"]

INTERRUPTED = 130

#: Which extra a command needs when its part can't be imported.
EXTRAS = {
    "dashboard": "dashboard",
    "demo": "demo",
    "top": "top",
    "up": "server,embedded,dashboard",
}


class Commands(click.Group):
    """The commands that the installed parts bring."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names."""
        return sorted(point.name for point in entry_points(group="jobferry.commands"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """One command, imported now."""
        for point in entry_points(group="jobferry.commands", name=name):
            return _load(point)
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run one; an interrupt is not a failure, and has the shell's own exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _load(point: EntryPoint) -> click.Command:
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as error:
        return _missing(point.name, error.name)
    give_variables(command, f"jobferry {point.name}")
    return command


def _missing(name: str, module: str | None) -> click.Command:
    """Stands for a command whose part is not installed, and says how to install it."""
    remedy = f"pip install 'jobferry[{EXTRAS.get(name, 'server')}]'"

    def explain(arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - click's signature
        raise click.ClickException(f"'jobferry {name}' needs {module}: {remedy}")

    return click.Command(
        name,
        callback=explain,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        short_help=f"(not installed: {remedy})",
    )


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Every option may also come from the environment; a command's help names the variables."
        f" Exit codes: {', '.join(f'{code} {what}' for code, what in EXITS.items())}."
    ),
)
@click.version_option(__version__, prog_name="jobferry")
def jobferry() -> None:
    """Background jobs from a SQLite file, online or not, and their results back in the same row."""


def main() -> None:
    """Run the command line; our own errors become a message, not a traceback."""
    try:
        jobferry()
    except JobferryError as error:
        click.echo(f"jobferry: {error.code}: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(1)
    except ValidationError as error:
        click.echo(f"jobferry: configuration: {first_complaint(error)}", err=True)
        sys.exit(1)
    except OSError as error:
        # One that names a file is about what was asked for; any other is a fault that a traceback helps with.
        if error.filename is None:
            raise
        click.echo(f"jobferry: configuration: {error.filename}: {error.strerror}", err=True)
        click.echo("  Name another, or see to its folder and its permissions.", err=True)
        sys.exit(1)
