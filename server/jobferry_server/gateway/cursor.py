"""How far a device has read, as the opaque text that it keeps for us.

A cursor is a Postgres snapshot: what was visible in it, the device has. On a walk of several pages
it also says where the walk ends and which row was the last. It carries the epoch of the database,
since a snapshot means nothing in another one. Devices send it back, so nothing in it is believed
before it was looked at: a text that Postgres would not take must not reach the query that serves
everybody.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

__all__ = ["Cursor"]

_XID = "[0-9]{1,19}"
_SNAPSHOT = re.compile(f"({_XID}):({_XID}):((?:{_XID}(?:,{_XID})*)?)")
_ONE_XID = re.compile(_XID)
_ID = re.compile("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
#: Which half of a first walk it is in, and whether it is among the tombstones.
_PHASES = {"a": (True, False), "f": (False, False), "": (None, False), "g": (None, True)}
_LETTERS = {phase: letter for letter, phase in _PHASES.items()}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the history of one owner's jobs.

    ``since`` is the snapshot known before this walk, ``target`` the one at its end; ``active`` says
    which half of a first walk it is in (unfinished jobs first), ``gone`` whether the last page ended
    among the tombstones, which follow the rows; ``version`` and ``id`` the last of either.
    """

    epoch: str
    since: str | None = None
    target: str | None = None
    active: bool | None = None
    gone: bool = False
    version: str | None = None
    id: str | None = None

    @classmethod
    def start(cls, epoch: str, target: str | None = None) -> "Cursor":
        """Nothing read yet."""
        return cls(epoch, target=target, active=True)

    @classmethod
    def parse(cls, text: str | None, epoch: str) -> "Cursor | None":
        """The cursor in a text; ``None`` if it is not of this database, or not a cursor at all."""
        if text is None:
            return cls.start(epoch)
        parts = text.split("/")
        if len(parts) != 6 or parts[0] != epoch or parts[3] not in _PHASES:
            return None
        since, target, version, id = (part or None for part in (*parts[1:3], *parts[4:]))  # noqa: A001
        legal = (
            (since is None or _is_snapshot(since))
            and (target is None or _is_snapshot(target))
            and (version is None or _is_xid(version))
            and (id is None or _ID.fullmatch(id) is not None)
            and (version is None) == (id is None)
        )
        return cls(epoch, since, target, *_PHASES[parts[3]], version, id) if legal else None

    def __str__(self) -> str:
        phase = _LETTERS[self.active, self.gone]
        return "/".join(
            part or ""
            for part in (self.epoch, self.since, self.target, phase, self.version, self.id)
        )

    @property
    def horizon(self) -> int:
        """The first transaction id that this cursor knows nothing of."""
        return max((int(s.split(":")[1]) for s in (self.since, self.target) if s), default=0)

    @property
    def oldest(self) -> int | None:
        """The first transaction id that this cursor may not have seen; ``None`` if it saw none."""
        return int(self.since.split(":")[0]) if self.since else None

    def after(self, target: str, version: str, id: str, *, gone: bool = False) -> "Cursor":  # noqa: A002
        """The cursor after a page that was not the last of its walk."""
        return replace(self, target=self.target or target, version=version, id=id, gone=gone)

    def walked(self, target: str) -> "Cursor":
        """The cursor after the last page: the other half of a first walk, or the end."""
        target = self.target or target
        if self.active:
            return Cursor(self.epoch, self.since, target, active=False)
        return Cursor(self.epoch, since=target)

    @property
    def begun(self) -> bool:
        """Is it known up to where it reads, or has read?"""
        return self.since is not None or self.target is not None

    @property
    def resting(self) -> bool:
        """Is no walk under way?"""
        return self.target is None and self.active is None and not self.gone


def _is_xid(text: str) -> bool:
    return _ONE_XID.fullmatch(text) is not None and int(text) <= _LARGEST


def _is_snapshot(text: str) -> bool:
    """Would Postgres read this as a pg_snapshot? It wants xmin ≤ every xip < xmax, ascending."""
    found = _SNAPSHOT.fullmatch(text)
    if found is None:
        return False
    xmin, xmax = int(found[1]), int(found[2])
    running = [int(xid) for xid in found[3].split(",")] if found[3] else []
    return (
        0 < xmin <= xmax <= _LARGEST
        and all(xmin <= xid < xmax for xid in running)
        and all(a < b for a, b in pairwise(running))
    )
