"""The archive of pruned jobs: JSON lines that are on disk before the ledger lets go of them.

A job is in the archive, in the ledger, or, if a prune was killed between the two, in both: then the
next one writes it once more. It is never in neither.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from filelock import FileLock

from jobferry_server.errors import ConfigurationError

__all__ = ["Archive"]

#: How every line begins.
_BEGINNING = b'{"id": "'
_CHUNK = 65536


class Archive:
    """A file of JSON lines, to which several may write in turn; made if need be, for its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(f"{path}.lock")

    def append(self, lines: Iterable[str]) -> None:
        """Add these lines; all of them are on disk when this returns, and none if it raises."""
        with _opened(self.path, self._lock) as file:
            end = _cut_torn_line(file)
            try:
                for line in lines:
                    _write(file, line.encode() + b"\n")
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(end)
                raise


@contextmanager
def _opened(path: Path, lock: FileLock) -> Iterator[FileIO]:
    try:
        # First of all, as the lock would make the folder.
        _fsync_folder(path.parent)
        with lock, FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            _check(path, file)
            _fsync_folder(path.parent)
            yield file
    except OSError as error:
        raise ConfigurationError(f"the archive {path}: {error}") from error


def _write(file: FileIO, octets: bytes) -> None:
    while octets:
        octets = octets[file.write(octets) :]


def _check(path: Path, file: FileIO) -> None:
    beginning = file.read(len(_BEGINNING))
    if not _BEGINNING.startswith(beginning):
        raise ConfigurationError(
            f"{path} is not an archive of pruned jobs", hint="Name a new file, or an archive."
        )


def _fsync_folder(folder: Path) -> None:
    """A file is found after a power cut only if its folder was written too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut_torn_line(file: FileIO) -> int:
    """Where the last whole line ends; what a killed writer left after it is cut off."""
    end = size = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(end)
    return end
