"""Every option may also come from the environment.

An option that says nothing else is read from ``JOBFERRY_``, its command's words and its name:
``jobferry jobs ls --owner`` from ``JOBFERRY_JOBS_LS_OWNER``. The help shows it.
"""

import click

__all__ = ["give_variables"]


def give_variables(command: click.Command, name: str) -> None:
    """Give the options of a command, and of those below it, their variables. ``name`` has its words."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = option.envvar or _variable(name, max(option.opts, key=len))
            option.show_envvar = True
    if isinstance(command, click.Group):
        for child in command.commands.values():
            give_variables(child, f"{name} {child.name}")


def _variable(command: str, option: str) -> str:
    words = f"{command} {option.lstrip('-')}"
    return words.upper().replace(" ", "_").replace("-", "_")
