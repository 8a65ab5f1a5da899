"""``jobferry jobs``: finding jobs, and taking them in hand."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from integration.database import DEVICE, Database, Held, Spec
from support.commands import jobferry
from support.proxy import free_port

PHONE = UUID("0197a000-0000-7000-8000-000000000002")


def run(db: Database, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """The lines of JSON that a command prints."""
    done = jobferry("jobs", *arguments, "--json", JOBFERRY_DSN=db.dsn)
    assert done.returncode == code, (done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def history(db: Database) -> dict[str, UUID]:
    """Jobs of two owners, each with another fate."""
    specs = {
        "failed": Spec(owner="anna", task="resize", job_key="k"),
        "retrying": Spec(owner="anna", client_id=PHONE),
        "done": Spec(owner="bert"),
        "running": Spec(owner="bert", queue_name="q"),
        "queued": Spec(owner="bert", task="never"),
    }
    db.submit(*specs.values())
    db.register("p", "default", "resize")
    held = {row["id"]: row["attempt"] for row in db.claim(tasks=["default", "resize"])}
    of = {name: Held(spec.id, held[spec.id]) for name, spec in specs.items() if spec.id in held}
    db.flush(
        done=[(of["done"], "1")],
        failed=[(of["failed"], {"final": True, "error": {"code": "x"}}), (of["retrying"], {})],
    )
    return {name: spec.id for name, spec in specs.items()}


FILTERS: list[tuple[list[str], set[str]]] = [
    ([], {"failed", "retrying", "done", "running", "queued"}),
    (["--owner", "anna"], {"failed", "retrying"}),
    (["--owner", "nobody"], set()),
    (["--device", str(PHONE)], {"retrying"}),
    (["--device", str(DEVICE), "--owner", "anna"], {"failed"}),
    (["--task", "resize"], {"failed"}),
    (["--status", "failed", "--status", "running"], {"failed", "running"}),
    (["--queue", "q"], {"running"}),
    (["--key", "k"], {"failed"}),
    (["--error", "x", "--status", "failed"], {"failed"}),
    (["--until", "2020-01-01"], set()),
    (["--since", "2020-01-01", "--status", "queued"], {"queued"}),
]


def test_each_filter_finds_its_own(db: Database, history: dict[str, UUID]) -> None:
    names = {str(job): name for name, job in history.items()}
    for options, wanted in FILTERS:
        assert {names[row["id"]] for row in run(db, "ls", *options)} == wanted, options
    assert len(run(db, "ls", "--limit", "2")) == 2


def test_a_table_for_people_does_no_harm(db: Database) -> None:
    db.insert(submitted_by="anna\x1b[31m", task="[bold]t")
    done = jobferry("jobs", "ls", JOBFERRY_DSN=db.dsn)
    assert "\x1b" not in done.stdout
    assert "anna\\x1b[31m" in done.stdout
    assert "[bold]t" in done.stdout


def test_a_job_is_shown_with_what_happened_to_it(db: Database, history: dict[str, UUID]) -> None:
    (found,) = run(db, "show", str(history["running"]))
    assert (found["locked_by"], found["status"], found["payload"]) == ("p", "running", {})
    assert [event["event"] for event in found["events"]] == ["submitted", "started"]
    words = jobferry("jobs", "show", str(history["failed"]), JOBFERRY_DSN=db.dsn).stdout
    assert "failed" in words
    assert "submitted" in words
    missing = jobferry("jobs", "show", str(uuid4()), JOBFERRY_DSN=db.dsn)
    assert (missing.returncode, "no job" in missing.stderr) == (1, True)


def test_failed_and_retrying_jobs_are_retried_now(db: Database, history: dict[str, UUID]) -> None:
    found = run(db, "retry", str(history["failed"]), str(history["retrying"]))
    assert [row["changed"] for row in found] == [True, True]
    assert db.events(history["failed"])[-1] == "revived"
    taken = {row["id"] for row in db.claim(tasks=["default", "resize"])}
    assert taken == {history["failed"], history["retrying"]}
    db.assert_sound()


def test_what_can_not_be_retried_is_left_and_said(db: Database, history: dict[str, UUID]) -> None:
    stranger = uuid4()
    found = run(db, "retry", str(history["done"]), str(stranger), code=1)
    assert found == [{"id": str(history["done"]), "was": "completed", "changed": False}]
    done = jobferry("jobs", "retry", str(stranger), JOBFERRY_DSN=db.dsn)
    assert f"not found: {stranger}" in done.stderr


def test_jobs_are_cancelled_by_what_they_have_in_common(
    db: Database, history: dict[str, UUID]
) -> None:
    found = run(db, "cancel", "--owner", "bert", "--yes")
    assert {row["id"]: row["changed"] for row in found} == {
        str(history["done"]): False,
        str(history["running"]): True,
        str(history["queued"]): True,
    }
    assert db.status(history["running"]) == db.status(history["queued"]) == "cancelled"
    assert db.status(history["retrying"]) == "retrying"
    actor = "select actor from background_job_events where event = 'cancelled' limit 1"
    assert db.value(actor) == db.value("select session_user")


def test_all_jobs_are_meant_only_if_somebody_says_so(db: Database) -> None:
    job = db.insert()
    nothing = jobferry("jobs", "cancel", JOBFERRY_DSN=db.dsn)
    assert (nothing.returncode, "which jobs?" in nothing.stderr) == (2, True)
    unasked = jobferry("jobs", "cancel", "--status", "queued", JOBFERRY_DSN=db.dsn)
    assert unasked.returncode == 1
    assert db.status(job) == "queued"


def test_jobs_are_rescheduled(db: Database, history: dict[str, UUID]) -> None:
    job = history["queued"]
    run(db, "reschedule", str(job), "--at", "2040-01-02T03:04:05", "--priority", "-5")
    row = db.job(job)
    assert (row["status"], row["priority"]) == ("scheduled", -5)
    assert row["run_at"].isoformat() == "2040-01-02T03:04:05+00:00"
    run(db, "reschedule", str(job), "--in", "0s", "--max-attempts", "3")
    row = db.job(job)
    assert (row["status"], row["max_attempts"], row["priority"]) == ("queued", 3, -5)
    for wrong in (["--at", "2040-01-01", "--in", "1h"], []):
        assert jobferry("jobs", "reschedule", str(job), *wrong, JOBFERRY_DSN=db.dsn).returncode == 2


def test_many_jobs_are_changed_in_batches(db: Database) -> None:
    db.submit(*(Spec(task="bulk") for _ in range(1200)))
    done = jobferry("jobs", "cancel", "--task", "bulk", "--yes", JOBFERRY_DSN=db.dsn)
    assert done.stdout.splitlines()[-1] == "1200 jobs changed, 0 left as they are"
    assert db.queue() == {}


@pytest.mark.parametrize("command", [("jobs", "ls"), ("schedule", "ls"), ("audit",)], ids=" ".join)
def test_a_server_that_does_not_answer_is_said_in_words(command: tuple[str, ...]) -> None:
    found = jobferry(*command, JOBFERRY_DSN=f"postgresql://127.0.0.1:{free_port()}/none")
    assert found.returncode == 1
    assert "jobferry: database_failed: connection failed" in found.stderr
    assert "jobferry doctor" in found.stderr
