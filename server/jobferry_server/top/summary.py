"""The lines above the tables."""

from collections.abc import Iterable

from rich.text import Text

from jobferry_server.commands.timeline import STYLES
from jobferry_server.top.look import Look
from jobferry_server.top.rates import Rates
from jobferry_shared.durations import in_words

__all__ = ["summary"]

UNFINISHED = ("running", "queued", "scheduled", "retrying")
FINISHED = ("completed", "failed", "cancelled")
GAP = "   "


def summary(look: Look, rates: Rates, width: int) -> Text:
    """What is unfinished, how long the oldest waits, and what ended in the last minute."""
    oldest = look.totals["oldest"]
    waits = f"oldest waiting {in_words(oldest)}" if oldest is not None else "nothing waits"
    ended = rates.last_minute()
    unfinished = [*(_count(name, look.totals[name]) for name in UNFINISHED), Text(waits)]
    finished = [
        Text("last minute", "dim"),
        *(_count(name, ended[name]) for name in FINISHED),
        Text(f"{rates.per_second()[-1]:,}/s", "bold"),
    ]
    return Text("\n").join([_fitted(unfinished, width), _fitted(finished, width)])


def _count(name: str, number: int) -> Text:
    style = STYLES.get(name, "") if number else "dim"
    return Text.assemble((f"{number:,}", f"bold {style}"), (f" {name}", "dim"))


def _fitted(pieces: Iterable[Text], width: int) -> Text:
    """The pieces beside one another, each in one piece, in as many lines as that takes."""
    lines = [Text()]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(GAP) + len(piece) > width:
            lines.append(Text())
        elif lines[-1]:
            lines[-1].append(GAP)
        lines[-1].append_text(piece)
    return Text("\n").join(lines)
