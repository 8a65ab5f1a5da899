"""What goes wrong when, from a seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Planned", "plan"]

#: How long a fault is left in force, in seconds.
SHORTEST, LONGEST = 0.3, 2.5


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: ``at`` and ``hold`` in seconds, ``pick`` in [0, 1) chooses whom it strikes."""

    at: float
    hold: float
    kind: str
    pick: float


def plan(
    chance: random.Random, kinds: Sequence[str], seconds: float, every: float
) -> list[Planned]:
    """A fault about ``every`` so many seconds, each kind as often as any other, in order of time.

    Some are still in force when the time is up: what is said last is to be said in bad weather.
    """
    number = round(seconds / every)
    order: list[str] = []
    while len(order) < number:
        order += chance.sample(kinds, len(kinds))
    moments = sorted(chance.uniform(0, seconds) for _ in range(number))
    return [
        Planned(at, chance.uniform(SHORTEST, LONGEST), kind, chance.random())
        for at, kind in zip(moments, order, strict=False)
    ]
