"""``jobferry queues`` and pausing schedules: what is printed, what is no longer given out, who did it."""

import json

import pytest

from integration.database import Database, Spec
from support.commands import Ran, Run


@pytest.fixture(autouse=True)
def _here(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBFERRY_DSN", db.dsn)


def said(ran: Ran) -> str:
    """What a command that did its work has printed."""
    assert ran.code == 0, ran.err
    return ran.out


def test_a_named_queue_is_paused_and_resumed(db: Database, any_command: Run) -> None:
    db.submit(Spec(queue_name="till-7"), Spec(queue_name="till-7"))
    db.register("p", "default")
    assert said(any_command("queues", "pause", "till-7")) == "paused\n"
    assert said(any_command("queues", "pause", "till-7")) == "it is paused already\n"
    assert db.take() == []
    (queue,) = [
        row for row in any_command("queues", "ls", "--json").lines if row["kind"] == "queue"
    ]
    assert (queue["name"], queue["unfinished"], queue["running"]) == ("till-7", 2, 0)
    assert queue["paused_at"] is not None
    assert any_command("queues", "resume", "till-7", "--json").lines == [{"changed": True}]
    assert said(any_command("queues", "resume", "till-7")) == "it is not paused\n"
    assert len(db.take()) == 1


def test_a_task_is_paused_and_keeps_its_limit(db: Database, any_command: Run) -> None:
    db.submit(Spec())
    db.register("p", "default")
    db.do("select jobferry.limit_task('default', 3)")
    assert said(any_command("queues", "pause", "--task", "default")) == "paused\n"
    assert db.take() == []
    assert "paused since" in said(any_command("queues", "ls"))
    assert said(any_command("queues", "resume", "default", "--task")) == "resumed\n"
    (task,) = any_command("queues", "ls", "--json").lines
    assert (task["kind"], task["max_running"], task["paused_at"]) == ("task", 3, None)
    login = db.value("select session_user")
    found = db.rows(
        "select event, actor from background_job_events where detail ? 'task' order by id"
    )
    assert found == [{"event": event, "actor": login} for event in ("paused", "resumed")]


def test_what_is_paused_is_listed_though_it_has_no_jobs(any_command: Run) -> None:
    said(any_command("queues", "pause", "idle\x1b[31m"))
    (row,) = any_command("queues", "ls", "--json").lines
    assert (row["kind"], row["unfinished"]) == ("queue", 0)
    assert "\x1b" not in said(any_command("queues", "ls"))


def test_a_schedule_is_paused_and_resumed_by_its_name(db: Database, any_command: Run) -> None:
    said(any_command("schedule", "add", "t", "* * * * *", "--name", "nightly"))
    assert said(any_command("schedule", "pause", "nightly")) == "paused\n"
    assert said(any_command("schedule", "pause", "nightly")) == "it is paused already\n"
    assert "paused" in said(any_command("schedule", "ls"))
    assert json.loads(said(any_command("schedule", "resume", "1", "--json"))) == {"changed": True}
    assert said(any_command("schedule", "resume", "nightly")) == "it is not paused\n"
    refused = any_command("schedule", "pause", "another")
    assert (refused.code, "schedule_refused" in refused.err) == (1, True)
