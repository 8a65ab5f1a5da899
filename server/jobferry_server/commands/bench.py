"""``jobferry bench``."""

import subprocess
import sys
from pathlib import Path

import click

__all__ = ["bench"]


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure speed and memory, each as a ratio to a raw limit measured in the same run."""
    program = Path("tests/benchmarks")
    if not (program / "__main__.py").exists():
        raise click.ClickException("the benchmarks come with the source: run this in a checkout")
    sys.exit(subprocess.call([sys.executable, str(program), *arguments]))  # noqa: S603 - the user's own words
