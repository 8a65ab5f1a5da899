"""One job by the bare pieces, one after the other: the floor of the latency.

INSERT into a bare SQLite file; once over a websocket and back; INSERT with NOTIFY into a bare Postgres
table, until a listener hears it; claim; complete with NOTIFY, until it is heard; UPDATE in the file.
Nothing is decoded, checked, kept in order or made safe.
"""

import asyncio
import sqlite3
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import asyncpg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.jobs import PAYLOAD
from benchmarks.raw_sqlite import bare_file
from jobferry_shared.ids import new_id

__all__ = ["Chain", "chains"]

EVERY_SECONDS = 0.05
_TABLE = """
create table public.bare_jobs (
  id uuid primary key, payload jsonb, claimed boolean default false, result jsonb)
"""
_INSERT = """
with added as (insert into public.bare_jobs (id, payload) values ($1, $2) returning id)
select pg_notify('bare', id::text) from added
"""
_CLAIM = "update public.bare_jobs set claimed = true where id = $1 returning payload::text"
_COMPLETE = """
with done as (update public.bare_jobs set result = '{"ok": true}' where id = $1 returning id)
select pg_notify('bare', id::text) from done
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """Milliseconds of each piece."""

    insert: float
    socket: float
    received: float
    claim: float
    completed: float
    update: float

    @property
    def started(self) -> float:
        """Until a handler could begin: the message has gone up, nothing has come down."""
        return self.insert + self.socket / 2 + self.received + self.claim

    @property
    def whole(self) -> float:
        """There and back."""
        return self.started + self.socket / 2 + self.completed + self.update

    @property
    def acknowledged(self) -> float:
        """From a committed row until it is in Postgres and the file knows."""
        return self.socket + self.received + self.update


def chains(dsn: str, url: str, path: Path, number: int) -> list[Chain]:
    """So many jobs, with pauses between as between jobs of a quiet application."""
    return asyncio.run(_chains(dsn, url, path, number))


async def _chains(dsn: str, url: str, path: Path, number: int) -> list[Chain]:
    writer, listener = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    heard: asyncio.Queue[object] = asyncio.Queue()
    await writer.execute(_TABLE)
    await listener.add_listener("bare", lambda *_: heard.put_nowait(None))
    file = bare_file(path)
    found = []
    try:
        async with connect(url, compression=None, ping_interval=None) as socket:
            for _ in range(number):
                found.append(await _chain(file, socket, writer, heard))
                await asyncio.sleep(EVERY_SECONDS)
    finally:
        file.close()
        await writer.close()
        await listener.close()
    return found


async def _chain(
    file: sqlite3.Connection,
    socket: ClientConnection,
    writer: "asyncpg.Connection[asyncpg.Record]",
    heard: "asyncio.Queue[object]",
) -> Chain:
    job = new_id()
    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    file.execute("INSERT INTO bare (id, payload) VALUES (?, ?)", (str(job), PAYLOAD))
    mark()
    await socket.send(PAYLOAD)
    await socket.recv()
    mark()
    await writer.fetchval(_INSERT, job, PAYLOAD)
    await heard.get()
    mark()
    await writer.fetchval(_CLAIM, job)
    mark()
    await writer.fetchval(_COMPLETE, job)
    await heard.get()
    mark()
    file.execute("UPDATE bare SET completed = 1, result = ? WHERE id = ?", (PAYLOAD, str(job)))
    mark()
    return Chain(*((end - begin) * 1e3 for begin, end in pairwise(marks)))
