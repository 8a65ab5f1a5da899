"""What others print of SQL for their queues runs here as it stands, each statement in its context.

The texts lie beside the checkout of whoever develops Jobferry (``../shared/seeds``); they are not ours
to hand on. Every statement in them must be met by an entry below, so a new one is noticed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from integration.database import Database, Row
from jobferry_server.migrate import install_compat, migrate
from jobferry_sql import COMPAT

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
pytestmark = pytest.mark.skipif(
    not SEEDS.is_dir(), reason="../shared/seeds does not lie beside this checkout"
)

#: A statement begins a line with its word in capitals, and ends with a line's semicolon.
BEGINNING = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP)\b")
FENCED = re.compile(r"```sql\n(.*?)```", re.DOTALL)

#: Not Postgres: the DDL of a sync service's proxy.
FOREIGN = (
    "ALTER TABLE oban_jobs\n  ENABLE ELECTRIC;",
    "ALTER TABLE background_jobs ENABLE ELECTRIC;",
)

TENANT = "5b720132-17d5-424d-9bcb-ee7b17c13d43"


def statements(text: str) -> Iterator[str]:
    """The SQL statements of a text in which they stand among prose."""
    found: list[str] = []
    for line in text.splitlines():
        if found or BEGINNING.match(line):
            found.append(line)
            whole = "\n".join(found)
            if line.rstrip().endswith(";") and whole.count("$$") % 2 == 0:
                yield whole
                found = []


def all_statements() -> list[str]:
    """Those of all seeds, each once."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("*.txt"))]
    return list(dict.fromkeys(found for text in texts for found in statements(text)))


Check = Callable[[Database], None]


@dataclass(frozen=True)
class Context:
    """Where a statement stands: what it is known by, what comes before it, and what came of it."""

    mark: str
    check: Check
    before: tuple[str, ...] = ()
    values: tuple[object, ...] = ()


def added(task: str, payload: object, **columns: object) -> Check:
    """There is this job."""

    def check(db: Database) -> None:
        row = db.row(
            "select b.*, b.run_at - b.received_at as ahead, q.job_id is not null as in_queue"
            " from background_jobs b left join jobferry.queue q on q.job_id = b.id where b.task = %s",
            task,
        )
        wanted: Row = {"payload": payload, "in_queue": True} | columns
        assert {name: _plain(row[name]) for name in wanted} == wanted

    return check


def _plain(value: Any) -> object:
    return value.total_seconds() if hasattr(value, "total_seconds") else value


def fires(task: str, payload: object, *changes: LiteralString) -> Check:
    """These changes of rows, by the triggers that are there now, add this job."""

    def check(db: Database) -> None:
        for change in changes:
            db.do(change)
        added(task, payload)(db)

    return check


def fires_with_a_real_tenant(payload: Row) -> Check:
    """The printed 'database-uuid' is a placeholder, and using it is an error that says so."""

    def check(db: Database) -> None:
        insert = "insert into my_table (id, field1, field2, field3) values (7, 'O''Brien', 2, null)"
        with pytest.raises(psycopg.Error, match="'database-uuid' is not the id of a database"):
            db.do(insert)
        made = db.value(
            "select pg_get_triggerdef(oid) from pg_trigger where tgname = 'auto_process'"
        )
        db.do("drop trigger auto_process on my_table")
        db.do(made.replace("database-uuid", TENANT))
        fires("process_record", payload, insert)(db)

    return check


def status(wanted: str) -> Check:
    """The one job is there in its life."""

    def check(db: Database) -> None:
        assert db.column("select status from background_jobs") == [wanted]

    return check


def nothing_yet(db: Database) -> None:
    """A function of one's own that nothing calls."""


def oban_job(db: Database) -> None:
    db.do("insert into users (value) values ('u1')")
    found = db.row("select * from oban_jobs")
    assert (found["worker"], "user:created" in found["args"]) == ("MyApp.Worker", True)


