"""Pushes on their way to a commit, and whose turn it is.

Two lanes commit side by side: one for owners who have little waiting, one for those who have much, with
several transactions in flight. So a few operations never wait for somebody's backlog, which gives way to
them as ``way`` says. Within a lane owners take turns, a push each. An owner is in one lane at a time,
and a device's pushes are committed in the order in which it sent them.
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from jobferry_server.gateway.device import Batch, Device
from jobferry_server.gateway.pace import Pace
from jobferry_server.gateway.turns import Line, Turns
from jobferry_server.gateway.way import Way

__all__ = ["Lane", "Pushes"]

#: Groups with much in flight at a time, while Python prepares the next.
IN_FLIGHT = 3
#: An owner with no more operations waiting has little.
LITTLE = 50
#: What is committed at a time of an owner who gives way.
HANDFUL = 10


class Lane(Enum):
    """Who commits together."""

    LITTLE = "little"
    MUCH = "much"


class Pushes:
    """All that was pushed and is not decided."""

    def __init__(self, most: int, pace: Pace, way: Way) -> None:
        self._most = most
        self._pace = pace
        self._way = way
        self._turns: Turns[Batch] = Turns()
        self._ops: Counter[str] = Counter()
        self._committing: dict[str, Lane] = {}
        self._held: dict[Device, list[Batch]] = {}

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
        room = most = self.most(lane, now)

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
            self._committing[batch.device.owner] = lane
        if group and lane is Lane.LITTLE:
            self._way.wanted_by_little(now)
        return group

    def most(self, lane: Lane, now: float) -> int:
        """How many operations the next transaction of this lane may have."""
        if lane is Lane.LITTLE or not self._way.given(now):
            return self._most
        return min(HANDFUL * self._with_much(), self._most)

    def rest(self, lane: Lane, took: float, now: float) -> float:
        """Seconds to rest after a transaction of this lane that took some."""
        if lane is Lane.LITTLE:
            return 0.0
        return self._way.rest(took, now, owners=self._with_much(), connections=IN_FLIGHT)

    def plenty_of(self, owner: str) -> bool:
        """Has this owner enough waiting for the next group?"""
        return self._ops[owner] >= self._most

    def plenty(self, now: float) -> bool:
        """Is there enough waiting for the next groups, whoever it is of? Nobody alone can see to that."""
        share = self._most // IN_FLIGHT
        free = (n for owner, n in self._ops.items() if not self._pace.wait(owner, now))
        return sum(min(n, share) for n in free) >= IN_FLIGHT * self._most

    def done(self, group: Sequence[Batch]) -> None:
        """The group is committed; what is held of it waits for :meth:`resume`."""
        for batch in group:
            self._committing.pop(batch.device.owner, None)
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

    def slowed(self, now: float) -> dict[Device, float]:
        """Whose pushes wait since their owners were too fast, and for how many seconds; each push once."""
        found = {}
        for owner in self._ops if self._pace.any else ():
            if wait := self._pace.wait(owner, now):
                untold = [batch for batch in self._turns.line(owner) if not batch.told]
                for batch in untold:
                    batch.told = True
                    found[batch.device] = wait
        return found

    def _with_much(self) -> int:
        """How many owners have much waiting, or just being committed."""
        waiting = {owner for owner in self._ops if self._lane(owner) is Lane.MUCH}
        committing = {owner for owner, lane in self._committing.items() if lane is Lane.MUCH}
        return max(1, len(waiting | committing))

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
