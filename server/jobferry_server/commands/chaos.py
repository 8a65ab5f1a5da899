"""``jobferry chaos``."""

import click

from jobferry_server.commands.checkout import AS_GIVEN, run_program

__all__ = ["chaos"]


@click.command(context_settings=AS_GIVEN)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def chaos(arguments: tuple[str, ...]) -> None:
    """Kill, stop, cut and fill up real processes, and check that nothing is lost or doubled."""
    run_program("tests/chaos", "the chaos comes", arguments)
