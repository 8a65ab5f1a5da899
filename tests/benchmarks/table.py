"""The report as tables, for people."""

from collections.abc import Mapping, Sequence
from statistics import median

from rich.table import Table

from benchmarks.report import Figure, Reading

__all__ = ["cpu_table", "figures_table"]

#: Shown for what :meth:`Figure.met` says.
MET = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}

Found = Mapping[Figure, Sequence[Reading]]


def figures_table(found: Found) -> Table:
    """Every figure beside its floors and its bar."""
    table = Table(title=r"Median of the repetitions \[smallest .. largest]", title_justify="left")
    for name in ("measure", "ours", "unit", "raw, in the same run", "raw", "ours / raw", "bar"):
        table.add_column(name, justify="right" if name in ("ours", "raw", "ours / raw") else "left")
    table.add_column("met")
    for figure, readings in found.items():
        ours = [reading.ours for reading in readings]
        names = list(readings[0].raw)
        raw = {name: [reading.raw[name] for reading in readings] for name in names}
        table.add_row(
            figure.title,
            _spread(figure, ours),
            figure.unit,
            "\n".join(names),
            "\n".join(_spread(figure, raw[name]) for name in names),
            "\n".join(_ratio(ours, raw[name]) for name in names),
            figure.bar.text if figure.bar else "",
            MET[figure.met(readings)],
            end_section=True,
        )
    return table


def cpu_table(found: Found) -> Table | None:
    """CPU time by part, of the figures that have it."""
    measured = {figure: readings for figure, readings in found.items() if readings[0].cpu}
    if not measured:
        return None
    parts = list(dict.fromkeys(part for r in measured.values() for part in r[0].cpu))
    table = Table(title="CPU time, µs, of all cores together", title_justify="left")
    for name in ("measure", "per", *parts, "all"):
        table.add_column(name, justify="left" if name in ("measure", "per") else "right")
    for figure, readings in measured.items():
        spent = {part: median(r.cpu[part] for r in readings) for part in readings[0].cpu}
        cells = [f"{spent[part]:.0f}" if part in spent else "" for part in parts]
        table.add_row(figure.title, figure.per, *cells, f"{sum(spent.values()):.0f}")
    return table


def _spread(figure: Figure, values: Sequence[float]) -> str:
    middle = figure.text(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} [{figure.text(min(values))} .. {figure.text(max(values))}]"


def _ratio(ours: Sequence[float], raw: Sequence[float]) -> str:
    """Each repetition against its own floor: what slows the machine slows both."""
    if not all(raw):
        return ""
    return f"{median(a / b for a, b in zip(ours, raw, strict=True)):.2f}"
