"""A job's timeline as people read it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.table import Table
from rich.text import Text

from jobferry_server.commands.printing import cell, printable
from jobferry_server.timeline import Spans, Step
from jobferry_shared.durations import in_words

__all__ = ["STYLES", "in_all", "timeline_table"]

#: The colours of statuses, and of the events that lead to them.
STYLES = {
    "running": "cyan",
    "started": "cyan",
    "completed": "green",
    "failed": "red",
    "retrying": "yellow",
    "cancelled": "dim",
}


def in_all(spans: Spans) -> str:
    """What a job's time went into, as far as it is known: ``waited 0.2 s · ran 3.1 s``."""
    named = (("waited", spans.waited), ("ran", spans.ran), ("in all", spans.total))
    return " · ".join(
        f"{name} {in_words(span.total_seconds())}" for name, span in named if span is not None
    )


def timeline_table(steps: Iterable[Step]) -> Table:
    """One line an event, and one below for what it says beyond its name."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("at", "since", "event", "attempt", "actor"):
        table.add_column(name, no_wrap=name != "actor", overflow="fold")
    last: datetime | None = None
    for step in steps:
        table.add_row(*_cells(step, last))
        if step.detail is not None:
            table.add_row("", "", "", "", Text(printable(cell(step.detail)), "dim"))
        last = step.at
    return table


def _cells(step: Step, last: datetime | None) -> Iterator[Text]:
    day = "" if last and last.date() == step.at.date() else f"{step.at:%Y-%m-%d} "
    yield Text(f"{day}{step.at.time().isoformat('milliseconds')}", justify="right")
    yield Text("" if step.since is None else f"+{in_words(step.since.total_seconds())}", "dim")
    yield Text(step.event, STYLES.get(step.event, ""))
    yield Text(str(step.attempt), justify="right")
    yield Text(printable(step.actor))
