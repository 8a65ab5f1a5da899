"""The SQLite library of this process."""

import sys
from collections.abc import Iterator, Mapping

from jobferry_client.file import OLDEST_SQLITE, sqlite3
from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine", "has_wal_reset_bug", "libraries"]

Version = tuple[int, ...]

#: Modules that bring a SQLite of their own.
BRINGERS = ("_sqlite3", "pysqlite3._sqlite3", "sqlcipher3._sqlite3", "apsw")
#: Several connections may corrupt a WAL file when one resets it; mended in these, and from then on.
WAL_RESET_FROM = (3, 7, 0)
WAL_RESET_MENDED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
NEWER = "pip install pysqlite3-binary"


def examine() -> Iterator[Finding]:
    """Its version, and whether it is alone."""
    yield _version(tuple(sqlite3.sqlite_version_info))
    found = libraries(sys.modules)
    if len(found) > 1:
        yield error(
            "sqlite library",
            f"this process has loaded {' and '.join(found)}: two SQLite libraries on one file break its locks",
            "import sqlite3 nowhere beside Jobferry; take jobferry_client.file.sqlite3",
        )
    else:
        yield ok("sqlite library", f"one library is loaded, {sqlite3.__name__}")


def libraries(modules: Mapping[str, object]) -> list[str]:
    """Those of the modules that bring a SQLite."""
    return [name for name in BRINGERS if name in modules]


def has_wal_reset_bug(version: Version) -> bool:
    """May this SQLite corrupt a WAL file that several connections use?"""
    mended = any(version[:2] == one[:2] and version >= one for one in WAL_RESET_MENDED)
    return WAL_RESET_FROM <= version < WAL_RESET_MENDED[-1] and not mended


def _version(version: Version) -> Finding:
    text = ".".join(map(str, version))
    if version < OLDEST_SQLITE:
        return error("sqlite version", f"SQLite {text} is too old, 3.37 is needed", NEWER)
    if has_wal_reset_bug(version):
        return warning(
            "sqlite version",
            f"SQLite {text} can, very rarely, corrupt a WAL file that several connections use",
            f"{NEWER} (3.51.3 or newer; 3.44.6 and 3.50.7 are mended too)",
        )
    return ok("sqlite version", f"SQLite {text}")
