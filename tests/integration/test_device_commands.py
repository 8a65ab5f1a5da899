"""``jobferry client``: the device's jobs from the command line."""

import json
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobferry_client import ConnectionState, JobClient, NewJob, Status
from jobferry_server import Job as RunningJob
from jobferry_server import Processor
from support.commands import Run
from support.processes import eventually, jobferry, part
from support.proxy import free_port
from support.services import Services, token

SOON = "20"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBFERRY_DB", "JOBFERRY_URL", "JOBFERRY_TOKEN", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """The device's file."""
    return device_file("till")


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway with somebody who does the work."""
    processor = Processor()

    @processor.task()
    def default(job: RunningJob) -> object:
        return {"got": job.payload}

    @processor.task("fail", max_attempts=1)
    def fail(job: RunningJob) -> None:
        raise ValueError("no")

    with services.gateway() as found, services.processor(processor):
        yield found


def test_init_makes_the_file_and_a_device_keeps_its_id(run: Run, path: Path) -> None:
    first, second = run("init", path), run("init", path)
    assert first == second
    assert first.code == 0
    with JobClient(path) as client:
        assert first.out == f"{path}: ready, device {client.status().client_id}\n"


def test_a_submitted_job_is_shown(run: Run, path: Path) -> None:
    ran = run("submit", path, "--task", "thumbnail", "--payload", '{"n": 1}')
    assert (ran.code, ran.err) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert shown["task"] == "thumbnail"
    assert shown["state"] == "waiting to send"
    assert shown["payload"] == '{"n": 1}'


def test_a_submitted_job_is_one_line_of_json_for_programs(run: Run, path: Path) -> None:
    ran = run(
        *("submit", path, "--json", "--task", "t", "--payload", '["é"]', "--priority", "-3"),
        *("--queue", "q", "--max-attempts", "2"),
    )
    (shown,) = ran.lines
    with JobClient(path) as client:
        (job,) = client.jobs()
    assert shown["id"] == str(job.id)
    assert (shown["status"], shown["state"]) == ("pending", "waiting to send")
    assert (shown["task"], shown["payload"], shown["priority"]) == ("t", ["é"], -3)
    assert (shown["queue_name"], shown["max_attempts"]) == ("q", 2)
    assert (shown["completed"], shown["cancelled"], shown["error"]) == (False, False, None)
    assert job.timestamp is not None
    assert shown["timestamp"] == job.timestamp.isoformat()


def test_a_payload_may_be_left_out(run: Run, path: Path) -> None:
    (shown,) = run("submit", path, "--json").lines
    assert (shown["task"], shown["payload"]) == ("default", None)


def test_a_payload_may_come_from_a_file_or_from_standard_input(
    run: Run, path: Path, tmp_path: Path
) -> None:
    text = '{ "é": [1] }\n'
    (tmp_path / "payload.json").write_text(text, encoding="utf-8")
    ran = run("submit", path, "--json", "--payload", f"@{tmp_path / 'payload.json'}")
    assert ran.lines[0]["payload"] == {"é": [1]}
    ran = run("submit", path, "--json", "--payload", "-", stdin=text.encode())
    assert ran.lines[0]["payload"] == {"é": [1]}


@pytest.mark.parametrize("payload", ["{", "NaN", '{"a":1,"a":2}', '"\\u0000"', ""])
def test_a_payload_that_is_no_json_fails_with_reason_and_remedy(
    run: Run, path: Path, payload: str
) -> None:
    ran = run("submit", path, "--payload", payload)
    assert (ran.code, ran.out) == (1, "")
    first, second = ran.err.splitlines()
    assert first.startswith("jobferry: invalid_json: ")
    assert second.startswith("  Payload and result are JSON")
    assert not path.exists()


def test_a_payload_of_bad_utf8_fails_with_the_reason(run: Run, path: Path, tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(b'"\xff"')
    for ran in (
        run("submit", path, "--payload", f"@{tmp_path / 'payload'}"),
        run("submit", path, "--payload", "-", stdin=b'"\xff"'),
    ):
        assert ran.code == 1
        assert "invalid_json: not valid UTF-8 at octet 1" in ran.err


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_payload_file_that_can_not_be_read_is_wrong_usage(
    run: Run, path: Path, tmp_path: Path, name: str
) -> None:
    ran = run("submit", path, "--payload", f"@{tmp_path / name}")
    assert (ran.code, ran.out) == (2, "")
    assert "Error: --payload: " in ran.err


def test_ls_shows_the_newest_first(run: Run, path: Path) -> None:
    with JobClient(path) as client:
        jobs = client.submit_many(NewJob(task=f"t{n}", payload=n) for n in range(12))
    ran = run("ls", path)
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.split() == ["id", "task", "state", "result"]
    assert [row.split()[:2] for row in rows] == [[str(j.id), j.task] for j in jobs[:1:-1]]
    assert [line["payload"] for line in run("ls", path, "--json").lines] == list(range(11, 1, -1))
    assert len(run("ls", path, "--json", "--limit", 100).lines) == 12
    assert [line["task"] for line in run("ls", path, "--json", "--task", "t3").lines] == ["t3"]
    assert run("ls", path, "--json", "--status", "completed").lines == []
    assert len(run("ls", path, "--json", "--status", "pending", "--limit", 3).lines) == 3


def test_show_shows_one_job(run: Run, path: Path) -> None:
    with JobClient(path) as client:
        job = client.submit("t", {"n": 1})
    assert f"id  {job.id}\n" in run("show", path, job.id).out
    assert run("show", path, job.id, "--json").lines[0]["payload"] == {"n": 1}


@pytest.mark.parametrize("command", ["show", "cancel"])
def test_a_job_that_is_not_here_is_a_failure_with_a_code(
    run: Run, path: Path, command: str
) -> None:
    stranger = uuid4()
    ran = run(command, path, stranger)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"jobferry: not_found: no job {stranger} in this file\n  ")
    ran = run(command, path, "till")
    assert ran.code == 2
    assert "'till' is not a valid UUID" in ran.err


def test_cancel_asks_for_it(run: Run, path: Path) -> None:
    with JobClient(path) as client:
        job = client.submit()
    (shown,) = run("cancel", path, job.id, "--json").lines
    assert (shown["cancel_requested"], shown["cancelled"]) == (True, False)
    assert shown["state"] == "waiting to send, cancelling"


def test_status_shows_what_is_unsent(run: Run, path: Path) -> None:
    with JobClient(path) as client:
        client.submit_many([NewJob()] * 3)
        device = client.status().client_id
    (shown,) = run("status", path, "--json").lines
    assert (shown["pending"], shown["rejected"], shown["client_id"]) == (3, 0, str(device))
    assert 0 <= shown["oldest_pending_age"] < 60
    ran = run("status", path)
    assert ran.code == 0
    assert f"client_id  {device}\n" in ran.out
    assert "pending  3\n" in ran.out


def test_the_file_may_come_from_the_environment(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBFERRY_DB", str(path))
    assert run("init").code == 0
    (job,) = run("submit", "--json", "--payload", "1").lines
    assert run("show", job["id"], "--json").lines == [job]
    assert run("show", "--json", job["id"]).lines == [job]
    assert run("cancel", job["id"], "--json").lines[0]["cancel_requested"]
    assert [line["id"] for line in run("ls", "--json").lines] == [job["id"]]
    assert run("status", "--json").lines[0]["pending"] == 2
    assert run("show").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("ls",),
        ("show", "till.db"),
        ("ls", "till.db", "--status", "asleep"),
        ("submit", "till.db", "--priority", "high"),
        ("submit", "till.db", "--wait"),
        ("sync", "till.db"),
        ("paint", "till.db"),
        ("ls", "."),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_to_be(
    run: Run, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: jobferry client")


@pytest.mark.parametrize("command", ["init", "submit", "ls", "status"])
def test_a_file_that_is_not_ours_is_a_failure_with_a_remedy(
    run: Run, path: Path, command: str
) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    ran = run(command, path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"jobferry: schema_mismatch: {path}: file is not a database\n"
        "  Give Jobferry a SQLite file, in a folder where it may write.\n"
    )


def test_what_foreign_programs_write_does_not_steer_the_terminal(run: Run, path: Path) -> None:
    evil = "\x1b]0;pwned\x07[bold]\r\n\u202e"
    run("init", path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            "INSERT INTO background_jobs (payload, task, queue_name) VALUES (?, ?, ?)",
            [json.dumps(evil, ensure_ascii=False), evil, evil],
        )
        ((job,),) = other.execute("SELECT id FROM background_jobs").fetchall()
    for ran in (run("ls", path), run("show", path, job)):
        assert ran.code == 0
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(ran.out)
        assert "[bold]" in ran.out
    for ran in (run("ls", path, "--json"), run("show", path, job, "--json")):
        assert ran.lines[0]["task"] == evil
        assert not {"\x1b", "\x07", "\r"} & set(ran.out)


def test_rows_that_no_terminal_can_show_are_shown_all_the_same(run: Run, path: Path) -> None:
    run("init", path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO background_jobs (payload) VALUES ('\"\\ud800\"')")
        other.execute("INSERT INTO background_jobs (payload) VALUES (CAST(? AS TEXT))", [b'"\xff"'])
    for ran in (run("ls", path, "--json"), run("ls", path)):
        assert ran.code == 0
        ran.out.encode()
    payloads = [line["payload"] for line in run("ls", path, "--json").lines]
    assert sorted(map(ascii, payloads)) == [r"'\ud800'", r"'\ufffd'"]


# With a gateway.


def test_submit_waits_for_the_result(run: Run, path: Path, url: str) -> None:
    words = ("submit", path, "--wait", "--timeout", SOON, "--url", url, "--token", token())
    ran = run(*words, "--json", "--payload", "[1]")
    assert ran.code == 0
    (shown,) = ran.lines
    assert (shown["status"], shown["result"]) == ("completed", {"got": [1]})
    ran = run(*words, "--json", "--task", "fail")
    assert ran.code == 1
    (shown,) = ran.lines
    assert (shown["status"], shown["error"]["code"]) == ("failed", "handler_error")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_wait_that_takes_too_long_fails_and_keeps_the_job(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    port = free_port()
    words = ("--wait", "--timeout", "0.3", "--url", f"ws://127.0.0.1:{port}", "--token", "t")
    ran = run("submit", path, *words)
    assert ran.code == 1
    with JobClient(path) as client:
        (job,) = client.jobs()
    assert f"job {job.id} is still waiting to send after 0.3 s; " in ran.err
    assert str(port) in ran.err


def test_a_wait_for_a_gateway_that_says_nothing_does_not_say_connected(
    run: Run, path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}"
        ran = run("submit", path, "--wait", "--timeout", "0.3", "--url", url, "--token", "t")
    assert "waiting to send after 0.3 s; connecting" in ran.err


def test_a_wait_with_a_bad_token_fails_at_once(run: Run, path: Path, url: str) -> None:
    ran = run("submit", path, "--wait", "--url", url, "--token", "nonsense")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("jobferry: unauthenticated: the gateway wants a token: ")


def test_a_wait_in_a_terminal_shows_the_job(
    run: Run, path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    ran = run("submit", path, "--wait", "--timeout", SOON, "--url", url, "--token", token())
    assert ran.code == 0
    assert '{"got": null}' in ran.out


def test_sync_once_returns_when_in_step(
    run: Run, path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("submit", path)
    monkeypatch.setenv("JOBFERRY_URL", url)
    monkeypatch.setenv("JOBFERRY_TOKEN", token())
    ran = run("sync", path, "--once")
    assert (ran.code, ran.out) == (0, "in step: 0 unsent, 0 rejected\n")
    assert run("sync", path, "--once", "--timeout", SOON).code == 0


def test_sync_once_fails_with_the_reason(run: Run, path: Path, url: str) -> None:
    ran = run("sync", path, "--once", "--url", url, "--token", "nonsense")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("jobferry: unauthenticated: ")
    nowhere = f"ws://127.0.0.1:{free_port()}"
    ran = run("sync", path, "--once", "--timeout", "0.3", "--url", nowhere, "--token", token())
    assert (ran.code, ran.out) == (1, "")
    assert "not in step after 0.3 s" in ran.err


def test_sync_says_how_it_stands_until_interrupted(path: Path, url: str, tmp_path: Path) -> None:
    with JobClient(path) as offline:
        offline.submit()
    words = ("client", "sync", str(path), "--url", url)
    with part(tmp_path / "log", *words, "--token", token()) as syncing:
        eventually(lambda: "connected · 0 unsent\n" in syncing.log)
        syncing.signal(signal.SIGINT)
        assert syncing.wait() == 130
    with part(tmp_path / "bad", *words, "--token", "nonsense") as syncing:
        eventually(lambda: "needs_auth: the token was refused" in syncing.log)


def test_watch_writes_a_line_for_every_change_until_interrupted(path: Path, tmp_path: Path) -> None:
    def seen() -> list[Any]:
        return [json.loads(line) for line in watching.log.splitlines()]

    with part(tmp_path / "log", "client", "watch", str(path), "--json") as watching:
        eventually(lambda: seen() == [[]])
        with JobClient(path) as client:
            submitted = client.submit("t", 1)
            eventually(lambda: len(seen()) == 2)
            client.cancel(submitted.id)
            eventually(lambda: len(seen()) == 3)
        watching.signal(signal.SIGINT)
        assert watching.wait() == 130
    assert [[job["cancel_requested"] for job in jobs] for jobs in seen()] == [
        [],
        [False],
        [True],
    ]


def test_the_command_is_there_as_a_program(path: Path) -> None:
    ran = jobferry("client", "submit", str(path), "--payload", "1", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["status"] == Status.PENDING
    ran = jobferry("client", "show", str(path), str(uuid4()))
    assert ran.returncode == 1
    assert ran.stderr.startswith("jobferry: not_found: ")
    assert "Traceback" not in ran.stderr
    assert ConnectionState.DISCONNECTED in jobferry("client", "status", str(path), "--json").stdout
