"""What a service says once it is ready, and what ``migrate`` says meanwhile."""

import json
import signal
from pathlib import Path

import pytest

from integration.database import Database
from support.commands import Run
from support.postgres import TestServer
from support.processes import eventually, jobferry
from support.services import SECRET
from support.stack import Stack

PARTS = {
    "gateway": ("gateway.listening", "listening on ws://", ("--port", "0")),
    "processor": ("processor.processing", "processing ", ("jobferry_demo.tasks:processor",)),
    "dashboard": ("dashboard.listening", "listening on http://", ("--port", "0")),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_service_that_is_ready_says_so_in_a_line(name: str, dsn: str, tmp_path: Path) -> None:
    _, words, arguments = PARTS[name]
    with Stack(dsn, tmp_path) as stack:
        part = stack.part(name, *arguments, "--dsn", dsn)
        eventually(lambda: f"\n{words}" in f"\n{part.log}", every=0.02)


@pytest.mark.parametrize("name", PARTS)
def test_as_json_it_says_nothing_else(name: str, dsn: str, tmp_path: Path) -> None:
    event, _, arguments = PARTS[name]
    with Stack(dsn, tmp_path) as stack:
        part = stack.part(name, *arguments, "--dsn", dsn, JOBFERRY_LOG_FORMAT="json")
        eventually(lambda: event in part.log, every=0.02)
        part.signal(signal.SIGTERM)
        part.wait()
        assert event in [json.loads(line)["event"] for line in part.log.splitlines()]


def test_a_processor_that_is_ready_hears(db: Database, tmp_path: Path) -> None:
    with Stack(db.dsn, tmp_path) as stack:
        part = stack.processor(JOBFERRY_POLL_SECONDS="600")
        eventually(lambda: "processing" in part.log, every=0.02)
        heard = "select count(*) from pg_stat_activity where query ilike 'listen%' and datname = current_database()"
        assert db.value(heard) == 1
        assert db.value("select count(*) from jobferry.processors") == 1


@pytest.mark.parametrize("name", [*PARTS, "migrate"])
def test_a_database_that_is_not_there_is_said_in_words(name: str, server: TestServer) -> None:
    arguments = PARTS[name][2] if name in PARTS else ()
    ran = jobferry(name, *arguments, "--dsn", server.dsn_of("nowhere"), JOBFERRY_JWT_SECRET=SECRET)
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False), ran.stderr
    assert 'database "nowhere" does not exist' in ran.stderr


def test_migrate_says_each_step_before_it_is_made(empty_dsn: str, any_command: Run) -> None:
    with Database(empty_dsn) as empty:
        empty.do("create table background_jobs (id uuid primary key)")
        refused = any_command("migrate", "--dsn", empty_dsn)
        assert refused.code == 1
        assert "timestamp is missing" in refused.err
        assert "Rename or convert" in refused.err
        assert "Traceback" not in refused.err
        assert refused.out.splitlines() == ["applying 0001 roles", "applying 0002 ledger"]
        empty.do("drop table background_jobs")
    done = any_command("migrate", "--dsn", empty_dsn).out.splitlines()
    assert done[:2] == ["applying 0001 roles", "applying 0002 ledger"]
    assert done[-1].startswith("up to date: version ")
