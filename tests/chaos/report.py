"""The report as a table, for people."""

from rich.table import Table

from chaos.storm import Report

__all__ = ["summary", "troubles"]

#: Of what is wrong so much is shown of each kind.
MOST = 20


def summary(report: Report) -> Table:
    """What was done, what was done to it, and what came of it."""
    table = Table(title=f"Chaos, seed {report.seed}", title_justify="left")
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("operations", str(report.verdict.operations), end_section=True)
    for kind, times in sorted(report.injected.items()):
        table.add_row(kind, str(times))
    for kind, reason in report.skipped.items():
        table.add_row(f"{kind}: skipped, {reason}", "0")
    table.add_section()
    for name, found in report.verdict.faults.items():
        table.add_row(name, _count(len(found)))
    table.add_row("parts that ended by themselves", _count(len(report.died)))
    table.add_row("not in step in the end", _count(len(report.unsettled)), end_section=True)
    settled = "never" if report.settled is None else f"{report.settled:.1f}"
    table.add_row("seconds from healing to convergence", settled)
    return table


def troubles(report: Report) -> list[str]:
    """Each thing that is wrong, in a line."""
    found = dict(report.verdict.faults, **{"not in step": report.unsettled, "ended": report.died})
    return [f"{name}: {one}" for name, every in found.items() for one in every[:MOST]]


def _count(number: int) -> str:
    return f"[red]{number}[/]" if number else "0"
