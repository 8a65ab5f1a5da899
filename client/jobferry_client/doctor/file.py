"""A device's file: sound, whole, and how long it has had to say something."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from jobferry_client.file import sqlite3
from jobferry_client.mending import broken, schema_of
from jobferry_client.rows import parse_time
from jobferry_shared.findings import Finding, error, ok, warning
from jobferry_sql import migrations, query

__all__ = ["examine", "state"]

#: So long an outbox may wait before somebody should know.
PATIENCE = timedelta(hours=1)
OURS = "SELECT 1 FROM sqlite_master WHERE name = '_jobferry_migrations'"
FORGOTTEN = (
    "SELECT count(*) FROM background_jobs WHERE status = 'pending'"
    " AND id NOT IN (SELECT job_id FROM _jobferry_outbox)"
)


def examine(path: Path) -> Iterator[Finding]:
    """All there is to say of the file. It is opened for reading only."""
    if not path.exists():
        yield error("file", f"there is no file {path}", f"jobferry client init {path}")
        return
    try:
        with closing(_open(path)) as database:
            yield from _examine(path, database)
    except sqlite3.DatabaseError as problem:
        yield error("file", f"{path}: {problem}", "put the file back from a backup")


def state(path: Path) -> dict[str, Any]:
    """The file's own notes: whose it is, how far it has read."""
    with closing(_open(path)) as database:
        return dict(database.execute("SELECT * FROM _jobferry_state").fetchone())


def _open(path: Path) -> Any:
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda text: text.decode(errors="replace")
    return connection


def _examine(path: Path, database: Any) -> Iterator[Finding]:
    faults = [row[0] for row in database.execute("PRAGMA quick_check(3)").fetchall()]
    if faults != ["ok"]:
        yield error("integrity", "; ".join(faults), "put the file back from a backup")
        return
    yield ok("integrity", "SQLite finds nothing wrong")
    version = _version(path, database)
    yield version
    if version.level == "error":
        return
    yield _journal(path, database)
    if version.level == "ok":
        yield _schema(path, database)
    yield from _work(path, database)


def _version(path: Path, database: Any) -> Finding:
    if not database.execute(OURS).fetchall():
        return error(
            "schema",
            f"{path} is not a Jobferry file",
            f"jobferry client init {path} (if it has no table background_jobs of its own)",
        )
    found = database.execute(
        "SELECT checksum FROM _jobferry_migrations ORDER BY version"
    ).fetchall()
    applied, known = [row[0] for row in found], [one.checksum for one in migrations("sqlite")]
    if len(applied) > len(known):
        return error(
            "schema",
            f"the file has schema version {len(applied)}, this Jobferry knows {len(known)}",
            "pip install --upgrade jobferry",
        )
    if applied != known[: len(applied)]:
        return error(
            "schema",
            "the file was made by migrations that are not this Jobferry's",
            "install the Jobferry that made it",
        )
    if len(applied) < len(known):
        return warning(
            "schema",
            f"the file has schema version {len(applied)} of {len(known)}; the next to open it migrates it",
            f"jobferry client init {path}",
        )
    return ok("schema", f"version {len(applied)}")


def _journal(path: Path, database: Any) -> Finding:
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal":
        return ok("journal", "WAL; each program that writes decides on `synchronous` for itself")
    return warning(
        "journal",
        f"the journal mode is {mode}: readers and writers wait for one another",
        f"jobferry client init {path}",
    )


def _schema(path: Path, database: Any) -> Finding:
    """Is every table, index and trigger there, as it was made?"""
    names = sorted(name for _, name in broken(schema_of(database)))
    if not names:
        return ok("triggers", "tables, indexes and triggers are as they were made")
    return error(
        "triggers",
        f"missing or altered: {', '.join(names)}; jobs may stay unsent unnoticed",
        f"jobferry client init --mend {path}",
    )


def _work(path: Path, database: Any) -> Iterator[Finding]:
    counts = database.execute(query("device_counts")).fetchone()
    yield _forgotten(path, database)
    yield _outbox(path, counts)
    yield _rejected(path, counts)
    yield _last_sync(path, counts)


def _forgotten(path: Path, database: Any) -> Finding:
    lost = database.execute(FORGOTTEN).fetchone()[0]
    if not lost:
        return ok("outbox", "every unsent job is in it")
    return error(
        "outbox",
        f"{lost} unsent jobs are not in the outbox, and so are never sent",
        f"jobferry client init --mend {path}",
    )


def _outbox(path: Path, counts: Any) -> Finding:
    if not counts["pending"]:
        return ok("unsent", "nothing is unsent")
    age = datetime.now(UTC) - parse_time(counts["oldest_pending_at"])
    says = f"{counts['pending']} operations are unsent, the oldest for {_rough(age)}"
    says += " and an engine is at work" if _engine_runs(path) else " and no engine is at work"
    if age < PATIENCE:
        return ok("unsent", says)
    return warning("unsent", says, f"jobferry client sync {path} --url ws://… --token …")


def _rejected(path: Path, counts: Any) -> Finding:
    if not counts["rejected"]:
        return ok("rejected", "no job was rejected")
    return warning(
        "rejected",
        f"{counts['rejected']} jobs were rejected; each says why",
        f"jobferry client ls {path} --status rejected",
    )


def _last_sync(path: Path, counts: Any) -> Finding:
    if counts["last_synced_at"] is None:
        return warning(
            "last sync",
            "the file was never in step with a gateway",
            f"jobferry client sync {path} --once --url ws://… --token …",
        )
    return ok("last sync", f"{counts['last_synced_at']}, as {counts['owner']}")


def _engine_runs(path: Path) -> bool:
    lock = FileLock(f"{path}.jobferry-lock")
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock.acquire(blocking=False):
            return False
    except Timeout:
        return True


def _rough(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
