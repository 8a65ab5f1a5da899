"""Other queues in the test's database, installed by themselves."""

import asyncio
import re
from importlib.resources import files
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import asyncpg
import psycopg
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from integration.database import Database, Row

PAGE = (Path(__file__).parents[2] / "docs" / "delegates.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The block of the page on delegates that calls itself so in its first line."""
    blocks: list[str] = re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)
    return next(block for block in blocks if block.partition("\n")[0].endswith(f" {name}"))


def install_procrastinate(dsn: str) -> None:
    """Procrastinate's tables, in ``public``."""
    schema = (files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(dsn, options="-c client_min_messages=warning") as connection:
        connection.execute(schema.encode())


def install_pgqueuer(dsn: str) -> None:
    """PgQueuer's tables, in ``public``."""

    async def install() -> None:
        connection = await asyncpg.connect(dsn)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    asyncio.run(install())


def delegate(db: Database, task: str, engine: str, **where: str) -> Row:
    """``jobferry.delegate``."""
    return db.row(
        "select * from jobferry.delegate(%s, %s, schema_name => %s, queue => %s, foreign_task => %s)",
        task,
        engine,
        *(where.get(name) for name in ("schema", "queue", "foreign_task")),
    )


def handed_over(db: Database) -> dict[UUID, Row]:
    """Where the jobs are, by id."""
    return {row["job_id"]: row for row in db.rows("select * from jobferry.delegated")}


def findings(db: Database) -> dict[UUID, str]:
    """``jobferry.delegates_check``: the finding by job."""
    rows = db.rows("select job_id, finding from jobferry.delegates_check()")
    return {row["job_id"]: row["finding"] for row in rows}


def started(db: Database, job: UUID) -> int | None:
    """``delegated_started``: the attempt, or ``None``."""
    rows = db.rows("select attempt from jobferry.delegated_started(%s)", job)
    return rows[0]["attempt"] if rows else None


def progress(db: Database, job: UUID, attempt: int, fraction: float | None = None) -> bool:
    """``delegated_progress``."""
    sql: LiteralString = "select jobferry.delegated_progress(%s, %s, %s::real)"
    return bool(db.value(sql, job, attempt, fraction))


def completed(db: Database, job: UUID, attempt: int, result: str | None = None) -> bool:
    """``delegated_completed``."""
    return bool(db.value("select jobferry.delegated_completed(%s, %s, %s)", job, attempt, result))
