"""Turns: what several owners wait for is taken from one after the other.

An owner with a hundred thousand things waiting gets as many turns as one with a single thing.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Turns"]

T = TypeVar("T")

#: What one owner has waiting, first come first.
Line = deque[T]


def _anybody(_: str, __: Line[T]) -> bool:
    return True


class Turns(Generic[T]):
    """Lines of waiting things, one for each owner; whose turn was longest ago is first."""

    def __init__(self) -> None:
        self._lines: dict[str, Line[T]] = {}

    def __bool__(self) -> bool:
        """Does anything wait?"""
        return bool(self._lines)

    def add(self, owner: str, item: T) -> None:
        """Wait at the end of the owner's line."""
        self._lines.setdefault(owner, deque()).append(item)

    def add_first(self, owner: str, items: Iterable[T]) -> None:
        """Wait before all others in the owner's line, in this order."""
        self._lines.setdefault(owner, deque()).extendleft(reversed(list(items)))

    def line(self, owner: str) -> Line[T]:
        """What this owner has waiting."""
        return self._lines.get(owner, deque())

    def take(
        self, fits: Callable[[T], bool], may: Callable[[str, Line[T]], bool] = _anybody
    ) -> list[T]:
        """One thing of each owner who ``may``, and again, until one does not fit.

        ``fits`` is asked once for each thing, in order, and what fits is taken; an owner whose thing
        did not fit is first the next time.
        """
        taken = []
        going = deque(owner for owner, line in self._lines.items() if may(owner, line))
        while going and fits(self._lines[going[0]][0]):
            owner = going.popleft()
            line = self._lines.pop(owner)
            taken.append(line.popleft())
            if line:
                self._lines[owner] = line
                if may(owner, line):
                    going.append(owner)
        return taken
