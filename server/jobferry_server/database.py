"""Connections to Postgres, each in the role of its part, and what their errors mean."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from jobferry_server import pooler
from jobferry_server.errors import ConfigurationError, MigrationError, Stopped
from jobferry_server.logs import events
from jobferry_server.pool import CONNECT_SECONDS, Pool
from jobferry_sql import migrations

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    AnyConnection = asyncpg.Connection

__all__ = [
    "DATABASE_ERRORS",
    "AnyConnection",
    "Pool",
    "check_schema",
    "connect",
    "free_connections",
    "in_force",
    "is_transient",
    "open_pool",
    "patiently",
]

T = TypeVar("T")

WAIT_SECONDS = 1.0
#: No statement of ours takes as long.
STATEMENT_SECONDS = 20.0

#: What a connection may raise. The last is asyncpg's word for one that breaks at an unforeseen moment, as
#: when its backend has said farewell and the end has not come yet.
DATABASE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: Classes of SQLSTATE that say "not now": connection, read-only, rollback, resources, lock, shutdown.
_TRANSIENT_CLASSES = ("08", "25", "40", "53", "55", "57", "58")

#: Classes of SQLSTATE that a row can be guilty of: its values, a constraint, a limit.
_DATA_CLASSES = ("22", "23", "54")


async def open_pool(
    dsn: str, role: str, *, size: int, pooled: bool = False, seconds: float = STATEMENT_SECONDS
) -> Pool:
    """A pool of connections that have dropped to ``role``, to a database of our schema version.

    ``pooled``: the DSN is a pooler's in transaction mode. ``seconds`` is how long a statement may take.
    """
    if pooled:
        settings, how = {"application_name": role}, pooler.OPTIONS
    else:
        settings, how = _settings(role) | _no_rest(seconds), {"reset": _as_it_was}
    pool = Pool(dsn, size=size, seconds=seconds, server_settings=settings, **how)
    try:
        await pool
        async with pool.acquire() as connection:
            await pooler.require_in_force(connection, in_force(role))
            await check_schema(connection)
    except asyncpg.InvalidParameterValueError as error:
        raise _no_role(role) from error
    except asyncpg.ProtocolViolationError as error:
        raise pooler.without_settings(error) from error
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _as_it_was(_: object) -> None:
    """None of us changes a session; to set it back would cost each use a round trip more."""


def free_connections(pool: Pool) -> int:
    """How many more may be in use at this moment without anybody waiting."""
    return pool.get_max_size() - pool.get_size() + pool.get_idle_size()


async def patiently(work: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T:
    """What ``work`` gives once Postgres answers; :class:`Stopped` if ``stop`` was set before.

    A service that is started before its database, or while it restarts, waits for it. A wrong
    password or a missing database is an error at once.
    """
    while not stop.is_set():
        try:
            return await work()
        except Exception as error:
            if not is_transient(error):
                raise
            events.WAITING_FOR_DATABASE(error=error)
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await stop.wait()
    raise Stopped


async def connect(dsn: str, role: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection that has dropped to ``role``, to listen."""
    settings = _settings(role) | {"application_name": f"{role} listening"}
    return await asyncpg.connect(
        dsn, server_settings=settings, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS
    )


async def check_schema(connection: AnyConnection) -> None:
    """:class:`MigrationError` unless the database's schema is the one this code was written for."""
    try:
        found = await connection.fetchval("select max(version) from jobferry.migrations")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        found = 0
    except asyncpg.InsufficientPrivilegeError:
        found = 0
    require_version(found or 0)


def require_version(found: int) -> None:
    """:class:`MigrationError` unless ``found`` is the newest version we know."""
    wanted = migrations("postgres")[-1].version
    if found < wanted:
        raise MigrationError(
            f"the database has schema version {found}, this Jobferry needs {wanted}",
            hint="Run 'jobferry migrate'.",
        )
    if found > wanted:
        raise MigrationError(
            f"the database has schema version {found}, this Jobferry knows {wanted}",
            hint="Install the newer Jobferry that migrated it.",
        )


def is_data_error(error: Exception) -> bool:
    """Is the data itself at fault, so that trying again would not help and another row might?"""
    if isinstance(error, asyncpg.PostgresError):
        state: Any = error.sqlstate
        return state is not None and state[:2] in _DATA_CLASSES
    # asyncpg's word for a value that it can't encode.
    return isinstance(error, ValueError)


def is_transient(error: Exception) -> bool:
    """Is it worth trying again as it is?"""
    if isinstance(error, asyncpg.PostgresError):
        state: Any = error.sqlstate
        return state is None or state[:2] in _TRANSIENT_CLASSES
    # asyncpg calls a value that it can't encode an InterfaceError too; that one is a ValueError.
    return isinstance(error, DATABASE_ERRORS) and not is_data_error(error)


def _settings(role: str) -> dict[str, str]:
    return {"application_name": role} | in_force(role)


def _no_rest(seconds: float) -> dict[str, str]:
    """A transaction of somebody who has vanished ends, and its locks with it."""
    return {"idle_in_transaction_session_timeout": f"{1000 * seconds:.0f}"}


def in_force(role: str) -> dict[str, str]:
    """What every statement of a part relies on."""
    return {
        "role": role,
        # What is acknowledged is on disk, whatever the server's default.
        "synchronous_commit": "on",
        # A forgotten transaction elsewhere must not hold up everybody's group.
        "lock_timeout": "5s",
        # Who has waited for a lock must see what was done meanwhile, whatever the server's default.
        "default_transaction_isolation": "read committed",
        # The batches are short statements; compiling them takes longer than running them.
        "jit": "off",
    }


def _no_role(role: str) -> ConfigurationError:
    return ConfigurationError(
        f"this login may not act as {role}",
        hint=f"Run 'jobferry migrate', then: GRANT {role} TO your_login;",
    )
