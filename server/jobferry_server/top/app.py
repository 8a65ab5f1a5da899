"""The application: keys in, tables out."""

import asyncio
from typing import ClassVar
from uuid import UUID

import psycopg
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.widgets import DataTable, Footer, Input, Sparkline, Static, Tab, Tabs

from jobferry_server import jobs as administration
from jobferry_server.jobs import Change
from jobferry_server.settings import PostgresSettings
from jobferry_server.top.filling import fill, heading
from jobferry_server.top.look import VIEWS, Look
from jobferry_server.top.screens import JobScreen, Question
from jobferry_server.top.summary import summary
from jobferry_server.top.tables import TABLES, Column
from jobferry_server.top.watcher import Watcher
from jobferry_shared.errors import JobferryError

__all__ = ["Top"]

MANAGING = ("cancel", "retry")
#: Columns that the summary leaves free.
MARGINS = 2


class Top(App[None]):
    """The live view. With ``manage`` jobs may be cancelled and retried."""

    TITLE = "jobferry top"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "top.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"table('{name}')", name.capitalize(), show=False)
            for number, name in enumerate(TABLES, 1)
        ),
        Binding("v", "view", "View"),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("p,space", "pause", "Pause", key_display="p"),
        Binding("c", "cancel", "Cancel"),
        Binding("t", "retry", "Retry"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, dsn: str, settings: PostgresSettings, *, manage: bool = False) -> None:
        super().__init__()
        self.watcher = Watcher(dsn, settings, self._seen, self._trouble)
        #: What has ended the application, if it was not a person.
        self.error: Exception | None = None
        self._dsn = dsn
        self._manage = manage
        self._look: Look | None = None
        self._table = TABLES["jobs"]
        self._sort: Column | None = None
        self._reverse = False

    def compose(self) -> ComposeResult:
        """Summary, tabs, one table, the keys."""
        yield Static("", id="trouble")
        yield Static("connecting …", id="summary")
        yield Sparkline([], id="rates")
        yield Tabs(*(Tab(f"{n} {name}", id=name) for n, name in enumerate(TABLES, 1)))
        yield Static("", id="heading")
        yield Input(placeholder="show only rows with this text", id="filter")
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to watch."""
        self.query_one(DataTable).focus()
        self._watching = asyncio.create_task(self._watch())

    async def on_unmount(self) -> None:
        """Leave no connection behind."""
        self._watching.cancel()
        await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        try:
            await self.watcher.run()
        except Exception as error:
            self.error = error
            self.exit()

    def _seen(self, look: Look) -> None:
        self._look = look
        self._trouble("")
        self._draw()

    def _trouble(self, words: str) -> None:
        line = self.query_one("#trouble", Static)
        line.display = bool(words)
        line.update(Text(f"disconnected, trying again: {words}"))

    def _draw(self) -> None:
        """Show the last look as it is wanted now."""
        if (look := self._look) is None:
            return
        base = self.screen_stack[0]
        with self.batch_update():
            base.query_one("#summary", Static).update(
                summary(look, self.watcher.rates, self.size.width - MARGINS)
            )
            base.query_one(Sparkline).data = list(self.watcher.rates.per_second())
            wanted = base.query_one(Input).value
            rows = self._table.arranged(look, self._sort, reverse=self._reverse, wanted=wanted)
            columns = self._table.fitting(self.size.width)
            fill(base.query_one(DataTable), self._table, columns, rows, self._sort, self._reverse)
            base.query_one("#heading", Static).update(self._heading(len(rows), wanted))
        if isinstance(self.screen, JobScreen):
            self.screen.show(look.detail)

    def _heading(self, rows: int, wanted: str) -> Text:
        view = self.watcher.view if self._table is TABLES["jobs"] else None
        return heading(self._table, view, rows, wanted, paused=self.watcher.paused)

    def on_resize(self, _: Resize) -> None:
        """Another width has room for other columns."""
        self._draw()

    def action_table(self, name: str) -> None:
        """Show another table."""
        self.query_one(Tabs).active = name

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Another table is wanted."""
        self._table = TABLES[str(event.tab.id)]
        self._sort, self._reverse = None, False
        self.query_one(DataTable).focus()
        self._draw()

    def action_view(self) -> None:
        """Other jobs: running, waiting, failed, finished."""
        place = VIEWS.index(self.watcher.view)
        self.watcher.view = VIEWS[(place + 1) % len(VIEWS)]
        self.query_one(Tabs).active = "jobs"
        self.watcher.nudge()

    def action_sort(self) -> None:
        """Order the rows by the next column; after the last as they came."""
        choices = [None, *self._table.fitting(self.size.width)]
        place = choices.index(self._sort) if self._sort in choices else 0
        self._sort = choices[(place + 1) % len(choices)]
        self._draw()

    def action_reverse(self) -> None:
        """The other way round."""
        self._reverse = not self._reverse
        self._draw()

    def action_filter(self) -> None:
        """Ask for a text."""
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def on_input_changed(self, _: Input.Changed) -> None:
        """Show what has it, letter by letter."""
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the rows; an empty text shows all again."""
        event.input.display = bool(event.value)
        self.query_one(DataTable).focus()

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.watcher.paused = not self.watcher.paused
        self.watcher.nudge()
        self._draw()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open a job."""
        if self._table is TABLES["jobs"] and event.row_key.value is not None:
            self.watcher.job = UUID(event.row_key.value)
            self.push_screen(JobScreen(), self._job_left)
            self.watcher.nudge()

    def _job_left(self, _: None) -> None:
        self.watcher.job = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - textual's signature
        """What changes jobs is only there for who asked for it."""
        return self._manage or action not in MANAGING

    def action_cancel(self) -> None:
        """Cancel the job under the cursor."""
        self._ask("Cancel", administration.cancel())

    def action_retry(self) -> None:
        """Run the job under the cursor once more, or now."""
        self._ask("Retry", administration.retry())

    def _ask(self, verb: str, what: Change) -> None:
        if (job := self._chosen()) is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._change(job, verb, what), exit_on_error=False)

        self.push_screen(Question(f"{verb} job {job}?"), answered)

    def _chosen(self) -> UUID | None:
        if self.watcher.job is not None:
            return self.watcher.job
        table = self.screen_stack[0].query_one(DataTable)
        if self._table is not TABLES["jobs"] or not table.row_count:
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return None if key is None else UUID(key)

    async def _change(self, job: UUID, verb: str, what: Change) -> None:
        """Do it as ``jobferry jobs`` does, and say what came of it."""

        def work() -> list[tuple[administration.Row, bool]]:
            found = list(administration.jobs(self._dsn, administration.Filter(ids=[job])))
            return list(administration.change(self._dsn, found, what))

        try:
            done = await asyncio.to_thread(work)
        except (psycopg.Error, JobferryError) as error:
            self.notify(str(error), title=f"{verb} failed", severity="error", markup=False)
            return
        for row, changed in done:
            words = "done" if changed else f"left as it is: {row['status']}"
            self.notify(words, title=f"{verb} {job}", markup=False)
        self.watcher.nudge()
