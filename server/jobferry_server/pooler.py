"""Through a pooler in transaction mode each transaction may be on another connection of the server.

So nothing may be said once and be meant for later: no prepared statement, no LISTEN, no setting, no
role. What must be in force is said by the login itself (``ALTER ROLE … SET``) or by the pooler
(``connect_query``), and looked at before anything else is done. docs/decisions/0017 says why.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from jobferry_server.errors import ConfigurationError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    AnyConnection = asyncpg.Connection

__all__ = ["OPTIONS", "require_in_force", "without_settings"]

IN_FORCE = "select name, current_setting(name, true) as value from unnest($1::text[]) name"


async def _leave_alone(_: object) -> None:
    """What a session would leave behind is not there, and RESET would reach somebody else's."""


#: How asyncpg connects to a pooler.
OPTIONS: Mapping[str, Any] = {"statement_cache_size": 0, "reset": _leave_alone}


async def require_in_force(connection: AnyConnection, settings: Mapping[str, str]) -> None:
    """:class:`ConfigurationError` unless the connection has these settings, whoever made them."""
    found = {row["name"]: row["value"] for row in await connection.fetch(IN_FORCE, [*settings])}
    missing = {name: value for name, value in settings.items() if found[name] != value}
    if missing:
        login: str = await connection.fetchval("select quote_ident(session_user)")
        raise ConfigurationError(
            "not in force through this pooler: " + ", ".join(missing),
            hint=" ".join(_remedy(login, missing)) + " Then RECONNECT in the pooler.",
        )


def _remedy(login: str, missing: Mapping[str, str]) -> Iterator[str]:
    for name, value in missing.items():
        if name == "role":
            yield f"GRANT {value} TO {login};"
        yield f"ALTER ROLE {login} SET {name} = '{value}';"


def without_settings(error: Exception) -> ConfigurationError:
    """Why a pooler did not let us in as it should."""
    return ConfigurationError(
        f"this is a pooler that takes no settings: {error}",
        hint="Set JOBFERRY_POOLED=true; docs/pooler.md says what else it takes.",
    )
