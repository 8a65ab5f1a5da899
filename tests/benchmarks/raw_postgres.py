"""What Postgres does alone: the same rows by bare inserts, and our own SQL with no process around it.

One connection unless it says otherwise, batches of 500, each its own transaction.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import asyncpg

from benchmarks.jobs import BATCH, DEVICE, OWNER, TASK, Row
from jobferry_server.database import AnyConnection, connect
from jobferry_server.gateway.submits import SUBMIT
from jobferry_server.processor.ledger import CLAIM, FLUSH

__all__ = ["bare_copy", "finish", "foreign_writer", "queue_up", "recipe"]

Write = Callable[[AnyConnection, Sequence[Row]], Awaitable[object]]

_INSERT = """
insert into {} (id, submitted_by, client_id, "timestamp", payload, task)
select i.id, $2, $3, i.at, i.payload::jsonb, $6
from unnest($1::uuid[], $4::timestamptz[], $5::text[]) as i(id, at, payload)
"""
_INTO_LEDGER = _INSERT.format("public.background_jobs")
_INTO_COPY = _INSERT.format("public.bare_copy")
#: Columns, constraints and indexes of the ledger; no triggers.
_COPY = "create table public.bare_copy (like public.background_jobs including all)"
#: The recipe's table, and its trigger that says each row to whoever listens.
_RECIPE = """
create schema recipe;
create table recipe.background_jobs (
  id uuid primary key, "timestamp" timestamptz not null, payload jsonb not null,
  completed boolean default false, cancelled boolean default false, progress real default 0, result jsonb
);
create function recipe.process_job() returns trigger language plpgsql as $$
begin
  if NEW.completed = false and NEW.cancelled = false then
    perform pg_notify('process_background_job', row_to_json(NEW)::text);
  end if;
  return NEW;
end $$;
create trigger process_job_trigger after insert on recipe.background_jobs
  for each row execute function recipe.process_job();
alter table recipe.background_jobs enable always trigger process_job_trigger;
"""
_INTO_RECIPE = """
insert into recipe.background_jobs (id, "timestamp", payload)
select i.id, i.at, i.payload::jsonb
from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as i(id, at, payload)
"""

_RESULT = '{"ok":true,"at":123456789012345}'


def queue_up(dsn: str, rows: Sequence[Row]) -> float:
    """Submit these by the gateway's own function, without a gateway; rows per second."""
    return asyncio.run(_insert(dsn, rows, _submit))


def foreign_writer(dsn: str, rows: Sequence[Row]) -> float:
    """Insert these into the ledger as any other program would, triggers and all; rows per second."""
    return asyncio.run(_insert(dsn, rows, _into_ledger))


def bare_copy(dsn: str, rows: Sequence[Row]) -> float:
    """Insert these into a copy of the ledger that has no triggers; rows per second."""
    return asyncio.run(_insert(dsn, rows, _into_copy, _COPY))


def recipe(dsn: str, rows: Sequence[Row]) -> float:
    """Insert these into the recipe's own table with the recipe's own trigger; rows per second."""
    return asyncio.run(_insert(dsn, rows, _into_recipe, _RECIPE))


def finish(dsn: str, connections: int = 1) -> float:
    """Claim and complete all that is queued, with no handlers; jobs per second."""
    return asyncio.run(_finish(dsn, connections))


async def _insert(dsn: str, rows: Sequence[Row], write: Write, first: str = "") -> float:
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
    try:
        if first:
            await connection.execute(first)
        began = time.perf_counter()
        for batch in _batches(rows):
            await write(connection, batch)
        return len(rows) / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _submit(connection: AnyConnection, batch: Sequence[Row]) -> None:
    size = len(batch)
    nothing = [None] * size
    await connection.fetch(
        SUBMIT,
        [row.id for row in batch],
        [OWNER] * size,
        [DEVICE] * size,
        [row.timestamp for row in batch],
        [row.payload for row in batch],
        [TASK] * size,
        nothing,
        [0] * size,
        nothing,
        [25] * size,
        *[nothing] * 3,
        [False] * size,
    )


async def _into_ledger(connection: AnyConnection, batch: Sequence[Row]) -> None:
    await connection.execute(_INTO_LEDGER, *_columns(batch))


async def _into_copy(connection: AnyConnection, batch: Sequence[Row]) -> None:
    await connection.execute(_INTO_COPY, *_columns(batch))


async def _into_recipe(connection: AnyConnection, batch: Sequence[Row]) -> None:
    ids, _, _, times, payloads, _ = _columns(batch)
    await connection.execute(_INTO_RECIPE, ids, times, payloads)


def _columns(batch: Sequence[Row]) -> tuple[Any, ...]:
    times = [row.timestamp for row in batch]
    payloads = [row.payload for row in batch]
    return [row.id for row in batch], OWNER, DEVICE, times, payloads, TASK


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]


async def _finish(dsn: str, number: int) -> float:
    connections = [await connect(dsn, "jobferry_processor") for _ in range(number)]
    try:
        began = time.perf_counter()
        done = await asyncio.gather(
            *(_work(connection, f"raw {n}") for n, connection in enumerate(connections))
        )
        return sum(done) / (time.perf_counter() - began)
    finally:
        for connection in connections:
            await connection.close()


async def _work(connection: AnyConnection, name: str) -> int:
    await connection.execute("select jobferry.register_processor($1, $2, '')", name, [TASK])
    done = 0
    while jobs := await connection.fetch(CLAIM, name, [TASK], [], BATCH):
        ids, attempts = [job["id"] for job in jobs], [job["attempt"] for job in jobs]
        await connection.fetch(FLUSH, name, ids, attempts, [_RESULT] * len(jobs), *[[]] * 16)
        done += len(jobs)
    await connection.execute("select jobferry.unregister_processor($1)", name)
    return done
