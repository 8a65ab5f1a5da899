"""What opens above the tables: a job in full, and the question before something is done to it."""

from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from jobferry_server.commands.printing import cell, printable
from jobferry_server.commands.timeline import STYLES, in_all, timeline_table
from jobferry_server.timeline import spans, timeline
from jobferry_server.top.look import Detail, Row
from jobferry_server.top.tables import bar

__all__ = ["JobScreen", "Question"]


class JobScreen(ModalScreen[None]):
    """One job: what it is, what came of it, what happened to it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("c", "app.cancel", "Cancel the job"),
        Binding("t", "app.retry", "Retry the job"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.detail: Detail | None = None

    def compose(self) -> ComposeResult:
        """A panel that scrolls."""
        with VerticalScroll(id="panel"):
            yield Static("looking …", id="job")
        yield Footer()

    def show(self, detail: Detail | None) -> None:
        """What the last look found of it."""
        self.detail = detail
        found = _whole(detail) if detail else Text("The ledger has no such job any more.")
        self.query_one("#job", Static).update(found)


class Question(ModalScreen[bool]):
    """Yes or no; no unless somebody says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape", "dismiss(False)", "No"),
    ]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """The question."""
        yield Static(Text(self._words), id="question")
        yield Footer()


def _whole(detail: Detail) -> RenderableType:
    steps = timeline(detail.events)
    total = Text(in_all(spans(steps)), "bold")
    return Group(_fields(detail.job), Text(), total, Text(), timeline_table(steps))


def _fields(job: Row) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column(overflow="fold")
    for name, value in job.items():
        if value is not None:
            grid.add_row(name, _shown(name, value))
    return grid


def _shown(name: str, value: Any) -> Text:
    match name:
        case "progress":
            return bar(value, 20)
        case "status":
            return Text(value, STYLES.get(value, ""))
        case _:
            return Text(printable(cell(value)), "red" if name == "error" else "")
