"""The tables: which columns they have, how wide a terminal must be for them, what order rows come in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from jobferry_server.commands.printing import printable
from jobferry_server.commands.timeline import STYLES
from jobferry_server.top.look import Look, Row
from jobferry_shared.durations import in_words

__all__ = ["TABLES", "Column", "Table", "bar"]

BAR = 10
#: A processor that was silent for so many seconds is about to lose its lease.
SILENT_SECONDS = 15
#: A device whose oldest unsent job is so old is worth a look.
OLD_SECONDS = 60


@dataclass(frozen=True)
class Column:
    """One column. ``show`` makes the cell of a row, ``least`` is the terminal's width it wants."""

    name: str
    show: Callable[[Row], Text]
    #: What the rows are ordered by.
    order: Callable[[Row], Any]
    least: int = 0


@dataclass(frozen=True)
class Table:
    """One table. ``key`` tells its rows apart."""

    rows: Callable[[Look], Sequence[Row]]
    key: Callable[[Row], str]
    columns: tuple[Column, ...]
    #: What is said where there are no rows.
    empty: str

    def fitting(self, width: int) -> list[Column]:
        """The columns that a terminal of this width has room for."""
        return [column for column in self.columns if column.least <= width]

    def arranged(self, look: Look, sort: Column | None, *, reverse: bool, wanted: str) -> list[Row]:
        """The rows that have the wanted text somewhere, in order; without one as they came."""
        rows = [row for row in self.rows(look) if wanted.lower() in self._text(row)]
        if sort is None:
            return rows[::-1] if reverse else rows
        # What is missing comes last, whichever way round.
        known = [row for row in rows if sort.order(row) is not None]
        unknown = [row for row in rows if sort.order(row) is None]
        return sorted(known, key=sort.order, reverse=reverse) + unknown

    def _text(self, row: Row) -> str:
        return "\n".join(str(value) for value in row.values() if value is not None).lower()


def bar(progress: float, width: int = BAR) -> Text:
    """How far a job is, as a bar and in words."""
    full = round(progress * width)
    return Text.assemble(
        ("━" * full, "cyan"), ("━" * (width - full), "dim"), f" {round(progress * 100):>3} %"
    )


def _text(name: str, title: str | None = None, least: int = 0, most: int = 40) -> Column:
    def show(row: Row) -> Text:
        return _cut(printable("" if row[name] is None else str(row[name])), most)

    return Column(title or name, show, lambda row: row[name], least)


def _number(name: str, least: int = 0, style: str = "") -> Column:
    def show(row: Row) -> Text:
        return Text(f"{row[name]:,}", style if row[name] else "dim", justify="right")

    return Column(name, show, lambda row: row[name], least)


def _time(name: str, title: str, least: int = 0, alarm: float | None = None) -> Column:
    def show(row: Row) -> Text:
        value = row[name]
        alarming = alarm is not None and value is not None and value > alarm
        words = "" if value is None else _span(value)
        return Text(words, "red" if alarming else "", justify="right")

    return Column(title, show, lambda row: row[name], least)


def _span(seconds: float) -> str:
    return in_words(seconds) if seconds >= 0 else f"in {in_words(-seconds)}"


def _cut(text: str, most: int) -> Text:
    """In no more cells than this: some characters take two, some none."""
    found = Text(text)
    found.truncate(most, overflow="ellipsis")
    return found


def _status(row: Row) -> Text:
    # While it runs again, what went wrong before is of no interest here.
    told = row["error"] and row["status"] != "running"
    words = f"{row['status']} ({row['error']})" if told else row["status"]
    return Text(_cut(printable(words), 32).plain, STYLES.get(row["status"], ""))


def _progress(row: Row) -> Text:
    return bar(row["progress"]) if row["progress"] or row["status"] == "running" else Text("")


def _kind(row: Row) -> Text:
    return Text("task" if row["kind"] == 3 else "queue", "dim")


JOBS = Table(
    lambda look: look.jobs,
    lambda row: str(row["id"]),
    (
        _text("task", most=24),
        Column("status", _status, lambda row: row["status"], 56),
        Column("progress", _progress, lambda row: row["progress"]),
        _time("seconds", "since"),
        Column(
            "attempt",
            lambda row: Text(f"{row['attempts']}/{row['max_attempts']}", justify="right"),
            lambda row: row["attempts"],
            72,
        ),
        _text("owner", least=84, most=24),
        _text("queue_name", "queue", least=130, most=20),
        _text("processor", least=112, most=30),
        _text("id", least=150, most=36),
    ),
    "No jobs here.",
)

PROCESSORS = Table(
    lambda look: look.processors,
    lambda row: row["id"],
    (
        _text("id", "processor"),
        _number("running", style="cyan"),
        _time("silent", "heartbeat ago", alarm=SILENT_SECONDS),
        _time("age", "up for", least=72),
        _text("version", least=84),
        Column(
            "tasks",
            lambda row: _cut(printable(", ".join(row["tasks"])), 40),
            lambda row: row["tasks"],
            112,
        ),
    ),
    "No processor is at work: start one with 'jobferry processor'.",
)

DEVICES = Table(
    lambda look: look.devices,
    lambda row: f"{row['client_id']} {row['owner']}",
    (
        _text("owner", most=24),
        _number("pending", style="yellow"),
        _time("oldest", "oldest", alarm=OLD_SECONDS),
        _time("silent", "last heard of", least=60),
        _text("client_version", "version", least=112),
        _text("client_id", "device", least=100),
    ),
    "No device has said that it has unsent work.",
)

QUEUES = Table(
    lambda look: look.queues,
    lambda row: f"{row['kind']} {row['name']}",
    (
        Column("kind", _kind, lambda row: row["kind"]),
        _text("name", most=28),
        _number("running", style="cyan"),
        _number("queued"),
        _number("scheduled", least=100),
        _number("retrying", least=84, style="yellow"),
        _time("oldest", "oldest waiting"),
    ),
    "Nothing is unfinished.",
)

TABLES = {"jobs": JOBS, "processors": PROCESSORS, "devices": DEVICES, "queues": QUEUES}
