"""``jobferry audit``."""

from datetime import datetime
from uuid import UUID

import click

from jobferry_server.audit import Filter, csv_lines, events, json_lines
from jobferry_server.commands.options import dsn, moment
from jobferry_server.commands.tables import print_rows

__all__ = ["audit"]

SHOWN = ("at", "job_id", "owner", "task", "event", "attempt", "actor", "detail")


@click.command()
@dsn
@click.option("--owner", help="Events of this owner's jobs.")
@click.option("--device", type=click.UUID, help="Of jobs submitted by this device.")
@click.option("--task", help="Of jobs of this task.")
@click.option("--status", help="Of jobs that are in this status now.")
@click.option("--event", help="Only this kind of event.")
@click.option("--job", type=click.UUID, help="Of this job.")
@click.option("--since", type=moment, help="From this time on; UTC unless it says.")
@click.option("--until", type=moment, help="Before this time.")
@click.option("--limit", type=int, help="At most so many.")
@click.option("--json", "form", flag_value="json", help="JSON lines.")
@click.option("--csv", "form", flag_value="csv", help="CSV with a header.")
def audit(
    dsn: str,
    owner: str | None,
    device: UUID | None,
    task: str | None,
    status: str | None,
    event: str | None,
    job: UUID | None,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    form: str | None,
) -> None:
    """Read the audit log, oldest first: every transition of every job, whoever made it."""
    wanted = Filter(
        owner=owner,
        device=device,
        task=task,
        status=status,
        event=event,
        job=job,
        since=since,
        until=until,
        limit=limit,
    )
    found = events(dsn, wanted)
    if form is None:
        print_rows(SHOWN, found, whole=("at", "event"), spare=("actor", "attempt"))
        return
    for line in (json_lines if form == "json" else csv_lines)(found):
        click.echo(line, nl=False)
