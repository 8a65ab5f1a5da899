"""A device that writes its file while everything is written down: ``python -m support.power_writer``.

Arguments: FILE LOG SYNCHRONOUS SEED SUBMITS. FILE was made by the client. A process of its own, since apsw
brings a SQLite library of its own. Each transaction is the client's; between them the log is
checkpointed and the file closed and opened, as happens in a device's life, and more often.
"""

import os
import pickle
import sys
from pathlib import Path
from random import Random

import apsw

from jobferry_shared.ids import new_id
from jobferry_sql import query
from support.power import Did

VFS = "power"

Name = str | apsw.URIFilename


class Recorder(apsw.VFS):
    """Does what the system's own VFS does, and writes it down."""

    def __init__(self, log: list[Did]) -> None:
        self.log = log
        super().__init__(VFS, "")

    def xOpen(self, name: Name | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """Open a file; one that is new is an entry of the folder."""
        if name is None:
            # Of no use after a power cut.
            return super().xOpen(name, flags)
        path = _path(name)
        if not path.exists():
            self.log.append(Did("create", path.name))
        return RecordedFile(self.log, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Remove a file."""
        super().xDelete(filename, syncdir)
        self.log.append(Did("delete", Path(filename).name))


class RecordedFile(apsw.VFSFile):
    """One file."""

    def __init__(self, log: list[Did], name: Name, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._log = log
        self._name = _path(name).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Some octets."""
        super().xWrite(data, offset)
        self._log.append(Did("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut its end off."""
        super().xTruncate(newsize)
        self._log.append(Did("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Make it last."""
        super().xSync(flags)
        self._log.append(Did("sync", self._name))


def _path(name: Name) -> Path:
    return Path(name.filename() if isinstance(name, apsw.URIFilename) else name)


class Device:
    """What a device does to its file."""

    def __init__(self, path: str, synchronous: str, log: list[Did], random: Random) -> None:
        self._path, self._synchronous, self._log, self._random = path, synchronous, log, random
        self._pending: list[str] = []
        self.open()

    def open(self) -> None:
        """As the client opens it, with checkpoints more often."""
        self._file = apsw.Connection(self._path, vfs=VFS)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._file.execute(f"PRAGMA wal_autocheckpoint = {self._random.choice([5, 30, 1000])}")

    def close(self) -> None:
        """Let it go: the last one does a checkpoint and removes the log."""
        self._file.close()

    def submit(self) -> None:
        """One transaction of one job or some."""
        ids = [str(new_id()) for _ in range(self._random.choice([1, 1, 1, 4]))]
        self._file.execute("BEGIN IMMEDIATE")
        for id_ in ids:
            self._file.execute(query("device_submit"), self._row(id_))
        self._file.execute("COMMIT")
        self._log.append(Did("returned", jobs=tuple(ids)))
        self._pending += ids

    def acknowledge(self) -> None:
        """The server has all of them: the outbox lets them go."""
        self._log.append(Did("acknowledged", jobs=tuple(self._pending)))
        self._pending = []
        span = {"first": 0, "last": 2**62, "received_at": "2026-02-03T12:00:00.000Z", "owner": "a"}
        self._file.execute("BEGIN IMMEDIATE")
        self._file.execute("UPDATE _jobferry_state SET syncing = 1")
        self._file.execute(query("device_acknowledge"), span)
        self._file.execute("DELETE FROM _jobferry_outbox")
        self._file.execute("UPDATE _jobferry_state SET syncing = 0")
        self._file.execute("COMMIT")

    def tidy(self) -> None:
        """A checkpoint, of whatever kind."""
        kind = self._random.choice(["PASSIVE", "RESTART", "TRUNCATE"])
        self._file.execute(f"PRAGMA wal_checkpoint({kind})")

    def reopen(self) -> None:
        """The application ends and begins."""
        self.close()
        self.open()

    def _row(self, id_: str) -> dict[str, object]:
        row = dict.fromkeys(("queue_name", "run_at", "job_key", "flags", "traceparent"))
        payload = '"' + "x" * self._random.choice([10, 300, 9000]) + '"'
        return {
            **row,
            "id": id_,
            "payload": payload,
            "task": "t",
            "priority": 0,
            "max_attempts": 25,
        }


def main(path: str, log_path: str, synchronous: str, seed: str, submits: str) -> None:
    """Submit so many times, with other things between."""
    log: list[Did] = []
    random = Random(int(seed))
    _vfs = Recorder(log)
    device = Device(path, synchronous, log, random)
    others = [device.acknowledge, device.tidy, device.reopen]
    for _ in range(int(submits)):
        device.submit()
        if random.random() < 0.15:
            random.choice(others)()
    Path(log_path).write_bytes(pickle.dumps(log))
    # The power goes now at the latest: nothing is closed.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
