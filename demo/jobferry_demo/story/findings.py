"""The results that came back, as tables."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from jobferry_client import Job
from jobferry_demo.story.errands import label
from jobferry_demo.story.ledger import Event
from jobferry_demo.summaries import NumberColumn, Summary
from jobferry_demo.thumbnails import Thumbnail

__all__ = [
    "actors",
    "checksum_table",
    "history_table",
    "impossible_wind",
    "summary_table",
    "thumbnail_table",
]

STRONGEST_GUST = 253.0
"""The strongest ever measured (Barrow Island, 1996), in mph: more is an error of the instrument."""

_SHOWN = {
    "temp": "temperature, °F",
    "humid": "relative humidity, %",
    "wind_speed": "wind, mph",
    "wind_gust": "gusts, mph",
    "pressure": "pressure, mbar",
    "visib": "visibility, miles",
}
_EVENT_COLOURS = {"completed": "green", "cancelled": "magenta", "failed": "red"}


def thumbnail_table(jobs: Sequence[Job]) -> Table:
    """Before and after, and the colour each photograph has most of."""
    table = _table("photograph", "before", "bytes", "after", "bytes", "colour")
    for thumbnail in (Thumbnail.model_validate(job.result) for job in jobs):
        table.add_row(
            Text(thumbnail.name or ""),
            _size(thumbnail.original_width, thumbnail.original_height),
            f"{thumbnail.original_bytes:,}",
            _size(thumbnail.width, thumbnail.height),
            f"{thumbnail.bytes:,}",
            Text.assemble(("██ ", thumbnail.colour), thumbnail.colour),
        )
    return table


def summary_table(summary: Summary) -> Table:
    """The columns with something to say."""
    table = _table(f"{summary.rows:,} rows", "least", "mean", "most", "missing")
    for column in summary.columns:
        if isinstance(column, NumberColumn) and column.name in _SHOWN:
            numbers = (f"{number:,.1f}" for number in (column.min, column.mean, column.max))
            table.add_row(_SHOWN[column.name], *numbers, f"{column.missing:,}")
    return table


def impossible_wind(summary: Summary) -> float | None:
    """The strongest wind, in mph, if no wind is so strong."""
    winds = [
        c.max for c in summary.columns if c.name == "wind_speed" and isinstance(c, NumberColumn)
    ]
    return next((wind for wind in winds if wind > STRONGEST_GUST), None)


def checksum_table(jobs: Sequence[Job]) -> Table:
    """The beginning of each digest."""
    table = Table.grid(padding=(0, 2))
    table.add_row(
        Text("file", style="dim"), Text("SHA-256", style="dim"), Text("BLAKE2b", style="dim")
    )
    for job in jobs:
        table.add_row(label(job), f"{job.result['sha256'][:20]}…", f"{job.result['blake2b'][:20]}…")
    return table


def history_table(jobs: Sequence[Job], events: Sequence[Event]) -> Table:
    """The audit log in short: a line for each job, its events with the seconds since the first."""
    table = Table.grid(padding=(0, 1))
    for job in jobs:
        own = [event for event in events if event["job_id"] == job.id]
        table.add_row(job.task, label(job), _chain(own, events[0]["at"]))
    return table


def actors(events: Sequence[Event]) -> str:
    """How many events of each kind, and who wrote them."""
    counts = Counter((event["event"], event["actor"].split()[0]) for event in events)
    return ", ".join(f"{n} {event} (by the {actor})" for (event, actor), n in counts.items())


def _chain(events: Sequence[Event], since: datetime) -> Text:
    chain = Text()
    for event in events:
        chain.append(" → " if chain else "", style="dim")
        chain.append(event["event"], style=_EVENT_COLOURS.get(event["event"], ""))
        chain.append(f" {(event['at'] - since).total_seconds():.1f}", style="dim")
    return chain


def _size(width: int, height: int) -> str:
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def _table(first: str, *others: Any) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name == "colour" else "right")
    return table
