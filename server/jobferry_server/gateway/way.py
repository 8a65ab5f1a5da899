"""Giving way: processor and disk are shared, so who has much to do lets those go first who have little.

While there are devices with little to write, of everybody else a handful of rows is done at a time, and
nobody's takes more than an eighth of one connection's time. Many owners together rest as little as they
are many.
"""

import math

__all__ = ["Way"]

#: Those with little have been here, and may be again, for so long.
RECENT_SECONDS = 1.0
#: The part of a connection's time that an owner who gives way may take.
SHARE = 1 / 8
MOST_REST_SECONDS = 0.1


class Way:
    """Has somebody with little been here a moment ago? The clock is the caller's."""

    def __init__(self) -> None:
        self._little_at = -math.inf

    def wanted_by_little(self, now: float) -> None:
        """Somebody with little is here."""
        self._little_at = now

    def given(self, now: float) -> bool:
        """Must those with much give way?"""
        return now - self._little_at < RECENT_SECONDS

    def rest(self, took: float, now: float, *, owners: int, connections: int = 1) -> float:
        """Seconds to rest after having worked for some on one of the connections of so many owners."""
        if not self.given(now):
            return 0.0
        part = SHARE * owners / min(owners, connections)
        return min(took * max(0.0, 1 / part - 1), MOST_REST_SECONDS)
