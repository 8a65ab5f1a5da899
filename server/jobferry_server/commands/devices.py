"""``jobferry devices``."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jobferry_server.commands.options import as_json, dsn, duration
from jobferry_server.commands.printing import cell, json_text, printable
from jobferry_server.commands.tables import print_table
from jobferry_server.devices import Filter
from jobferry_server.devices import devices as found_devices
from jobferry_shared.durations import in_words

__all__ = ["devices"]

Row = dict[str, Any]


@click.command()
@dsn
@click.option("--owner", help="Of this owner.")
@click.option(
    "--offline-for", type=duration, help="Not connected and silent for so long, such as 1h."
)
@click.option("--pending", is_flag=True, help="With something unsent when last heard of.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@as_json
def devices(
    dsn: str,
    owner: str | None,
    offline_for: timedelta | None,
    pending: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List devices: who is connected, what each has unsent, what was last rejected.

    Those with the oldest unsent work come first. What is unsent is what the device said when it was
    last heard of: submits of an offline device are not known here. What was last rejected was
    rejected by a gateway: of a job that its device could not even send (too large, say) only the
    device knows. With --json one line each, with all there is to know.
    """
    wanted = Filter(owner=owner, offline_for=offline_for, pending=pending or None, limit=limit)
    rows = found_devices(dsn, wanted)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=json_text))
    else:
        _print_table(rows)


def _print_table(rows: Iterable[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("owner", "device", "connection", "unsent", "version", "last rejected"):
        table.add_column(name, no_wrap=name == "device", min_width=len(name))
    for row in rows:
        cells = (
            row["owner"],
            str(row["client_id"]),
            _connection(row),
            _unsent(row),
            row["client_version"] or "",
            _rejected(row),
        )
        table.add_row(*(Text(printable(text)) for text in cells))
    print_table(table)


def _connection(row: Row) -> str:
    if row["connected"]:
        return "connected"
    return f"offline, last heard of {in_words(row['silent_seconds'])} ago"


def _unsent(row: Row) -> str:
    if not row["pending"]:
        return "nothing"
    return f"{row['pending']}, the oldest for {in_words(row['oldest_pending_seconds'] or 0)}"


def _rejected(row: Row) -> str:
    if row["rejected_code"] is None:
        return ""
    return (
        f"{cell(row['rejected_at'])} {row['rejected_code']}: {row['rejected_message']}"
        f" (job {row['rejected_job']})"
    )
