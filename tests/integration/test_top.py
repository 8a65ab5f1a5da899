"""``jobferry top``: what it shows of a real database, and what its keys do."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from integration.database import Database, Held, Spec
from jobferry_server.errors import MigrationError
from jobferry_server.settings import PostgresSettings
from jobferry_server.top import watcher as watching
from jobferry_server.top.app import Top
from jobferry_server.top.look import BY_INDEX
from jobferry_server.top.screens import JobScreen, Question
from jobferry_sql import query
from support.cluster import own_cluster
from support.commands import Run

Shown = Pilot[None]


@asynccontextmanager
async def top(
    dsn: str, *, manage: bool = False, size: tuple[int, int] = (160, 40)
) -> AsyncIterator[Shown]:
    """It runs, and has looked once."""
    app = Top(dsn, PostgresSettings(), manage=manage)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "connecting" not in words(pilot, "#summary"))
        yield pilot


async def until(pilot: Shown, what: Callable[[], object]) -> None:
    """Wait until it is so; an error that ended the application is raised."""
    async with asyncio.timeout(30):
        while not what():
            error = pilot.app.error if isinstance(pilot.app, Top) else None
            if error is not None:
                raise error
            await pilot.pause(0.02)


def words(pilot: Shown, of: str) -> str:
    """What a line says."""
    return str(pilot.app.screen_stack[0].query_one(of, Static).visual)


def table(pilot: Shown) -> list[list[str]]:
    """The rows of the table, the head first."""
    widget = pilot.app.screen_stack[0].query_one(DataTable)
    head = [str(column.label) for column in widget.ordered_columns]
    return [head, *([str(cell) for cell in widget.get_row_at(n)] for n in range(widget.row_count))]


def column(pilot: Shown, name: str) -> list[str]:
    """One column, without its head."""
    head, *rows = table(pilot)
    return [row[head.index(name)] for row in rows]


def job_shown(pilot: Shown) -> str:
    """What the panel of a job says."""
    panel = pilot.app.screen
    assert isinstance(panel, JobScreen)
    console = Console(width=120, file=None)
    with console.capture() as captured:
        console.print(panel.query_one("#job", Static).content)
    return captured.get()


@pytest.fixture
def jobs(db: Database) -> dict[str, UUID]:
    """One job of each fate; ``p`` has what runs in hand."""
    specs = {
        "running": Spec(task="resize", owner="anna"),
        "slow": Spec(task="resize", owner="bert"),
        "failed": Spec(task="resize", owner="anna"),
        "done": Spec(task="resize", owner="anna"),
        "retrying": Spec(task="resize", owner="anna"),
        "queued": Spec(task="print", owner="bert", queue_name="printer"),
        "scheduled": Spec(task="print", owner="bert", run_at="2999-01-01"),
    }
    db.submit(*specs.values())
    db.register("p", "resize")
    held = {row["id"]: Held(row["id"], row["attempt"]) for row in db.claim(tasks=["resize"])}
    of = {name: held[spec.id] for name, spec in specs.items() if spec.id in held}
    db.flush(
        done=[(of["done"], '{"ok": true}')],
        failed=[
            (of["failed"], {"final": True, "error": {"code": "bad", "message": "it is bad"}}),
            (of["retrying"], {"delay": "1 hour"}),
        ],
        moved=[(of["running"], 0.4), (of["slow"], 0.1)],
    )
    return {name: spec.id for name, spec in specs.items()}


async def test_all_there_is_to_see(db: Database, jobs: dict[str, UUID]) -> None:
    db.do(
        "insert into jobferry.devices (client_id, owner, client_version, pending, oldest_pending_at,"
        " first_seen) values (%s, 'carl', '0.1.0', 7, now() - interval '5 m', now() - interval '1 d')",
        uuid4(),
    )
    async with top(db.dsn) as pilot:
        summary = words(pilot, "#summary")
        for said in ("2 running", "1 queued", "1 scheduled", "1 retrying", "oldest waiting"):
            assert said in summary
        assert sorted(column(pilot, "progress")) == [
            "━━━━━━━━━━  10 %",
            "━━━━━━━━━━  40 %",
        ]
        assert sorted(column(pilot, "owner")) == ["anna", "bert"]
        assert column(pilot, "processor") == ["p", "p"]
        # A second is counted once it is over.
        await until(pilot, lambda: "1 completed   1 failed" in words(pilot, "#summary"))
        await pilot.press("2")
        await until(pilot, lambda: table(pilot)[1][:2] == ["p", "2"])
        await pilot.press("3")
        await until(pilot, lambda: table(pilot)[1][:2] == ["carl", "7"])
        assert table(pilot)[1][2].startswith("5 m")
        await pilot.press("4")
        await until(pilot, lambda: "printer" in column(pilot, "name"))
        rows = {row[1]: row for row in table(pilot)[1:]}
        assert rows["resize"][:6] == ["task", "resize", "2", "0", "0", "1"]
        assert rows["printer"][:6] == ["queue", "printer", "0", "1", "0", "0"]


async def test_the_views_and_the_order_and_the_filter(db: Database, jobs: dict[str, UUID]) -> None:
    async with top(db.dsn) as pilot:
        await pilot.press("v")
        await until(
            pilot,
            lambda: (
                sorted(column(pilot, "status")) == sorted(["queued", "retrying (x)", "scheduled"])
            ),
        )
        await pilot.press("v")
        await until(pilot, lambda: column(pilot, "status") == ["failed (bad)"])
        assert words(pilot, "#heading") == "failed jobs"
        await pilot.press("v")
        await until(pilot, lambda: sorted(column(pilot, "status")) == ["completed", "failed (bad)"])
        await pilot.press("s", "s")
        assert table(pilot)[0][1] == "status ▲"
        assert column(pilot, "status ▲") == ["completed", "failed (bad)"]
        await pilot.press("r")
        assert column(pilot, "status ▼") == ["failed (bad)", "completed"]
        await pilot.press("slash", *"comp", "enter")
        assert column(pilot, "status ▼") == ["completed"]
        assert "with 'comp'" in words(pilot, "#heading")
        assert pilot.app.query_one(Input).display
        await pilot.press("slash", *["backspace"] * 4, "enter")
        assert len(table(pilot)) == 3
        assert not pilot.app.query_one(Input).display


async def test_a_new_job_rings_and_a_pause_stands_still(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is seen now was rung for.
    monkeypatch.setattr(watching, "SLOW_SECONDS", 3600.0)
    async with top(db.dsn) as pilot:
        assert "nothing waits" in words(pilot, "#summary")
        db.insert()
        await until(pilot, lambda: "1 queued" in words(pilot, "#summary"))
        await pilot.press("p")
        assert words(pilot, "#heading").startswith("PAUSED")
        db.insert()
        # It would have looked by then: the next key makes it look, and waits for no more than that.
        await pilot.pause(watching.LEAST_PAUSE_SECONDS * 1.5)
        assert "1 queued" in words(pilot, "#summary")
        await pilot.press("p")
        await until(pilot, lambda: "2 queued" in words(pilot, "#summary"))


async def test_a_job_in_full(db: Database, jobs: dict[str, UUID]) -> None:
    async with top(db.dsn) as pilot:
        await pilot.press("v", "v")
        await until(pilot, lambda: column(pilot, "status") == ["failed (bad)"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await until(pilot, lambda: str(jobs["failed"]) in job_shown(pilot))
        shown = job_shown(pilot)
        assert '{"code": "bad", "message": "it is bad"}' in shown
        assert "waited" in shown
        assert [name for name in ("submitted", "started", "failed") if name not in shown] == []
        assert "processor p" in shown
        # What is seen is live.
        db.do("select jobferry.reschedule_jobs(array[%s]::uuid[], run_at => now())", jobs["failed"])
        await until(pilot, lambda: "revived" in job_shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, JobScreen))


async def test_jobs_are_cancelled_and_retried_by_who_asked_for_it(
    db: Database, jobs: dict[str, UUID]
) -> None:
    async with top(db.dsn, manage=True) as pilot:
        await pilot.press("slash", *"bert", "enter", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("n")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        assert db.status(jobs["slow"]) == "running"
        await pilot.press("y")
        await until(pilot, lambda: db.status(jobs["slow"]) == "cancelled")
        await until(pilot, lambda: table(pilot)[1:] == [])
        await pilot.press("slash", *["backspace"] * 4, "enter", "v", "v")
        await until(pilot, lambda: column(pilot, "status") == ["failed (bad)"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await pilot.press("t", "y")
        await until(pilot, lambda: db.status(jobs["failed"]) == "queued")
    assert db.status(jobs["running"]) == "running"
    assert db.events(jobs["failed"])[-1] == "revived"


async def test_nobody_else_changes_anything(db: Database, jobs: dict[str, UUID]) -> None:
    async with top(db.dsn) as pilot:
        before = db.rows("select status from background_jobs order by id")
        await pilot.press("c", "y", "t", "y")
        assert len(pilot.app.screen_stack) == 1
        assert db.rows("select status from background_jobs order by id") == before


async def test_a_narrow_terminal_has_fewer_columns(db: Database, jobs: dict[str, UUID]) -> None:
    async with top(db.dsn, size=(44, 24)) as pilot:
        assert table(pilot)[0] == ["task", "progress", "since"]
        lines = words(pilot, "#summary").splitlines()
        assert max(map(len, lines)) <= 44
        await pilot.resize_terminal(160, 40)
        await until(pilot, lambda: table(pilot)[0][-1] == "id")


async def test_an_interrupt_ends_it(db: Database, jobs: dict[str, UUID]) -> None:
    async with top(db.dsn) as pilot:
        await pilot.press("enter")  # with a job opened above the tables
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not pilot.app.is_running)


async def test_what_clients_write_does_no_harm(db: Database) -> None:
    db.insert(submitted_by="anna\x1b[31m", task="[bold]t[/]")
    async with top(db.dsn) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: len(table(pilot)) == 2)
        assert column(pilot, "task") == ["[bold]t[/]"]
        assert column(pilot, "owner") == ["anna\\x1b[31m"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await until(pilot, lambda: "[bold]t[/]" in job_shown(pilot))


async def test_a_postgres_that_restarts_is_waited_for() -> None:
    with own_cluster() as cluster, cluster.databases.database() as dsn:
        with Database(dsn) as db:
            db.insert()
        async with top(dsn) as pilot:
            assert "1 queued" in words(pilot, "#summary")
            await asyncio.to_thread(cluster.crash)
            trouble = pilot.app.query_one("#trouble", Static)
            await until(pilot, lambda: trouble.display)
            assert "disconnected, trying again: " in words(pilot, "#trouble")
            await asyncio.to_thread(cluster.start)
            await until(pilot, lambda: not trouble.display)
            with Database(dsn) as db:
                db.insert()
            await until(pilot, lambda: "2 queued" in words(pilot, "#summary"))


async def test_what_will_not_pass_by_itself_ends_it(empty_dsn: str) -> None:
    with pytest.raises(MigrationError):
        async with top(empty_dsn):
            pass


def test_without_a_terminal_it_says_what_to_do(any_command: Run, dsn: str) -> None:
    ran = any_command("top", "--dsn", dsn)
    assert (ran.code, "jobferry jobs ls --json" in ran.err) == (1, True)


def test_without_its_extra_it_says_what_to_do(
    any_command: Run, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "jobferry_server.top.app")
    monkeypatch.setitem(sys.modules, "textual.app", None)
    ran = any_command("top", "--dsn", dsn)
    assert ran.code == 1
    assert "'jobferry top' needs textual.app: pip install 'jobferry[top]'" in ran.err


async def test_of_ledger_and_audit_log_it_never_reads_all(db: Database) -> None:
    # Nothing here was ever analyzed, and the tables are small: a planner would rather read all of them.
    db.submit(*(Spec() for _ in range(50)))
    arguments = {
        "top_ended": (0, 0, 1),
        "top_running": (5,),
        "top_waiting": (5,),
        "top_finished": (5, ["completed"]),
        "top_job": (uuid4(), 5),
        "job_events": (uuid4(),),
    }
    connection = await asyncpg.connect(db.dsn)
    try:
        async with connection.transaction():
            await connection.execute(BY_INDEX)
            for name, values in arguments.items():
                plan = await connection.fetch(f"explain {query(name)}", *values)
                text = "\n".join(row[0] for row in plan)
                assert "Seq Scan on background_job" not in text, name
                assert "Index" in text, name
    finally:
        await connection.close()
