"""The database as these tests see it: few words over SQL, and everything it tells its listeners."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

from jobferry_shared.ids import new_id
from support.processes import eventually

T = TypeVar("T")
Row = dict[str, Any]

DEVICE = UUID("0197a000-0000-7000-8000-000000000001")
ANNA = "anna"

#: What no two rows have in common however alike they are.
OWN = (
    "id",
    "timestamp",
    "run_at",
    "received_at",
    "started_at",
    "finished_at",
    "created",
    "version",
)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A submit as the gateway hands it to ``submit_batch``; ``payload`` and ``flags`` are texts."""

    id: UUID = field(default_factory=new_id)
    owner: str = ANNA
    client_id: UUID = DEVICE
    payload: str = "{}"
    task: str = "default"
    queue_name: str | None = None
    priority: int = 0
    run_at: object = None
    max_attempts: int = 25
    job_key: str | None = None
    flags: str | None = None
    database_id: UUID | None = None
    cancelled: bool = False


@dataclass(frozen=True)
class Held:
    """What makes a claimed job one's own: the job, and which attempt it is."""

    id: UUID
    attempt: int


class Database:
    """One connection in which each statement is its own transaction, unless within ``together``."""

    def __init__(self, dsn: str, role: LiteralString | None = None) -> None:
        self.dsn = dsn
        self.connection = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)
        if role is not None:
            self.do(f"set role {role}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def pid(self) -> int:
        """The backend that serves this connection."""
        return self.connection.info.backend_pid

    def together(self) -> "psycopg.Transaction | Any":
        """One transaction for all within."""
        return self.connection.transaction()

    # -- SQL

    def rows(self, sql: LiteralString, *values: object) -> list[Row]:
        """All rows."""
        return self.connection.execute(sql, values or None).fetchall()

    def row(self, sql: LiteralString, *values: object) -> Row:
        """The one row."""
        (found,) = self.rows(sql, *values)
        return found

    def value(self, sql: LiteralString, *values: object) -> Any:
        """The first column of the one row."""
        return next(iter(self.row(sql, *values).values()))

    def column(self, sql: LiteralString, *values: object) -> list[Any]:
        """The first column of all rows."""
        return [next(iter(row.values())) for row in self.rows(sql, *values)]

    def do(self, sql: LiteralString, *values: object) -> int:
        """Execute; how many rows were touched."""
        return self.connection.execute(sql, values or None).rowcount

    # -- the ledger

    def insert(self, **columns: object) -> UUID:
        """A plain INSERT by somebody who knows nothing but the table; the new id."""
        given = {"id": new_id(), "payload": Json({})} | columns
        names = ", ".join(f'"{name}"' for name in given)
        places = ", ".join(["%s"] * len(given))
        self.do(f"insert into background_jobs ({names}) values ({places})", *given.values())
        assert isinstance(given["id"], UUID)
        return given["id"]

    def job(self, job: UUID) -> Row:
        """The ledger's row."""
        return self.row("select * from background_jobs where id = %s", job)

    def status(self, job: UUID) -> str:
        """Where the job is in its life."""
        return str(self.job(job)["status"])

    def cancel(self, job: UUID) -> int:
        """A cancel by plain UPDATE."""
        return self.do("update background_jobs set cancelled = true where id = %s", job)

    def queue(self) -> dict[UUID, Row]:
        """The queue by job id."""
        return {row["job_id"]: row for row in self.rows("select * from jobferry.queue")}

    def events(self, job: UUID) -> list[str]:
        """The names of a job's events, oldest first."""
        return self.column(
            "select event from background_job_events where job_id = %s order by id", job
        )

    # -- the gateway's functions

    def submit(self, *specs: Spec) -> list[tuple[int, str]]:
        """``submit_batch``; the refused by their place, from 1."""
        found = self.rows(
            "select number, code from jobferry.submit_batch(%s::uuid[], %s::text[], %s::uuid[],"
            " array_fill(now(), array[%s]), %s::text[], %s::text[], %s::text[], %s::smallint[],"
            " %s::timestamptz[], %s::smallint[], %s::text[], %s::text[], %s::uuid[], %s::boolean[])",
            [s.id for s in specs],
            [s.owner for s in specs],
            [s.client_id for s in specs],
            len(specs),
            [s.payload for s in specs],
            [s.task for s in specs],
            [s.queue_name for s in specs],
            [s.priority for s in specs],
            [s.run_at for s in specs],
            [s.max_attempts for s in specs],
            [s.job_key for s in specs],
            [s.flags for s in specs],
            [s.database_id for s in specs],
            [s.cancelled for s in specs],
        )
        return sorted((row["number"], row["code"]) for row in found)

    def cancel_batch(self, *ids: UUID, owner: str = ANNA) -> list[tuple[int, str]]:
        """``cancel_batch`` by one device; what was not done, by its place, from 1."""
        found = self.rows(
            "select number, code from jobferry.cancel_batch(%s::uuid[], %s::text[], %s::uuid[])",
            list(ids),
            [owner] * len(ids),
            [DEVICE] * len(ids),
        )
        return sorted((row["number"], row["code"]) for row in found)

    # -- the SQL API

    def add(self, identifier: str = "default", **named: object) -> Row:
        """``add_job`` with these arguments by name; the row it returns."""
        names = "".join(f", {name} := %s" for name in named)
        return self.row(f"select * from jobferry.add_job(%s{names})", identifier, *named.values())

    def add_many(self, *specs: Row, preserve: bool = False, owner: str | None = None) -> list[Row]:
        """``add_jobs``; each spec has what it names of a ``job_spec``."""
        return self.rows(
            "select * from jobferry.add_jobs(array(select s from"
            " json_populate_recordset(null::jobferry.job_spec, %s) s), %s, owner := %s)",
            Json([{"identifier": "default"} | spec for spec in specs]),
            preserve,
            owner,
        )

    # -- the processor's functions

    def register(self, processor: str, *tasks: str) -> None:
        """Begin a lease."""
        self.do("select jobferry.register_processor(%s, %s, 'test')", processor, list(tasks))

    def claim(
        self,
        processor: str = "p",
        most: int = 100,
        *,
        tasks: Sequence[str] = ("default",),
        forbidden: Sequence[str] = (),
    ) -> list[Row]:
        """``claim``."""
        return self.rows(
            "select * from jobferry.claim(%s, %s::text[], %s::text[], %s)",
            processor,
            list(tasks),
            list(forbidden),
            most,
        )

    def take(self, processor: str = "p", most: int = 100) -> list[Held]:
        """Claim jobs of the default task; what is held of each."""
        return [Held(row["id"], row["attempt"]) for row in self.claim(processor, most)]

    def flush(
        self,
        processor: str = "p",
        *,
        done: Sequence[tuple[Held, str | None]] = (),
        failed: Sequence[tuple[Held, Row]] = (),
        moved: Sequence[tuple[Held, float]] = (),
        kept: Sequence[tuple[Held, Any]] = (),
        released: Sequence[Held] = (),
        snoozed: Sequence[tuple[Held, str]] = (),
        running: Sequence[Held] = (),
    ) -> dict[UUID, str]:
        """``flush``; the verdicts. A failure may have ``error, final, delay, detail, places``."""
        found = self.rows(
            "select * from jobferry.flush(%s,"
            " %s::uuid[], %s::smallint[], %s::text[],"
            " %s::uuid[], %s::smallint[], %s::text[], %s::boolean[], %s::interval[], %s::text[],"
            " %s::text[], %s::uuid[], %s::smallint[], %s::real[], %s::text[],"
            " %s::uuid[], %s::smallint[], %s::interval[], %s::uuid[], %s::smallint[])",
            processor,
            *_fences([held for held, _ in done]),
            [result for _, result in done],
            *_fences([held for held, _ in failed]),
            [json.dumps(failure.get("error", {"code": "x"})) for _, failure in failed],
            [failure.get("final", False) for _, failure in failed],
            [failure.get("delay") for _, failure in failed],
            [failure.get("detail") for _, failure in failed],
            [failure.get("places") for _, failure in failed],
            *_fences([held for held, _ in (*moved, *kept)]),
            [*(progress for _, progress in moved), *(None for _ in kept)],
            [*(None for _ in moved), *(json.dumps(data) for _, data in kept)],
            *_fences([*released, *(held for held, _ in snoozed)]),
            [*(None for _ in released), *(pause for _, pause in snoozed)],
            *_fences(running),
        )
        return {row["id"]: row["verdict"] for row in found}

    def reap(self, lease: str = "0 seconds") -> int:
        """``reap``; how many jobs were freed."""
        return int(self.value("select jobferry.reap(%s::interval)", lease))

    # -- waiting

    def wait_until_blocked(self, pid: int) -> None:
        """Return once that backend waits for a lock."""
        eventually(
            lambda: self.value("select cardinality(pg_blocking_pids(%s)) > 0", pid), every=0.005
        )

    def assert_sound(self) -> None:
        """What must hold of every database in which nobody is in the middle of anything."""
        unfinished = set(self.column("select id from background_jobs where finished_at is null"))
        assert set(self.queue()) == unfinished
        broken = self.rows(
            "select id, status, completed, cancelled, finished_at from background_jobs"
            " where (completed and cancelled)"
            " or (finished_at is not null) <> (status in ('completed', 'failed', 'cancelled'))"
        )
        assert broken == []
        held_by_nobody = self.rows(
            "select job_id, locked_by from jobferry.queue where locked_by is not null"
            " and locked_until is null and locked_by not in (select id from jobferry.processors)"
            " and not exists (select from jobferry.delegated d where d.job_id = queue.job_id)"
        )
        assert held_by_nobody == []


def _fences(held: Sequence[Held]) -> tuple[list[UUID], list[int]]:
    return [one.id for one in held], [one.attempt for one in held]


class Ear:
    """Hears everything that is said on some channels."""

    CHANNELS = ("process_background_job", "jobferry_queue", "jobferry_changes")

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        for channel in (*self.CHANNELS, "the_end"):
            self._connection.execute(f"listen {channel}".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def heard(self, channel: str | None = None) -> list[tuple[str, str]]:
        """What was said since the last time by all that has committed, oldest first."""
        # Notifications arrive in the order of commits, so nothing older is still on its way.
        self._connection.execute("notify the_end")
        found = []
        for notice in self._connection.notifies():
            if notice.channel == "the_end":
                break
            found.append((notice.channel, notice.payload))
        return [said for said in found if channel in (None, said[0])]

    def messages(self) -> list[str]:
        """What the recipe's channel said since the last time."""
        return [payload for _, payload in self.heard("process_background_job")]

    def rows(self) -> list[Row]:
        """The same, as the rows they are."""
        return [json.loads(message) for message in self.messages()]


class Beside(threading.Thread):
    """Something that happens on another thread; :meth:`result` waits for it."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._value: object = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error

    def result(self, timeout: float = 30) -> Any:
        """What it returned, or raises what it raised."""
        self.join(timeout)
        assert not self.is_alive(), "it did not end"
        if self._error is not None:
            raise self._error
        return self._value


@contextmanager
def held_row(dsn: str, job: UUID) -> Iterator[Database]:
    """Somebody in the middle of a transaction that has locked a ledger row; commits at the end."""
    with Database(dsn) as holder, holder.together():
        holder.do("select from background_jobs where id = %s for update", job)
        yield holder
