"""``jobferry schedule``: what it prints, what it changes, what it refuses."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from integration.database import Database
from support.commands import jobferry

NASTY = "bell\x07 escape\x1b[31m newline\n"


def schedule(db: Database, *arguments: str) -> str:
    found = jobferry("schedule", *arguments, JOBFERRY_DSN=db.dsn)
    assert found.returncode == 0, found.stderr
    return found.stdout


def refused(db: Database, *arguments: str) -> str:
    found = jobferry("schedule", *arguments, JOBFERRY_DSN=db.dsn)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "Traceback" not in found.stderr
    return found.stderr


def listed(db: Database) -> list[dict[str, Any]]:
    return [json.loads(line) for line in schedule(db, "ls", "--json").splitlines()]


def test_add_ls_run_rm(db: Database) -> None:
    tenant = str(uuid4())
    options = {
        "--tz": "Europe/Paris",
        "--fill": "1d",
        "--payload": '{"a": 1}',
        "--name": "nightly",
        "--owner": "anna",
        "--database": tenant,
        "--queue": "q",
        "--job-key": "k",
        "--max-attempts": "3",
        "--priority": "-4",
    }
    flat = [word for option in options.items() for word in option]
    number = json.loads(schedule(db, "add", "clean_up", "0 2 * * *", *flat, "--json"))["id"]
    assert schedule(db, "add", "other", '{"hour": [2]}') == f"added schedule {number + 1}\n"

    first, second = listed(db)
    wanted = {
        "id": number,
        "name": "nightly",
        "task_identifier": "clean_up",
        "schedule_info": {"cron": "0 2 * * *", "tz": "Europe/Paris", "fill": "1d"},
        "payload": {"a": 1},
        "owner": "anna",
        "database_id": tenant,
        "queue_name": "q",
        "job_key": "k",
        "max_attempts": 3,
        "priority": -4,
        "last_scheduled": None,
        "error": None,
    }
    assert {name: first[name] for name in wanted} == wanted
    assert second["schedule_info"] == {"hour": [2]}
    assert "nightly" in schedule(db, "ls")

    job = schedule(db, "run", "nightly").strip()
    assert str(db.value("select id from background_jobs")) == job
    assert listed(db)[0]["last_status"] == "queued"
    assert "is not finished" in refused(db, "run", str(number))
    again = json.loads(schedule(db, "run", str(number), "--job-expiry", "0s", "--json"))["job_id"]
    # The same key: the waiting job was replaced.
    assert again == job

    assert schedule(db, "rm", "nightly") == f"removed schedule {number}\n"
    assert json.loads(schedule(db, "rm", str(number + 1), "--json")) == {"id": number + 1}
    assert listed(db) == []
    assert db.value("select count(*) from background_jobs") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "t", "every day"], "'every day' is not a cron expression"),
        (["add", "t", '{"hours": 2}'], "a rule has no 'hours'"),
        (["add", "t", "{"], "invalid_json"),
        (["add", "t", "@daily", "--tz", "Mars"], "no time zone 'Mars'"),
        (["add", "t", "@daily", "--fill", "often"], "not a duration"),
        (["add", "t", "@daily", "--payload", "NaN"], "invalid_json"),
        (["add", "t", "@daily", "--name", "there"], "duplicate key"),
        (["rm", "nobody"], "there is no schedule 'nobody'"),
        (["rm", "0"], "there is no schedule '0'"),
        (["run", "nobody"], "'jobferry schedule ls' lists them"),
        (["run", "there", "--job-expiry", "soon"], "not a duration"),
    ],
)
def test_what_is_refused_says_why(db: Database, arguments: list[str], message: str) -> None:
    schedule(db, "add", "t", "@daily", "--name", "there")
    assert message in refused(db, *arguments)
    assert len(listed(db)) == 1


def test_wrong_usage(db: Database) -> None:
    for arguments in (
        ["add", "t"],
        ["add", "t", "@daily", "--payload", "[1]"],
        ["add", "t", "@daily", "--max-attempts", "0"],
        ["load", "nowhere"],
    ):
        assert jobferry("schedule", *arguments, JOBFERRY_DSN=db.dsn).returncode == 2


def test_load(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "nightly.crontab"
    file.write_text("0 2 * * * a\n0 3 * * * b ?fill=1d\n")
    assert schedule(db, "load", str(file)) == "added a\nadded b\n"
    assert schedule(db, "load", str(file)) == "nothing has changed\n"
    file.write_text("0 2 * * * a ?max=1\n0 3 * * * c\n")
    lines = [json.loads(line) for line in schedule(db, "load", str(file), "--json").splitlines()]
    assert lines == [
        {"name": "a", "change": "changed"},
        {"name": "b", "change": "removed"},
        {"name": "c", "change": "added"},
    ]
    assert {one["crontab"] for one in listed(db)} == {"nightly.crontab"}
    assert "is there already and not of" in refused(db, "load", str(file), "--crontab", "x")
    file.write_text("0 2 * * * a\n0 25 * * * b\n")
    assert f"{file}, line 2: '0 25 * * *'" in refused(db, "load", str(file))
    file.write_bytes(b"\xff")
    assert "can't be read" in refused(db, "load", str(file))
    assert [one["name"] for one in listed(db)] == ["a", "c"]


def test_trouble_is_shown(db: Database) -> None:
    db.do(
        "insert into jobferry.scheduled_jobs (task_identifier, schedule_info, planned_at, error)"
        " values ('t', '\"nonsense\"', now(), 'not a cron expression')"
    )
    text = schedule(db, "ls")
    assert "not a cron expression" in text
    assert "never" in text


@pytest.mark.parametrize("form", [[], ["--json"]], ids=str)
def test_control_characters_of_others_do_not_reach_the_terminal(
    db: Database, form: list[str]
) -> None:
    schedule(db, "add", NASTY, "@daily", "--name", NASTY)
    text = schedule(db, "ls", *form)
    assert "bell" in text
    assert {c for c in text if not c.isprintable() and c != "\n"} == set()


def test_the_parts_need_no_more_than_their_roles(db: Database) -> None:
    schedule(db, "add", "t", "@daily")
    db.do("revoke select on jobferry.scheduled_jobs from jobferry_auditor")
    assert "database_failed: permission denied" in refused(db, "ls")
