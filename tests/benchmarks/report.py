"""What a measurement says: figures, each read once per repetition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Bar", "Figure", "Reading", "Readings", "percentile"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What is demanded of a figure, or of its ratio to one of those beside it."""

    limit: float
    at_least: bool = False
    beside: str = ""

    @property
    def text(self) -> str:
        """As it is shown."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:,.6g}" + (f" of {self.beside}" if self.beside else "")


@dataclass(frozen=True, slots=True)
class Reading:
    """One repetition: ours, what raw pieces did just before or after, CPU µs per unit by part."""

    ours: float
    raw: Mapping[str, float] = field(default_factory=dict)
    cpu: Mapping[str, float] = field(default_factory=dict)


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

    def met(self, readings: Sequence[Reading]) -> bool | None:
        """Is it good enough? ``None`` if nothing is demanded."""
        if self.bar is None:
            return None
        beside = self.bar.beside
        value = median(one.ours / one.raw[beside] if beside else one.ours for one in readings)
        return value >= self.bar.limit if self.bar.at_least else value <= self.bar.limit


Readings = dict[Figure, Reading]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    ranked = sorted(values)
    return ranked[round(percent / 100 * (len(ranked) - 1))]
