"""The command ``jobferry``: one group whose commands live with their part.

Each part names its commands as entry points; one is imported when it is called, so the device's
commands need nothing of the server's.
"""

import sys
from importlib.metadata import EntryPoint, entry_points

import click

from jobferry_shared import __version__
from jobferry_shared.errors import JobferryError

__all__ = ["main"]

#: Which extra a command needs when its part can't be imported.
EXTRAS = {"demo": "demo", "up": "server,embedded"}
SUMMARIES = {
    "audit": "Read the audit log.",
    "bench": "Measure speed and memory, as ratios to raw limits of the same run.",
    "client": "Work with the jobs in a device's file.",
    "demo": "Watch the whole story on this machine, in half a minute.",
    "gateway": "Run the sync server that devices connect to.",
    "migrate": "Bring a database to the schema this version needs.",
    "processor": "Run the jobs of an application's tasks.",
    "token": "Make a token for a device's owner.",
    "up": "Run everything in one process, on an embedded Postgres.",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        rows = [(name, SUMMARIES.get(name, "")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _load(point: EntryPoint) -> click.Command:
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(point.name, "server")
        raise click.ClickException(
            f"'jobferry {point.name}' needs {error.name}: pip install 'jobferry[{extra}]'"
        ) from error
    return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed (the message says why), 2 wrong usage, 130 interrupted.",
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
