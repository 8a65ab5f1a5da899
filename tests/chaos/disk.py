"""A device's disk that can be full, and a file that can't be written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = [
    "empty",
    "fill",
    "lacking_full",
    "lacking_read_only",
    "protect",
    "small_disk",
    "unprotect",
]

SIZE = "96m"
BALLAST = "ballast"
PIECE = 1 << 20


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own for what is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """Leave not an octet free."""
    with (folder / BALLAST).open("ab", buffering=0) as ballast:
        size = PIECE
        while size:
            try:
                ballast.write(bytes(size))
            except OSError:
                size //= 2


def empty(folder: Path) -> None:
    """Take away what :func:`fill` has put there."""
    (folder / BALLAST).unlink(missing_ok=True)


def protect(path: Path) -> None:
    """Refuse every write to the database and its log, to those who have them open too."""
    _attribute("+i", path)


def unprotect(path: Path) -> None:
    """Let it be written again."""
    _attribute("-i", path)


def lacking_full() -> str | None:
    """Why there can't be a small disk here, if there can't."""
    if os.geteuid() != 0:
        return "small disks are root's"
    with TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder, "disk")):
                return None
        except (OSError, subprocess.CalledProcessError):
            return "mounting is not permitted"


def lacking_read_only() -> str | None:
    """Why files can't be protected here, if they can't."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        with path.open("wb", buffering=0) as opened:
            try:
                protect(path)
            except (OSError, subprocess.CalledProcessError):
                return "files can't be made immutable here"
            try:
                opened.write(b"!")
            except OSError:
                return None
            finally:
                unprotect(path)
    return "immutable files can be written here"


def _attribute(change: str, path: Path) -> None:
    files = [path, path.with_name(path.name + "-wal")]
    there = [file for file in files if file.exists()]
    subprocess.run(["chattr", change, *there], check=True, stderr=subprocess.DEVNULL)
