"""Tables as the commands print them: as wide as the terminal, or in long lines where there is none."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobferry_server.commands.printing import cell, printable

__all__ = ["print_rows", "print_table"]

#: For a program that reads it.
WIDTH = 220
#: Between two columns, and what a column that may be folded is readable with.
GAP = 2
NARROW = 12

Cells = Mapping[str, Text]


def print_table(table: Table) -> None:
    """Print it."""
    _console().print(table)


def print_rows(
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    *,
    whole: Collection[str],
    spare: Sequence[str],
) -> None:
    """Print rows of the database. Columns that are ``whole`` are never folded; the ``spare`` ones are left out,
    in this order, where there is no room for all."""
    console = _console()
    found = [{name: Text(printable(cell(row[name]))) for name in columns} for row in rows]
    shown = _fitting(columns, found, whole, spare, console.width)
    table = Table(box=None, pad_edge=False)
    for name in shown:
        table.add_column(name, no_wrap=name in whole, overflow="fold")
    for row in found:
        table.add_row(*(row[name] for name in shown))
    console.print(table)


def _fitting(
    columns: Sequence[str],
    rows: Sequence[Cells],
    whole: Collection[str],
    spare: Sequence[str],
    width: int,
) -> list[str]:
    def need(name: str) -> int:
        widest = max(len(name), *(row[name].cell_len for row in rows), 0)
        return GAP + (widest if name in whole else min(widest, NARROW))

    shown = list(columns)
    for name in spare:
        if sum(map(need, shown)) <= width:
            break
        shown.remove(name)
    return shown


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH)
