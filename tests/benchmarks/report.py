"""What a measurement says: figures, each read once per repetition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Bar", "Figure", "Reading", "Readings", "percentile"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What is demanded of a figure."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Is it good enough?"""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. ``per`` is what CPU time is divided by, if it is measured."""

    title: str
    unit: str
    bar: Bar | None = None
    digits: int = 0
    per: str = ""

    def text(self, value: float) -> str:
        """The value as it is shown."""
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One repetition: ours, what raw pieces did just before or after, CPU µs per unit by part."""

    ours: float
    raw: Mapping[str, float] = field(default_factory=dict)
    cpu: Mapping[str, float] = field(default_factory=dict)


Readings = dict[Figure, Reading]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    ranked = sorted(values)
    return ranked[round(percent / 100 * (len(ranked) - 1))]