def taken(db: Database) -> None:
    assert db.column("select locked_by from jobferry.queue") == ["worker worker-1"]


def planned(db: Database) -> None:
    found = db.row(
        "select task_identifier, schedule_info, database_id::text from jobferry.scheduled_jobs"
    )
    assert list(found.values()) == ["cleanup_task", {"hour": [2], "minute": [0]}, TENANT]


MY_TABLE = "create table my_table (id int, field1 text, field2 int, field3 text)"
NUMBER_123 = "alter table app_jobs.job_numbers alter id restart with 123"
EMAILS = "create table user_emails (id int, verified boolean)"
USERS = "create table users (id int, value text)"
PDFS = "create table pdfs (id int, title text)"
OBAN = "create table oban_jobs (args jsonb, worker text)"

CONTEXTS = (
    # Graphile Worker
    Context(
        "'send_email',\n  json_build_object",
        added("send_email", {"to": "someone@example.com", "subject": "graphile-worker test"}),
    ),
    Context(
        "add_job('reminder'",
        added("reminder", {}, status="scheduled", ahead=2 * 86400, max_attempts=25, priority=0),
    ),
    Context(
        "$4 * INTERVAL",
        added("mail", {"n": 1}, queue_name="q", ahead=90, max_attempts=3),
        values=("mail", '{"n": 1}', "q", 90, 3),
    ),
    Context(
        "CREATE FUNCTION my_table_created()",
        fires(
            "task_identifier_here",
            {"id": 1},
            "create trigger t after insert on my_table for each row execute function my_table_created()",
            "insert into my_table (id) values (1)",
        ),
        before=(MY_TABLE,),
    ),
    Context(
        "EXECUTE PROCEDURE my_table_created()",
        fires("task_identifier_here", {"id": 1}, "insert into my_table (id) values (1)"),
        before=(MY_TABLE, "CREATE FUNCTION my_table_created()"),
    ),
    Context(
        "CREATE FUNCTION trigger_job()",
        fires(
            "gone",
            {"schema": "public", "table": "users", "op": "DELETE", "id": 4},
            "create trigger t after delete on users for each row execute function trigger_job('gone')",
            "insert into users (id) values (4)",
            "delete from users",
        ),
        before=(USERS,),
    ),
    Context(
        "trigger_job('send_verification_email')",
        fires(
            "send_verification_email",
            {"schema": "public", "table": "user_emails", "op": "INSERT", "id": 2},
            "insert into user_emails values (1, true), (2, false)",
        ),
        before=(EMAILS, "CREATE FUNCTION trigger_job()"),
    ),
    Context(
        "trigger_job('user_changed')",
        fires(
            "user_changed",
            {"schema": "public", "table": "users", "op": "INSERT", "id": 1},
            "insert into users (id) values (1)",
        ),
        before=(USERS, "CREATE FUNCTION trigger_job()"),
    ),
    Context(
        "CREATE TRIGGER generate_pdf\n",
        fires(
            "generate_pdf",
            {"schema": "public", "table": "pdfs", "op": "INSERT", "id": 1},
            "insert into pdfs values (1, 'a')",
        ),
        before=(PDFS, "CREATE FUNCTION trigger_job()"),
    ),
    Context(
        "CREATE TRIGGER generate_pdf_update",
        fires(
            "generate_pdf",
            {"schema": "public", "table": "pdfs", "op": "UPDATE", "id": 1},
            "insert into pdfs values (1, 'a')",
            "update pdfs set id = 1",
            "update pdfs set title = 'b'",
        ),
        before=(PDFS, "CREATE FUNCTION trigger_job()"),
    ),
    Context("add_job('hello'", added("hello", {"name": "Bobby Tables"})),
    # @pgpm/jobs
    Context("identifier := 'send_email'", added("send_email", {"to": "user@example.com"})),
    Context(
        "identifier := 'generate_report'",
        added("generate_report", {"report_id": 123}, priority=10, ahead=3600, status="scheduled"),
    ),
    Context("app_jobs.get_job(", taken, before=("identifier := 'send_email'",)),
    Context(
        "app_jobs.complete_job(",
        status("completed"),
        before=(NUMBER_123, "identifier := 'send_email'", "app_jobs.get_job("),
    ),
    Context(
        "app_jobs.fail_job(",
        status("retrying"),
        before=(NUMBER_123, "identifier := 'send_email'", "app_jobs.get_job("),
    ),
    Context("INSERT INTO app_jobs.scheduled_jobs", planned),
    Context(
        "app_jobs.run_scheduled_job(1)",
        status("queued"),
        before=("INSERT INTO app_jobs.scheduled_jobs",),
    ),
    Context("tg_add_job_with_row_id", fires_with_a_real_tenant({"id": 7}), before=(MY_TABLE,)),
    Context(
        "app_jobs.tg_add_job_with_row(",
        fires_with_a_real_tenant({"id": 7, "field1": "O'Brien", "field2": 2, "field3": None}),
        before=(MY_TABLE,),
    ),
    Context(
        "tg_add_job_with_fields",
        fires_with_a_real_tenant({"field1": "O'Brien", "field2": 2, "field3": None}),
        before=(MY_TABLE,),
    ),
    # A queue of one's own, filled by a trigger
    Context(
        "CREATE FUNCTION trigger_function()",
        nothing_yet,
        before=(USERS, OBAN),
    ),
    Context(
        "trigger_function();",
        oban_job,
        before=(USERS, OBAN, "CREATE FUNCTION trigger_function()"),
    ),
)

