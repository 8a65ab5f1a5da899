"""Who may do what: each part drops to its role, and a superuser among them undoes that."""

from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow

from jobferry_shared.findings import Finding, error, ok, warning

__all__ = ["act_as_reader", "examine"]

Connection = psycopg.Connection[DictRow]

#: The roles that parts take, and what can't work without them.
PARTS = {"jobferry_gateway": "gateway", "jobferry_processor": "processor"}
#: Who may read what is looked at here; any will do.
READERS = ("jobferry_auditor", *PARTS)
MAY_ACT = """
select r.rolname as role, pg_has_role(current_user, r.oid,
  case when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end) as may
from pg_roles r where r.rolname like 'jobferry\\_%'
"""
SUPERUSERS = """
select distinct a.usename as login, a.application_name as part
from pg_stat_activity a join pg_roles r on r.rolname = a.usename
where r.rolsuper and a.application_name = any (%s) and a.datname = current_database()
"""


def act_as_reader(connection: Connection) -> None:
    """Take a role that may read everything, if this login has one."""
    may = _may_act(connection)
    for role in READERS:
        if may.get(role):
            connection.execute(f"set local role {role}".encode())
            return


def examine(connection: Connection) -> Iterator[Finding]:
    """What this login may act as, and who runs as a superuser."""
    may = _may_act(connection)
    login = connection.info.user
    if not may:
        yield error("roles", "Jobferry's roles are not in this cluster", "jobferry migrate --dsn …")
        return
    yield _parts(may, login)
    yield _own_rights(connection, login)
    yield from _others(connection)


def _may_act(connection: Connection) -> dict[str, bool]:
    return {row["role"]: row["may"] for row in connection.execute(MAY_ACT.encode()).fetchall()}


def _parts(may: dict[str, bool], login: str) -> Finding:
    able = [part for role, part in PARTS.items() if may.get(role)]
    if able:
        return ok("roles", f"{login} may run as {' and '.join(able)}")
    return error(
        "roles",
        f"{login} may run as no part of Jobferry",
        f"GRANT {next(iter(PARTS))} TO {login}; (or jobferry_processor)",
    )


def _own_rights(connection: Connection, login: str) -> Finding:
    row = connection.execute(
        b"select rolsuper from pg_roles where rolname = session_user"
    ).fetchone()
    if row is None or not row["rolsuper"]:
        return ok("rights", f"{login} is no superuser")
    return warning(
        "rights",
        f"{login} is a superuser: a part that logs in like this can undo its own limits",
        "CREATE ROLE part LOGIN PASSWORD '…' IN ROLE jobferry_gateway; and give its DSN",
    )


def _others(connection: Connection) -> Iterator[Finding]:
    rows = connection.execute(SUPERUSERS.encode(), [list(PARTS)]).fetchall()
    for row in rows:
        yield warning(
            "parts' logins",
            f"a {PARTS[row['part']]} runs as {row['login']}, a superuser",
            f"CREATE ROLE part LOGIN PASSWORD '…' IN ROLE {row['part']}; and give it that DSN",
        )
    if not rows:
        yield ok("parts' logins", "no part runs as a superuser, as far as can be seen")
