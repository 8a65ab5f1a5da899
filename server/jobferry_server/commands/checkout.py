"""Programs that come with the source and not with the package."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

__all__ = ["AS_GIVEN", "run_program"]

#: The program has options and help of its own.
AS_GIVEN = {"ignore_unknown_options": True, "help_option_names": []}


def run_program(folder: str, what: str, arguments: Sequence[str]) -> None:
    """Run the program in this folder of the checkout, and end as it ends."""
    program = Path(folder)
    if not (program / "__main__.py").exists():
        raise click.ClickException(f"{what} with the source: run this in a checkout")
    sys.exit(subprocess.call([sys.executable, str(program), *arguments]))  # noqa: S603 - the user's own words
