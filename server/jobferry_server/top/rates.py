"""How many jobs ended in each of the last seconds, counted once each.

A second is counted when it has been over for a second: whoever wrote in it has committed by then, but for
long transactions, whose events a figure for the eye may miss.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Rates"]

#: How far back, in seconds.
SPAN = 60
#: An event gets its id and its time at about the same moment: of those before the last that was counted
#: no more than so many can be of a later second.
LATE_IDS = 1_000


class Rates:
    """The last minute, second by second."""

    def __init__(self) -> None:
        #: The id of an event behind which all that was not counted must be.
        self.after = 0
        self._until = 0
        self._ended: dict[int, Counter[str]] = {}

    def wanted(self, now: float) -> tuple[int, int]:
        """From which second on, and before which, the database is to be asked."""
        until = int(now) - 1
        return max(self._until, until - SPAN), until

    def add(self, rows: Iterable[Mapping[str, Any]], until: int) -> None:
        """What was found in the seconds before ``until``; a row without a second only says how far."""
        for row in rows:
            self.after = max(self.after, row["last"] - LATE_IDS)
            if row["second"] is not None:
                self._ended.setdefault(row["second"], Counter())[row["event"]] += row["jobs"]
        self._until = until
        self._ended = {
            second: found for second, found in self._ended.items() if second >= until - SPAN
        }

    def per_second(self) -> list[int]:
        """How many jobs ended in each second, the oldest first."""
        seconds = range(self._until - SPAN, self._until)
        return [self._ended.get(second, Counter()).total() for second in seconds]

    def last_minute(self) -> Counter[str]:
        """How many ended in which way."""
        return sum(self._ended.values(), Counter())
