"""``jobferry erase``."""

import json
from collections.abc import Iterable

import click

from jobferry_server.commands.options import as_json, dsn
from jobferry_server.erase import Erased
from jobferry_server.erase import erase as erasing

__all__ = ["erase"]

OUT_OF_REACH = (
    "Out of reach: archives of 'jobferry prune', backups, write-ahead logs, what handlers wrote"
    " elsewhere, and devices until they connect."
)


@click.command()
@dsn
@click.option("--owner", required=True, help="Whose jobs: the subject of their tokens.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def erase(dsn: str, owner: str, yes: bool, as_json: bool) -> None:
    """Erase payloads, results and errors of all of an owner's jobs, here and on the owner's devices.

    Jobs that have not finished are cancelled. The rows stay, with their tasks, times and states, and
    the audit log says who erased them. Archived files are out of reach. What a device has not sent
    yet is not erased: run it again.
    """
    if not yes:
        click.confirm(f"Erase what all jobs of {owner!r} say? This can't be undone", abort=True)
    done = _watch(erasing(dsn, owner))
    if as_json:
        click.echo(json.dumps({"owner": owner, "erased": done.jobs, "cancelled": done.cancelled}))
    else:
        click.echo(
            f"erased {done.jobs} jobs of {owner!r}, {done.cancelled} of them cancelled first"
        )
    click.echo(OUT_OF_REACH, err=True)


def _watch(steps: Iterable[Erased]) -> Erased:
    told = False
    for step in steps:
        if step.waiting and not told:
            click.echo("waiting for jobs that somebody else holds ...", err=True)
            told = True
    return step
