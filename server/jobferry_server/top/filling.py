"""A look's rows into the widget, with the cursor and the scrolling where they were."""

from collections.abc import Sequence
from contextlib import suppress

from rich.text import Text
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from jobferry_server.top.look import ROWS, Row, View
from jobferry_server.top.tables import Column, Table

__all__ = ["fill", "heading"]


def fill(
    widget: "DataTable[Text]",
    table: Table,
    columns: Sequence[Column],
    rows: Sequence[Row],
    sort: Column | None,
    reverse: bool,
) -> None:
    """Show these rows. The cursor stays on its job, wherever that has moved."""
    key, row, offset = _cursor(widget), widget.cursor_row, widget.scroll_offset
    widget.clear(columns=True)
    cells = [[column.show(found) for found in rows] for column in columns]
    for column, shown in zip(columns, cells, strict=True):
        arrow = (" ▼" if reverse else " ▲") if column is sort else ""
        name = Text(column.name + arrow)
        # The widget's own measure may come too late for the rows it is shown with.
        widget.add_column(name, width=max(cell.cell_len for cell in (name, *shown)))
    for number, found in enumerate(rows):
        widget.add_row(*(shown[number] for shown in cells), key=table.key(found))
    with suppress(RowDoesNotExist):
        row = widget.get_row_index(key) if key is not None else row
    widget.move_cursor(row=row, scroll=False)
    widget.scroll_to(offset.x, offset.y, animate=False)


def heading(table: Table, view: View | None, rows: int, wanted: str, *, paused: bool) -> Text:
    """What the table shows, and what it leaves out."""
    words = [f"{view} jobs" if view else "", f"with {wanted!r}" if wanted else ""]
    if not rows:
        words.append(table.empty if not wanted else "nothing")
    elif rows >= ROWS:
        words.append(f"the first {rows}")
    said = Text(" · ".join(word for word in words if word), "dim")
    return Text.assemble(("PAUSED ", "bold yellow"), said) if paused else said


def _cursor(widget: "DataTable[Text]") -> str | None:
    if not widget.is_valid_coordinate(widget.cursor_coordinate):
        return None
    return widget.coordinate_to_cell_key(widget.cursor_coordinate).row_key.value
