"""The schema: its version, and every trigger there and in force for everybody."""

import re
from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow

from jobferry_server.doctor.roles import act_as_reader
from jobferry_server.errors import MigrationError
from jobferry_server.migrate import unaltered
from jobferry_shared.findings import Finding, error, ok, warning
from jobferry_sql import migrations

__all__ = ["examine", "triggers"]

Connection = psycopg.Connection[DictRow]

MIGRATE = "jobferry migrate --dsn postgresql://…"
CREATED = re.compile(
    r"^create trigger (\w+) .*?\bon ((?:public|jobferry)\.\w+)", re.MULTILINE | re.DOTALL
)
FOUND = """
select t.tgname as name, format('%s.%s', n.nspname, c.relname) as on_table, t.tgenabled as enabled
from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
where not t.tgisinternal
"""
CLUSTER = """
select i.cluster = (select system_identifier from pg_control_system()) as settled from jobferry.identity i
"""


def examine(connection: Connection) -> Iterator[Finding]:
    """Version, triggers, and whether a restored database was settled."""
    if connection.execute(b"select to_regnamespace('jobferry') as it").fetchone() == {"it": None}:
        yield error("schema", "Jobferry's schema is not in this database", MIGRATE)
        return
    act_as_reader(connection)
    version = _version(connection)
    yield version
    if version.level == "ok":
        yield from _triggers(connection)
        yield _restored(connection)


def triggers() -> set[tuple[str, str]]:
    """The triggers of our schema and their tables, by the migrations' text."""
    return {pair for migration in migrations("postgres") for pair in CREATED.findall(migration.sql)}


def _version(connection: Connection) -> Finding:
    rows = connection.execute(
        b"select version, checksum from jobferry.migrations order by version"
    ).fetchall()
    try:
        unaltered([(row["version"], row["checksum"]) for row in rows])
    except MigrationError as wrong:
        return error("schema", str(wrong), wrong.hint or MIGRATE)
    return ok("schema", f"version {rows[-1]['version']}")


def _triggers(connection: Connection) -> Iterator[Finding]:
    rows = connection.execute(FOUND.encode()).fetchall()
    found = {(row["name"], row["on_table"]): row["enabled"] for row in rows}
    wanted = triggers()
    missing = sorted(pair for pair in wanted if pair not in found)
    asleep = sorted(pair for pair in wanted if found.get(pair, "A") != "A")
    for name, table in missing:
        yield error(
            "triggers",
            f"{name} on {table} is missing: what others write is not covered",
            f"jobferry migrate --print | grep -A3 'create trigger {name} ' (and run that in psql)",
        )
    for name, table in asleep:
        yield error(
            "triggers",
            f"{name} on {table} is not ENABLE ALWAYS: some writers pass it by",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};",
        )
    if not missing and not asleep:
        yield ok("triggers", f"all {len(wanted)} are there and in force for everybody")


def _restored(connection: Connection) -> Finding:
    row = connection.execute(CLUSTER.encode()).fetchone()
    if row is not None and row["settled"]:
        return ok("restored", "the transaction ids in the rows are this cluster's")
    return warning(
        "restored",
        "the database comes from another cluster, and its rows' transaction ids with it",
        f"{MIGRATE} (or start a gateway, which puts it right, too)",
    )
