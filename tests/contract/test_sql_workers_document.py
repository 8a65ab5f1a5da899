"""docs/sql-workers.md: every statement and every example runs, and does what the text says."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.database import Database, Spec
from jobferry_server import Processor
from support.commands import jobferry
from support.processes import eventually
from support.services import Services

TEXT = (Path(__file__).parents[2] / "docs" / "sql-workers.md").read_text(encoding="utf-8")
FIRST, SECOND = (f"0197a000-0000-7000-8000-00000000000{n}" for n in (1, 2))


@pytest.fixture
def db(dsn: str) -> Iterator[Database]:
    with Database(dsn) as found:
        yield found


def blocks(language: str, containing: str = "") -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return [block for block in found if containing in block]


def statements() -> list[str]:
    """Every SQL statement of the page, in order."""
    return [one.strip() for block in blocks("sql") for one in block.split(";\n") if one.strip()]


def processor_of(containing: str, *changes: tuple[str, str]) -> tuple[Processor, dict[str, Any]]:
    """The processor of an example, with these words changed; and all of its names."""
    (code,) = blocks("python", containing)
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    names: dict[str, Any] = {"__name__": "example"}
    exec(code, names)
    processor = names["processor"]
    assert isinstance(processor, Processor)
    return processor, names


def test_every_statement_runs_and_does_what_the_page_says(db: Database) -> None:
    (compat,) = re.findall(r"^\$ jobferry (.*)$", "".join(blocks("console")), re.MULTILINE)
    assert jobferry(*shlex.split(compat), JOBFERRY_DSN=db.dsn).returncode == 0
    said = {sql: db.connection.execute(sql) for sql in statements()}
    answers = {sql: cursor.fetchall() for sql, cursor in said.items() if cursor.description}
    assert [sql for sql, rows in answers.items() if not rows] == [
        "select name, waiting, locked_by, job_id from jobferry.job_queues"
    ]

    first = db.row("select * from background_jobs where id = %s", FIRST)
    assert (first["status"], first["result"], first["progress"]) == ("completed", {"sent": True}, 1)
    second = db.row("select * from background_jobs where id = %s", SECOND)
    assert (second["status"], second["attempts"]) == ("retrying", 1)
    assert second["error"]["message"] == "Connection timeout"
    jobs = db.rows("select task, payload, submitted_by from background_jobs order by id")
    made = {job["task"]: (job["payload"], job["submitted_by"]) for job in jobs}
    assert made["resize"] == ({"id": 1}, "anna")
    assert made["index"] == ({"id": 1, "name": "O'Brien"}, None)
    change = {"schema": "public", "table": "photos", "op": "INSERT", "id": 1}
    assert made["changed"] == (change, "anna")
    assert {"send_email", "reminder", "clean"} < set(made)
    assert db.column("select status from background_jobs where task = 'clean'") == ["completed"]


def test_the_limited_processor_brings_its_limit(db: Database, services: Services) -> None:
    processor, _ = processor_of("max_running=3")
    with services.processor(processor):
        limits = db.rows("select task, max_running from jobferry.task_limits")
        assert limits == [{"task": "mail", "max_running": 3}]


def test_the_rate_limit_limits_the_rate(
    db: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five in two seconds instead of a hundred a minute."""
    monkeypatch.setenv("JOBFERRY_DSN", db.dsn)
    processor, names = processor_of("too_often", ("100", "5"), ("1 minute", "2 seconds"))
    db.submit(*(Spec(task="mail", flags="{mail}") for _ in range(12)), Spec(task="mail"))
    with services.processor(processor, concurrency=1, prefetch=1, poll_seconds=0.05):
        eventually(lambda: not db.queue(), 60)
    services.run(names["pool"].close())
    most = db.value(
        "select max(n) from (select count(*) over (order by e.at range interval '2 seconds' preceding) as n"
        " from background_job_events e join background_jobs b on b.id = e.job_id"
        " where e.event = 'started' and b.flags is not null) x"
    )
    assert most == 5
