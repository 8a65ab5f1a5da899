"""``jobferry bench``."""

import click

from jobferry_server.commands.checkout import AS_GIVEN, run_program

__all__ = ["bench"]


@click.command(context_settings=AS_GIVEN)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure speed and memory, each as a ratio to a raw limit measured in the same run."""
    run_program("tests/benchmarks", "the benchmarks come", arguments)
