"""Plots as shapes in a box of 600 by 120, the origin at the top left. Pure; the template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Bar", "Curve", "Stretch", "bars", "ceiling", "curve"]

WIDTH = 600.0
HEIGHT = 120.0
#: Of the room of a bar, what it takes.
FILL = 0.8


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened from ``at`` on; ``median`` and ``slow`` are seconds from due to done."""

    at: datetime
    exact: bool
    submitted: int
    completed: int
    failed: int
    median: float | None
    slow: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch: how many were completed, and on top of them how many failed."""

    x: float
    width: float
    done_y: float
    done: float
    failed_y: float
    failed: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines through what is known, broken where nothing is; alone in between, a dot."""

    lines: Sequence[str]
    dots: Sequence[tuple[float, float]]


def ceiling(value: float) -> float:
    """The next number that people like at the top of an axis: 1, 2 or 5 and noughts."""
    size = 1e-3
    while True:
        for step in (1, 2, 5):
            if value <= step * size:
                return step * size
        size *= 10


def bars(stretches: Sequence[Stretch], top: float) -> list[Bar]:
    """A bar for each, ``top`` being as high as the box."""
    room = WIDTH / max(len(stretches), 1)
    return [_bar(one, number * room, room * FILL, top) for number, one in enumerate(stretches)]


def curve(values: Sequence[float | None], top: float) -> Curve:
    """A line through the middle of each stretch's room."""
    room = WIDTH / max(len(values), 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((round((number + 0.5) * room, 1), _y(value, top)))
    lines = [" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1]
    return Curve(lines, [run[0] for run in runs if len(run) == 1])


def _bar(one: Stretch, x: float, width: float, top: float) -> Bar:
    done, both = _y(one.completed, top), _y(one.completed + one.failed, top)
    return Bar(
        x=round(x, 2),
        width=round(width, 2),
        done_y=done,
        done=round(HEIGHT - done, 1),
        failed_y=both,
        failed=round(done - both, 1),
    )


def _y(value: float, top: float) -> float:
    return round(HEIGHT * (1 - min(value / top, 1)), 1)