#: The recipe's own DDL makes the table that "jobferry migrate" adopts, so it comes before.
RECIPE = (
    "CREATE TABLE IF NOT EXISTS background_jobs",
    "CREATE OR REPLACE FUNCTION process_job()",
    'CREATE TRIGGER "process_job_trigger"',
    "ENABLE ALWAYS TRIGGER process_job_trigger;",
)


def statement(mark: str) -> str:
    """The printed statement that is known by this."""
    (found,) = (found for found in all_statements() if mark in found)
    return found


def execute(db: Database, sql: str, values: tuple[object, ...] = ()) -> None:
    """A statement as it is printed, ``$1`` and all."""
    psycopg.RawCursor(db.connection).execute(sql, values or None)


def test_every_statement_is_met_by_an_entry() -> None:
    marks = [*(context.mark for context in CONTEXTS), *RECIPE, *FOREIGN]
    found = all_statements()
    assert [text for text in found if sum(mark in text for mark in marks) != 1] == []
    assert len(found) == len(marks)


def test_no_fenced_sql_is_overlooked() -> None:
    for path in SEEDS.glob("*.txt"):
        for block in FENCED.findall(path.read_text(encoding="utf-8")):
            for found in statements(block):
                block = block.replace(found, "")
            assert [line for line in block.splitlines() if line and not line.startswith("--")] == []


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.mark.strip())
def test_a_printed_statement_runs_as_it_stands(db: Database, context: Context) -> None:
    for name in COMPAT:
        install_compat(db.dsn, name)
    for before in context.before:
        execute(db, before if before.startswith(("create table", "alter")) else statement(before))
    execute(db, statement(context.mark), context.values)
    context.check(db)


def test_the_recipe_s_ddl_runs_and_is_adopted(empty_dsn: str) -> None:
    with Database(empty_dsn) as db:
        for mark in RECIPE:
            execute(db, statement(mark))
        migrate(empty_dsn)
        job = db.insert(payload="{}", timestamp="now", completed=False, cancelled=False, progress=0)
        assert set(db.queue()) == {job}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_is_not_postgres_is_refused_by_postgres(db: Database, foreign: str) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        execute(db, statement(foreign))
