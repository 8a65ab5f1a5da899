"""docs/schedules.md: every example does what the text says."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from jobferry_server.scheduler.crontab import parse_crontab
from jobferry_server.scheduler.schedule_info import parse
from support.commands import jobferry
from support.processes import eventually, part

TEXT = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")
Connection = psycopg.Connection[tuple[object, ...]]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands(containing: str) -> list[list[str]]:
    lines = "".join(blocks("console")).splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith(f"$ jobferry {containing}")]


def test_sql(ledger: Connection) -> None:
    for block in blocks("sql"):
        for statement in block.split(";\n"):
            if statement.strip():
                ledger.execute("delete from background_jobs")
                ledger.execute(statement.encode())
    found = ledger.execute("select task_identifier from jobferry.scheduled_jobs order by id")
    assert found.fetchall() == [("clean_up",), ("report",), ("report",)]
    assert ledger.execute("select task from background_jobs").fetchall() == [("clean_up",)]


@pytest.mark.parametrize("info", blocks("json")[0].splitlines())
def test_forms(info: str) -> None:
    assert parse(json.loads(info)).recurrence.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


def test_the_table_of_changing_clocks() -> None:
    recurrence = parse({"cron": "30 2 * * *", "tz": "Europe/Paris"}).recurrence
    rows = re.findall(r"^\| (\d+ \w+ 2026)[^|]*\| (\d\d:\d\d [+]\d\d:\d\d)", TEXT, re.MULTILINE)
    assert len(rows) == 3
    for day, time in rows:
        midnight = datetime.strptime(day, "%d %B %Y").replace(tzinfo=ZoneInfo("Europe/Paris"))
        found = recurrence.after(midnight)
        assert found is not None
        shown = found.astimezone(midnight.tzinfo)
        assert shown.date() == midnight.date()
        assert shown.isoformat()[11:16] + " " + shown.isoformat()[19:] == time


def test_commands(dsn: str, ledger: Connection) -> None:
    for line in blocks("console")[0].splitlines():
        found = jobferry(*shlex.split(line)[2:], JOBFERRY_DSN=dsn)
        assert found.returncode == 0, found.stderr
    rows = ledger.execute("select task_identifier, owner from jobferry.scheduled_jobs")
    assert rows.fetchall() == [("invoice", "anna")]
    assert ledger.execute("select task from background_jobs").fetchall() == [("poll",)]


def test_crontab(
    dsn: str, ledger: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["clean_up", "invoice:send", "poll_shops"]
    (tmp_path / "crontab").write_text(blocks("crontab")[0])
    (tmp_path / "tasks.py").write_text(
        "from jobferry_server import Processor\nprocessor = Processor()\n"
    )
    assert sorted(entry.name for entry in parse_crontab(blocks("crontab")[0])) == names
    monkeypatch.chdir(tmp_path)
    [load] = commands("schedule load")
    found = jobferry(*load, JOBFERRY_DSN=dsn)
    assert found.stdout.splitlines() == [f"added {name}" for name in names], found.stderr
    ledger.execute("update jobferry.scheduled_jobs set priority = 9 where name = 'clean_up'")
    ledger.execute("delete from jobferry.scheduled_jobs where name = 'poll_shops'")
    [processor] = commands("processor")
    with part(tmp_path / "log", *processor, JOBFERRY_DSN=dsn) as running:
        eventually(lambda: "schedule poll_shops was added" in running.log)
        assert "schedule clean_up was changed" in running.log
        eventually(lambda: not _unplanned(ledger))


def _unplanned(ledger: Connection) -> list[tuple[object, ...]]:
    return ledger.execute(
        "select name from jobferry.scheduled_jobs where next_run_at is null"
    ).fetchall()
