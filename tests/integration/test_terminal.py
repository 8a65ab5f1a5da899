"""What commands show while jobs move, and of what became of one."""

import json
import re
import signal
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from integration.database import Database, Held, Spec
from jobferry_client import JobClient
from jobferry_server import Job, Processor
from support.commands import Run
from support.processes import eventually, part
from support.proxy import free_port
from support.services import Services, token


def test_watch_says_each_change_in_a_line_where_there_is_no_terminal(tmp_path: Path) -> None:
    file = tmp_path / "till.db"
    with JobClient(file) as client:
        first = client.submit("t", 1)
        with part(tmp_path / "log", "client", "watch", str(file)) as watching:
            eventually(lambda: len(watching.log.splitlines()) == 1)
            second = client.submit("[bold]\x1b[31m", 2)
            eventually(lambda: len(watching.log.splitlines()) == 2)
            client.cancel(first.id)
            eventually(lambda: len(watching.log.splitlines()) == 3)
            watching.signal(signal.SIGINT)
            assert watching.wait() == 130
    lines = [line.split("  ", 1) for line in watching.log.splitlines()]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", time) for time, _ in lines)
    assert [words for _, words in lines] == [
        f"{first.id}  t  waiting to send",
        f"{second.id}  [bold]\\x1b[31m  waiting to send",
        f"{first.id}  t  waiting to send, cancelling",
    ]


def test_watch_draws_bars_in_a_terminal_and_how_it_stands(
    tmp_path: Path, services: Services
) -> None:
    processor = Processor()

    @processor.task("half")
    def half(job: Job) -> None:
        job.progress(0.5)
        eventually(lambda: "running 50 %" in watching.log)

    file = tmp_path / "till.db"
    with services.gateway() as url, services.processor(processor):
        options = ("--url", url, "--token", token())
        shown = {"FORCE_COLOR": "1", "COLUMNS": "140"}
        with part(tmp_path / "log", "client", "watch", str(file), *options, **shown) as watching:
            eventually(lambda: "connected · 0 unsent" in watching.log)
            with JobClient(file) as client:
                client.submit("half")
            eventually(lambda: "done" in watching.log)
            watching.signal(signal.SIGINT)
            assert watching.wait() == 130
    assert "━" in watching.log
    assert "running 50 %" in watching.log


def test_watch_says_in_a_terminal_why_it_is_not_connected(tmp_path: Path) -> None:
    options = ("--url", f"ws://127.0.0.1:{free_port()}", "--token", token())
    words = ("client", "watch", str(tmp_path / "till.db"), *options)
    with part(tmp_path / "log", *words, FORCE_COLOR="1", COLUMNS="140") as watching:
        eventually(lambda: "disconnected: " in watching.log)


def test_sync_says_how_it_stands_as_json(run: Run, tmp_path: Path, services: Services) -> None:
    with services.gateway() as url:
        options = ("--url", url, "--token", token(), "--once", "--json")
        (status,) = run("sync", tmp_path / "till.db", *options).lines
    assert (status["state"], status["pending"], status["rejected"]) == ("connected", 0, 0)


@pytest.fixture
def retried(db: Database) -> UUID:
    """A job that failed once, and was then done."""
    spec = Spec(task="resize")
    db.submit(spec)
    db.register("p", "resize")
    for end in ("failed", "done"):
        (row,) = db.claim(tasks=["resize"])
        held = Held(row["id"], row["attempt"])
        if end == "failed":
            db.flush(
                failed=[(held, {"delay": "0", "error": {"code": "x", "message": "no\x1bdisk"}})]
            )
        else:
            db.flush(done=[(held, "1")])
    return spec.id


def test_a_job_is_shown_with_its_timeline(any_command: Run, db: Database, retried: UUID) -> None:
    ran = any_command("jobs", "show", retried, "--dsn", db.dsn)
    assert ran.code == 0
    lines = ran.out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("at "))
    events = [
        line for line in lines[head + 1 :] if re.match(r"\S* ?\s*\d\d:\d\d:\d\d\.\d{3}", line)
    ]
    names = ["submitted", "started", "retrying", "started", "completed"]
    assert [name for name, line in zip(names, events, strict=True) if name not in line] == []
    assert "device 0197a000" in events[0]
    assert "+0.0 s" in events[1]
    assert "processor p" in events[1]
    assert r'{"code": "x", "message": "no\x1bdisk"}' in ran.out.replace(r"\u001b", r"\x1b")
    assert re.search(r"^waited \d\.\d s · ran \d\.\d s · in all \d\.\d s$", ran.out, re.MULTILINE)


def test_the_timeline_for_programs(any_command: Run, db: Database, retried: UUID) -> None:
    ran = any_command("jobs", "show", retried, "--dsn", db.dsn, "--json")
    (shown,) = ran.lines
    first, *rest = shown["events"]
    assert first["since"] is None
    at = [datetime.fromisoformat(event["at"]) for event in shown["events"]]
    assert [event["since"] for event in rest] == [
        (later - sooner).total_seconds() for sooner, later in pairwise(at)
    ]
    assert shown["total"] == (at[-1] - at[0]).total_seconds()
    assert shown["waited"] == rest[0]["since"]
    assert shown["ran"] == pytest.approx(rest[1]["since"] + rest[3]["since"])


def test_migrate_says_what_it_did_as_json(any_command: Run, empty_dsn: str) -> None:
    (done,) = any_command("migrate", "--dsn", empty_dsn, "--compat", "app_jobs", "--json").lines
    assert [step["version"] for step in done["applied"]] == list(range(1, done["version"] + 1))
    assert done["compat"] == ["app_jobs"]
    again = json.loads(any_command("migrate", "--dsn", empty_dsn, "--check", "--json").out)
    assert again == {"version": done["version"], "applied": [], "compat": []}
