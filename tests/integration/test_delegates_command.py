"""``jobferry delegate``: what it prints, what it refuses, and how it says so."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from integration.database import Database, Spec
from jobferry_server.commands.delegate import delegate
from jobferry_server.delegates import registry
from jobferry_server.errors import ConfigurationError
from support.commands import jobferry
from support.postgres import TestServer

NASTY = "bell\x07 escape\x1b[31m"


@pytest.fixture
def dsn(server: TestServer, queues_template: str) -> Iterator[str]:
    """A database with Procrastinate and PgQueuer, of the test's own."""
    with server.database(copy=queues_template) as dsn:
        yield dsn


def run(db: Database, *arguments: str) -> str:
    """What the command prints, without a process of its own."""
    found = CliRunner().invoke(delegate, [*arguments, "--dsn", db.dsn], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def lines(db: Database, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(db, *arguments, "--json").splitlines()]


def test_add_ls_check_rm(db: Database) -> None:
    made = {
        "task": "away",
        "engine": "procrastinate",
        "schema_name": "public",
        "queue": "q",
        "foreign_task": "there",
    }
    add = ("add", "away", "--engine", "procrastinate", "--queue", "q", "--as", "there")
    assert lines(db, *add) == [made]
    assert "away goes to procrastinate" in run(db, *add)
    gone, stuck = Spec(task="away"), Spec(task="away")
    db.submit(gone)
    db.do("alter table procrastinate_jobs rename to elsewhere")
    db.submit(stuck)
    (listed,) = lines(db, "ls")
    assert made.items() <= listed.items()
    assert (listed["jobs"], listed["left_behind"]) == (1, 1)
    assert "procrastinate_jobs" in listed["last_error"]
    assert "procrastinate_jobs" in run(db, "ls")

    db.do("alter table elsewhere rename to procrastinate_jobs")
    db.do("delete from procrastinate_jobs")
    found = {row["job_id"]: row["finding"] for row in lines(db, "check")}
    assert found == {str(stuck.id): "left", str(gone.id): "vanished"}
    assert "vanished" in run(db, "check")

    assert lines(db, "rm", "away") == [{"task": "away", "removed": True}]
    assert lines(db, "rm", "away") == [{"task": "away", "removed": False}]
    refused = jobferry("delegate", "rm", "away", "--dsn", db.dsn)
    assert refused.returncode == 1
    assert "away is not delegated" in refused.stderr
    assert lines(db, "ls") == []


def test_an_engine_that_is_not_there(db: Database) -> None:
    for engine in ("graphile-worker", "pg-boss", "oban"):
        with pytest.raises(ConfigurationError, match=f"{engine} is not in schema"):
            registry.add(db.dsn, "away", engine, None, None, None)
    found = jobferry("delegate", "add", "away", "--engine", "oban", JOBFERRY_DSN=db.dsn)
    assert found.returncode == 1
    assert "oban is not in schema public" in found.stderr
    assert "migrations" in found.stderr


def test_registering_takes_the_owner_s_rights(db: Database) -> None:
    dsn = make_conninfo(db.dsn, options="-c role=jobferry_processor")
    found = jobferry("delegate", "add", "away", "--engine", "pgqueuer", "--dsn", dsn)
    assert found.returncode == 1
    assert "superuser" in found.stderr


def test_control_characters_do_not_reach_the_terminal(db: Database) -> None:
    run(db, "add", NASTY, "--engine", "pgqueuer", "--as", NASTY)
    db.do("alter table pgqueuer rename to elsewhere")
    db.submit(Spec(task=NASTY))
    for command in (["ls"], ["check"], ["ls", "--json"], ["check", "--json"]):
        text = run(db, *command)
        assert "bell" in text
        assert {c for c in text if not c.isprintable() and c != "\n"} == set()
