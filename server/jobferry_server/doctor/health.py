"""The server: its version, settings that hurt, and whoever keeps it from cleaning up."""

import time
from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow

from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["examine"]

Connection = psycopg.Connection[DictRow]

OLDEST, NEWEST = 14, 18
CLOCK_SECONDS = 5.0
#: A transaction that is open for so long is forgotten rather than at work.
OLD_MINUTES = 10
#: Connections beyond this share of all are a warning.
CROWDED = 0.8

#: Settings, what they must be, what it costs otherwise.
SETTINGS = (
    ("fsync", "on", error, "a crash of the machine may lose or corrupt everything"),
    ("full_page_writes", "on", error, "a crash of the machine may corrupt everything"),
    ("default_transaction_read_only", "off", error, "nothing can be written"),
    ("synchronous_commit", "on", warning, "programs beside ours may lose their last commits"),
    ("autovacuum", "on", warning, "tables grow, and transaction ids run out"),
    ("track_counts", "on", warning, "autovacuum does not work without it"),
)


def examine(connection: Connection) -> Iterator[Finding]:
    """All of it."""
    yield _version(connection)
    yield _clock(connection)
    yield _primary(connection)
    yield from _settings(connection)
    yield _room(connection)
    yield _old_transactions(connection)
    yield _prepared(connection)
    yield _slots(connection)


def _version(connection: Connection) -> Finding:
    major = connection.info.server_version // 10000
    if major < OLDEST:
        return error("postgres", f"PostgreSQL {major} is too old", f"upgrade to {OLDEST} or newer")
    if major > NEWEST:
        return warning(
            "postgres",
            f"PostgreSQL {major} is newer than any this Jobferry was tested with",
            "pip install --upgrade jobferry",
        )
    return ok("postgres", f"version {major}")


def _clock(connection: Connection) -> Finding:
    there = _one(connection, "select extract(epoch from clock_timestamp())::float8 as it")
    offset = there - time.time()
    if abs(offset) > CLOCK_SECONDS:
        return warning(
            "database's clock",
            f"it is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this machine's",
            "timedatectl set-ntp true",
        )
    return ok("database's clock", "it agrees with this machine's")


def _primary(connection: Connection) -> Finding:
    if _one(connection, "select pg_is_in_recovery() as it"):
        return error(
            "primary", "this is a replica: it can be read only", "give the DSN of the primary"
        )
    return ok("primary", "it can be written")


def _settings(connection: Connection) -> Iterator[Finding]:
    found = _all(connection, "select name, setting from pg_settings")
    values = {row["name"]: row["setting"] for row in found}
    for name, wanted, level, costs in SETTINGS:
        if values[name] == wanted:
            yield ok(f"setting {name}", wanted)
        else:
            mend = f"ALTER SYSTEM SET {name} = {wanted}; SELECT pg_reload_conf();"
            yield level(f"setting {name}", f"it is {values[name]}: {costs}", mend)


def _room(connection: Connection) -> Finding:
    used = _one(
        connection,
        "select count(*) as it from pg_stat_activity where backend_type = 'client backend'",
    )
    most = _one(connection, "select current_setting('max_connections')::integer as it")
    says = f"{used} of {most} connections are in use"
    if used > CROWDED * most:
        return warning("connections", says, "ALTER SYSTEM SET max_connections = …; and restart")
    return ok("connections", says)


def _old_transactions(connection: Connection) -> Finding:
    rows = _all(
        connection,
        "select pid, state, extract(epoch from now() - xact_start) / 60 as minutes, application_name"
        " from pg_stat_activity where xact_start < now() - make_interval(mins => %s)"
        " and backend_type = 'client backend' and pid <> pg_backend_pid() order by xact_start",
        OLD_MINUTES,
    )
    if not rows:
        return ok("old transactions", f"none is older than {OLD_MINUTES} minutes")
    first = rows[0]
    return warning(
        "old transactions",
        f"{len(rows)} keep vacuum from its work, the oldest ({first['state']}, {first['application_name']!r})"
        f" for {first['minutes']:.0f} minutes",
        f"SELECT pg_terminate_backend({first['pid']});",
    )


def _prepared(connection: Connection) -> Finding:
    rows = _all(
        connection,
        "select gid from pg_prepared_xacts where prepared < now() - make_interval(mins => %s)"
        " order by prepared",
        OLD_MINUTES,
    )
    if not rows:
        return ok("prepared transactions", f"none is older than {OLD_MINUTES} minutes")
    gid = rows[0]["gid"].replace("'", "''")
    return warning(
        "prepared transactions",
        f"{len(rows)} are neither committed nor rolled back, and keep vacuum from its work",
        f"ROLLBACK PREPARED '{gid}';",
    )


def _slots(connection: Connection) -> Finding:
    rows = _all(
        connection,
        "select slot_name from pg_replication_slots where not active"
        " and (xmin is not null or catalog_xmin is not null or restart_lsn is not null)",
    )
    if not rows:
        return ok("replication slots", "none is left behind")
    name = rows[0]["slot_name"]
    return warning(
        "replication slots",
        f"nobody reads from {len(rows)}, of which one is {name}: the log grows until the disk is full",
        f"SELECT pg_drop_replication_slot('{name}');",
    )


def _all(connection: Connection, sql: str, *values: object) -> list[DictRow]:
    return connection.execute(sql.encode(), values or None).fetchall()


def _one(connection: Connection, sql: str) -> float:
    found: float = _all(connection, sql)[0]["it"]
    return found
