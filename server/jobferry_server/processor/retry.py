"""When a failed job is tried again, for tasks that want other times than the usual."""

import random
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """``first`` seconds after the first attempt, ``factor`` times as long after each further one.

    Never more than ``most``. ``spread`` makes each time longer by a random part of itself, up to
    that: 0.5 is up to half as long again, so that what failed together is not tried together.
    """

    first: float = 1.0
    factor: float = 2.0
    most: float = 3600.0
    spread: float = 0.0

    def __call__(self, attempt: int) -> timedelta:
        """The time after this attempt, counted from 1."""
        seconds = min(self.most, self.first * self.factor ** min(attempt - 1, 64))
        return timedelta(seconds=seconds * (1 + random.uniform(0, self.spread)))  # noqa: S311
