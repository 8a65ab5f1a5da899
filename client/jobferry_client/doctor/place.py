"""Where a device's file lies: SQLite's locks hold on a local disk alone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine", "type_of"]

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|glusterfs|lustre|ocfs2|gfs2|vboxsf|drvfs|davfs2?"
    r"|fuse\.(?!fuse-overlayfs|ntfs)\w+"
)
FLEETING = ("tmpfs", "ramfs")
#: A mount point with a space in it has \040 there.
OCTAL = re.compile(r"\\(\d{3})")


def examine(path: Path) -> Iterator[Finding]:
    """The file system, and whether one may write there."""
    kind = type_of(path, MOUNTS.read_text()) if MOUNTS.exists() else None
    if kind is None:
        yield ok("file system", "its type can not be told on this system")
    elif NETWORK.fullmatch(kind):
        yield error(
            "file system",
            f"{path} is on {kind}, a network file system: SQLite's locks and WAL do not hold there",
            f"mv {path} to a local disk, with no program at work on it",
        )
    elif kind in FLEETING:
        yield warning(
            "file system",
            f"{path} is on {kind}, which is empty after the next start of the machine",
            f"mv {path} to a disk, with no program at work on it",
        )
    else:
        yield ok("file system", kind)
    yield _permissions(path)


def type_of(path: Path, mounts: str) -> str | None:
    """The type of the file system that holds a path, by the text of ``/proc/self/mountinfo``."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(OCTAL.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[4]))
        depth = len(point.parts)
        if path.resolve().is_relative_to(point) and (best is None or depth >= best[0]):
            best = depth, after.split(" ")[0]
    return best[1] if best else None


def _permissions(path: Path) -> Finding:
    for place in (path, path.resolve().parent):
        if not os.access(place, os.W_OK):
            return error("permissions", f"{place} can not be written", f"chmod u+w {place}")
    return ok("permissions", "file and folder can be written")
