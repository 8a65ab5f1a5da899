"""Mistakes that newcomers make: each is answered in a line or two, with a way out and the right exit code."""

import re
import socket
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from integration.database import Database
from integration.test_doctor_server import login
from support import processes
from support.commands import Ran, Run
from support.services import SECRET, token

USAGE, FAILURE = 2, 1
#: They set up the log, the collector and the signals of their process.
SERVICES = ("gateway", "processor", "dashboard", "up")
LOGGED = re.compile(r"\d{4}-\d\d-\d\d ")
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
FILES = {
    "text.db": "not a database, though long enough to be taken for one by its name",
    "wrong_till.py": "def (",
    "till.py": "number = 5",
}
GATEWAY = ("gateway", "--dsn", "{dsn}", "--secret", SECRET)
UP = ("up", "--dsn", "{dsn}", "--port", "0", "--dashboard-port", "0", "--data", "data")
PROCESSOR = ("processor", "till:number", "--dsn", "{dsn}")

#: What is typed, the exit code, and what the answer must say: what is wrong, and what would be right.
MISTAKES = [
    (("up", "--app", "till"), FAILURE, "tasks:processor"),
    (("up", "--app", "nowhere:processor"), FAILURE, "looked for in this folder"),
    (("up", "--app", "till:none"), FAILURE, "none = Processor()"),
    (("up", "--app", "till:number"), FAILURE, "of the type int"),
    (("up", "--app", "wrong_till:processor"), FAILURE, "SyntaxError: invalid syntax (wrong_till.py, line 1)"),
    ((*UP, "--port", "{taken}"), FAILURE, "another --port"),
    ((*GATEWAY, "--port", "{taken}"), FAILURE, "another --port"),
    ((*GATEWAY, "--port", "99999"), USAGE, "0<=x<=65535"),
    ((*GATEWAY, "--host", "nowhere.invalid"), FAILURE, "another --host"),
    ((*PROCESSOR, "--concurrency", "0"), USAGE, "x>=1"),
    (("dashboard", "--dsn", "{dsn}", "--port", "{taken}"), FAILURE, "another --port"),
    (("dashboard", "--dsn", "{dsn}", "--port", "-1"), USAGE, "0<=x<=65535"),
    (("dashboard", "--dsn", "{dsn}", "--gateway", "till"), FAILURE, "ends with /metrics"),
    (("dashboard", "--dsn", "mysql://a/b"), FAILURE, 'either "postgresql"'),
    (("jobs", "ls", "--dsn", "{dsn}", "--since", "yesterday"), USAGE, "such as 2026-11-22"),
    (("audit", "--dsn", "{dsn}", "--until", "2026-13-01"), USAGE, "such as 2026-11-22"),
    (("prune", "--dsn", "{dsn}", "--older-than", "1d", "--archive", "no/a"), USAGE, "no folder no"),
    (("jobs", "ls", "--dsn", NOWHERE), FAILURE, "jobferry doctor"),
    (("client", "ls", "nowhere.db"), USAGE, "does not exist"),
    (("client", "status", "text.db"), FAILURE, "Give Jobferry a SQLite file"),
    (("up", "--data", "text.db/data"), FAILURE, "Name another"),
    (("client", "ls", "text.db", "--limit", "-1"), USAGE, "x>=1"),
    (("client", "show", "a.db", "12"), USAGE, "not a valid UUID"),
    (("client", "submit", "a.db", "--payload", "{bad"), FAILURE, "invalid_json"),
    (("client", "submit", "a.db", "--payload", "@nowhere"), USAGE, "No such file"),
    (("client", "submit", "a.db", "--priority", "99999"), USAGE, "-32768<=x<=32767"),
    (("client", "submit", "a.db", "--max-attempts", "0"), USAGE, "1<=x<=32767"),
    (("client", "sync", "a.db", "--url", "http://till"), FAILURE, "begins with ws:// or wss://"),
    (("client", "sync", "a.db", "--url", "ws://[broken"), FAILURE, "begins with ws:// or wss://"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody has begun."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("typed", "code", "words"), MISTAKES, ids=lambda one: str(one)[:60])
def test_a_mistake_is_answered(
    typed: tuple[str, ...], code: int, words: str, dsn: str, any_command: Run
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"{dsn}": dsn, "{taken}": str(taken.getsockname()[1])}
        arguments = [known.get(one, one) for one in typed]
        if typed[0] in SERVICES and code == FAILURE and "--app" not in typed:
            done = processes.jobferry(*arguments)
            ran = Ran(done.returncode, done.stdout, done.stderr)
        else:
            ran = any_command(*arguments)
    assert (ran.code, words in ran.err, "Traceback" in ran.err) == (code, True, False), ran.err
    assert len([line for line in ran.err.splitlines() if not LOGGED.match(line)]) <= 4, ran.err


def test_a_login_without_the_role_is_told_what_to_grant(db: Database) -> None:
    with login(db) as stranger:
        url = "postgresql://{user}:{password}@/{dbname}?host={host}&port={port}"
        dsn = url.format(**conninfo_to_dict(stranger))
        done = processes.jobferry("dashboard", "--dsn", dsn, "--port", "0")
    assert (done.returncode, "GRANT jobferry_auditor TO" in done.stderr) == (1, True), done.stderr


@pytest.mark.usefixtures("folder")
def test_who_waits_for_a_result_is_told_what_he_waits_for() -> None:
    nowhere = ("--url", "ws://127.0.0.1:1", "--token", token())
    wait = ("client", "submit", "a.db", "--wait", "--timeout", "3")
    done = processes.jobferry(*wait, *nowhere)
    assert done.stderr.splitlines()[0].startswith("pending; disconnected: ")
