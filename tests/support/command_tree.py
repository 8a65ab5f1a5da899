"""Every command there is."""

from collections.abc import Iterator

import click

from jobferry_client.cli import jobferry

__all__ = ["COMMANDS"]


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}")


#: The commands by their full names.
COMMANDS = dict(_commands(jobferry, "jobferry"))
