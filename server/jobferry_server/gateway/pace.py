"""Pace: how much somebody may do in a time. What is too much waits."""

import math

__all__ = ["Pace"]

#: How many names are remembered before those that are rested are looked for.
FORGET_AT = 1024


class Pace:
    """A token bucket for every name: ``rate`` a second on average, ``burst`` of them at once.

    What is let through may be larger than what is left: the debt is waited for afterwards. A ``rate``
    of 0 is no limit. The clock is the caller's.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._slack = burst / rate if rate else math.inf
        #: When each bucket is full again.
        self._full_at: dict[str, float] = {}
        self._forget_at = FORGET_AT

    @property
    def any(self) -> bool:
        """Is there a limit?"""
        return self._rate > 0

    def wait(self, name: str, now: float) -> float:
        """Seconds until the next may be let through; 0 for at once."""
        # At least one must be left in the bucket.
        left = self._full_at.get(name, now) - now - self._slack
        return max(0.0, left + 1 / self._rate) if self._rate else 0.0

    def spend(self, name: str, number: float, now: float) -> None:
        """So many were let through."""
        if not self._rate:
            return
        self._full_at[name] = max(self._full_at.get(name, now), now) + number / self._rate
        if len(self._full_at) > self._forget_at:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
            self._forget_at = max(FORGET_AT, 2 * len(self._full_at))
