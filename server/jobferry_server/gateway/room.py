"""Room for what was pushed and is not committed: when it is full, nothing more is read."""

from asyncio import Event
from collections import Counter

__all__ = ["Room"]

#: An owner alone may fill this part of it.
SHARE = 8


class Room:
    """So many octets of pushes may wait; a message that is being read when it is full, too."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_owner: Counter[str] = Counter()
        self._freed = Event()

    def enter(self, owner: str, octets: int) -> None:
        """These wait from now on."""
        self._by_owner[owner] += octets

    def leave(self, owner: str, octets: int) -> None:
        """These are decided."""
        self._by_owner[owner] -= octets
        if not self._by_owner[owner]:
            del self._by_owner[owner]
        # Whoever waits looks again; the next wait for a new event.
        self._freed.set()
        self._freed = Event()

    @property
    def octets(self) -> int:
        """How much waits."""
        return self._by_owner.total()

    def full(self, owner: str) -> bool:
        """Must this owner's devices wait? One with nothing waiting never does."""
        octets = self._by_owner[owner]
        return octets > self._most // SHARE or (octets > 0 and self.octets > self._most)

    async def wait(self, owner: str) -> None:
        """Return once there is room."""
        while self.full(owner):
            await self._freed.wait()
