"""Pushes on their way to a commit, and whose turn it is.

Two lanes commit side by side: one for owners who have little waiting, one for those who have much.
So a handful of operations never waits for somebody's backlog; and while there are such, a backlog is
committed a handful at a time and rests as long as each took, since processor and disk are shared. Within a
lane owners take turns, a push each. An owner is in one lane at a time, and a device's pushes are
committed in the order in which it sent them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from enum import Enum

from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.turns import Line, Turns

__all__ = ["Lane", "Pushes"]

#: An owner with no more operations waiting has little.
LITTLE = 50
#: Those with little have been here, and may be again, for so long.
RECENT_SECONDS = 1.0
MOST_REST_SECONDS = 0.1


class Lane(Enum):
    """Who commits together."""

    LITTLE = "little"
    MUCH = "much"


class Pushes:
    """All that was pushed and is not decided."""

    def __init__(self, most: int, pace: Pace) -> None:
        self._most = most
        self._pace = pace
        self._turns: Turns[Batch] = Turns()
        self._ops: Counter[str] = Counter()
        self._committing: set[str] = set()
        self._held: dict[Device, list[Batch]] = {}
        #: When something was last taken in the lane of those with little.
        self._little_at = -math.inf

    @property
    def empty(self) -> bool:
        """Is everything decided?"""
        return not (self._turns or self._committing or self._held)

    def add(self, batch: Batch) -> None:
        """This has just arrived."""
        self._turns.add(batch.device.owner, batch)
        self._ops[batch.device.owner] += len(batch.ops)

    def take(self, lane: Lane, now: float) -> list[Batch]:
        """The next group of this lane; nothing if nobody's turn has come."""
        room = most = 1 if self._gives_way(lane, now) else self._most

        def fits(batch: Batch) -> bool:
            nonlocal room
            first, room = room == most, room - len(batch.ops)
            if first or room >= 0:
                self._pace.spend(batch.device.owner, len(batch.ops), now)
                return True
            return False

        def may(owner: str, _: Line[Batch]) -> bool:
            return (
                self._lane(owner) is lane
                and owner not in self._committing
                and not self._pace.wait(owner, now)
            )

        group = [batch for batch in self._turns.take(fits, may) if not self._waits_longer(batch)]
        for batch in group:
            self._forget(batch)
            self._committing.add(batch.device.owner)
        if group and lane is Lane.LITTLE:
            self._little_at = now
        return group

    def most(self, lane: Lane, now: float) -> int:
        """How many operations of a group its next transaction may have."""
        return LITTLE if self._gives_way(lane, now) else self._most

    def rest(self, lane: Lane, began: float, now: float) -> float:
        """Seconds that the lane is to rest after a transaction."""
        return min(now - began, MOST_REST_SECONDS) if self._gives_way(lane, now) else 0.0

    def done(self, group: Sequence[Batch]) -> None:
        """The group is committed; what is held of it waits for :meth:`resume`."""
        for batch in group:
            self._committing.discard(batch.device.owner)
            if batch.held:
                self._held.setdefault(batch.device, []).append(batch)

    def resume(self, device: Device) -> list[Batch]:
        """What was held of this device, and what it said since: to be tried again."""
        batches = self._held.pop(device)
        self._turns.add_first(device.owner, batches)
        self._ops[device.owner] += sum(len(batch.ops) for batch in batches)
        return batches

    def pause(self, now: float) -> float | None:
        """Seconds until the turn comes of somebody who was too fast; ``None`` if there is nobody."""
        waits = (self._pace.wait(owner, now) for owner in self._ops)
        return min(filter(None, waits), default=None)

    def _gives_way(self, lane: Lane, now: float) -> bool:
        return lane is Lane.MUCH and now - self._little_at < RECENT_SECONDS

    def _lane(self, owner: str) -> Lane:
        return Lane.LITTLE if self._ops[owner] <= LITTLE else Lane.MUCH

    def _waits_longer(self, batch: Batch) -> bool:
        """What its device said before is held, and this with it."""
        held = self._held.get(batch.device)
        if held is None:
            return False
        held.append(batch)
        self._forget(batch)
        return True

    def _forget(self, batch: Batch) -> None:
        owner = batch.device.owner
        self._ops[owner] -= len(batch.ops)
        if not self._ops[owner]:
            del self._ops[owner]
