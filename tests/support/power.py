"""A disk that loses its power: what was synced is on it afterwards, and any part of the rest.

:mod:`support.power_writer` writes down what SQLite does to its files. Replayed here up to some
moment, it leaves a folder as a power cut then might: a write that was not synced is there, or not,
or some of its sectors are; the order in which it was made says nothing. A file that was made, or
removed, is or is not, until the folder was synced. SQLite's Unix VFS does that when it first syncs a
new log or journal.
"""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

__all__ = ["Did", "Disk"]

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Did:
    """One thing that happened: ``create write truncate sync delete`` to a file, or what the writer
    knows: ``returned`` (the COMMIT of these jobs has) and ``acknowledged`` (their outbox is let go).
    """

    what: str
    file: str = ""
    offset: int = 0
    octets: bytes = b""
    jobs: tuple[str, ...] = ()


@dataclass(slots=True)
class _File:
    synced: bytearray
    waiting: list[Did] = field(default_factory=list)


@dataclass(slots=True)
class Disk:
    """The folder's files. Without ``syncs`` the disk only says that it has synced; without
    ``folder_syncs`` that holds for what files there are.
    """

    syncs: bool = True
    folder_syncs: bool = True
    #: What the folder lists, and what it lists once the power is back, at the worst.
    _now: dict[str, _File] = field(default_factory=dict, init=False)
    _durable: dict[str, _File] = field(default_factory=dict, init=False)

    def put(self, name: str, octets: bytes) -> None:
        """A file that has been there for long."""
        self._now[name] = self._durable[name] = _File(bytearray(octets))

    def happen(self, did: Did) -> None:
        """One more thing was done."""
        match did.what:
            case "create":
                self._now[did.file] = _File(bytearray())
            case "delete":
                self._now.pop(did.file, None)
            case "write" | "truncate":
                self._now[did.file].waiting.append(did)
            case "sync" if self.syncs:
                self._sync(did.file)

    def _sync(self, name: str) -> None:
        file = self._now[name]
        for did in file.waiting:
            _apply(file.synced, did)
        file.waiting.clear()
        if self.folder_syncs and self._durable.get(name) is not file and not name.endswith(".db"):
            self._durable = dict(self._now)

    def cut(self, random: Random, folder: Path) -> None:
        """The power goes: write what is left into a folder."""
        for name in {*self._now, *self._durable}:
            listed = random.choice([self._now, self._durable])
            if name in listed:
                (folder / name).write_bytes(_left(listed[name], random))


def _left(file: _File, random: Random) -> bytes:
    """What was synced, and some of what was not, in whatever order."""
    octets = bytearray(file.synced)
    chance = random.choice([0.0, 0.5, 1.0])
    some = [did for did in file.waiting if random.random() < chance]
    random.shuffle(some)
    for did in some:
        for piece in _torn(did, random):
            _apply(octets, piece)
    return bytes(octets)


def _torn(did: Did, random: Random) -> list[Did]:
    """A write as a whole or, now and then, some of its sectors."""
    if did.what == "truncate" or random.random() < 0.7:
        return [did]
    places = range(0, len(did.octets), SECTOR)
    return [
        Did("write", did.file, did.offset + at, did.octets[at : at + SECTOR])
        for at in places
        if random.random() < 0.5
    ]


def _apply(octets: bytearray, did: Did) -> None:
    if did.what == "truncate":
        del octets[did.offset :]
        return
    end = did.offset + len(did.octets)
    octets.extend(bytes(max(0, end - len(octets))))
    octets[did.offset : end] = did.octets
