"""Reading the audit log: the filters, the three forms, and cells that would like to be formulas."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Json

from integration.database import DEVICE, Database, Held, Spec
from jobferry_server.audit import COLUMNS, Filter, events
from support.commands import jobferry

PHONE = UUID("0197a000-0000-7000-8000-000000000002")


@pytest.fixture
def history(db: Database) -> dict[str, UUID]:
    """Jobs of two owners, three devices and two tasks, each with another fate."""
    specs = {
        "done": Spec(owner="anna", task="resize"),
        "failed": Spec(owner="anna", task="default", client_id=PHONE),
        "cancelled": Spec(owner="bert", task="resize", client_id=uuid4()),
        "waiting": Spec(owner="bert", task="default", client_id=uuid4()),
    }
    db.submit(*specs.values())
    db.register("p", "default", "resize")
    held = {row["id"]: row for row in db.claim(tasks=["default", "resize"])}
    of = {name: Held(spec.id, held[spec.id]["attempt"]) for name, spec in specs.items()}
    db.flush(
        done=[(of["done"], '{"a": 1}')],
        failed=[(of["failed"], {"final": True, "error": {"code": "c", "message": "märchen"}})],
        released=[of["waiting"]],
    )
    db.cancel_batch(specs["cancelled"].id, owner="bert")
    return {name: spec.id for name, spec in specs.items()}


def read(db: Database, **wanted: Any) -> list[dict[str, Any]]:
    return list(events(db.dsn, Filter(**wanted)))


def test_every_transition_oldest_first(db: Database, history: dict[str, UUID]) -> None:
    found = read(db)
    assert [row["id"] for row in found] == sorted(row["id"] for row in found)
    by_job = {
        name: [row["event"] for row in found if row["job_id"] == job]
        for name, job in history.items()
    }
    assert by_job == {
        "done": ["submitted", "started", "completed"],
        "failed": ["submitted", "started", "failed"],
        "cancelled": ["submitted", "started", "cancelled"],
        "waiting": ["submitted", "started", "released"],
    }
    assert all(tuple(row) == COLUMNS for row in found)
    failed = next(row for row in found if row["event"] == "failed")
    assert failed["detail"] == {"code": "c", "message": "märchen"}
    assert (failed["owner"], failed["actor"], failed["attempt"]) == ("anna", "processor p", 1)
    assert (failed["client_id"], failed["task"], failed["status"]) == (PHONE, "default", "failed")


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"owner": "anna"}, {"done", "failed"}),
    ({"owner": "nobody"}, set()),
    ({"device": DEVICE}, {"done"}),
    ({"device": PHONE}, {"failed"}),
    ({"task": "resize"}, {"done", "cancelled"}),
    ({"status": "queued"}, {"waiting"}),
    ({"status": "completed"}, {"done"}),
    ({"event": "started"}, {"done", "failed", "cancelled", "waiting"}),
    ({"event": "released"}, {"waiting"}),
    ({"owner": "bert", "task": "resize", "event": "cancelled"}, {"cancelled"}),
    ({"owner": "anna", "task": "resize", "status": "failed"}, set()),
]


def test_filters(db: Database, history: dict[str, UUID]) -> None:
    for wanted, names in FILTERS:
        found = read(db, **wanted)
        assert {row["job_id"] for row in found} == {history[name] for name in names}, wanted
        if "event" in wanted:
            assert {row["event"] for row in found} == {wanted["event"]}


def test_one_job_some_events_and_times(db: Database, history: dict[str, UUID]) -> None:
    assert [row["event"] for row in read(db, job=history["done"])] == [
        "submitted",
        "started",
        "completed",
    ]
    everything = read(db)
    assert [row["id"] for row in read(db, limit=3)] == [row["id"] for row in everything[:3]]
    border = everything[5]["at"]
    late, early = read(db, since=border), read(db, until=border)
    assert [*early, *late] == everything
    assert late[0]["at"] == border
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert read(db, since=tomorrow) == []


def test_a_removed_job_keeps_its_events(db: Database, history: dict[str, UUID]) -> None:
    db.do("delete from background_jobs where id = %s", history["done"])
    found = read(db, job=history["done"])
    assert [row["event"] for row in found] == ["submitted", "started", "completed", "deleted"]
    assert {row["status"] for row in found} == {None}
    assert {row["owner"] for row in found} == {"anna"}


def test_more_events_than_are_fetched_at_once(db: Database) -> None:
    db.submit(*(Spec() for _ in range(2500)))
    rows: Iterator[dict[str, Any]] = iter(events(db.dsn, Filter()))
    first = next(rows)
    assert first["event"] == "submitted"
    assert 1 + sum(1 for _ in rows) == 2500


def test_reading_needs_the_auditor_s_rights_and_no_more(db: Database) -> None:
    db.submit(Spec())
    db.do("revoke select on background_job_events from jobferry_auditor")
    with pytest.raises(Exception, match="permission denied"):
        read(db)


# -- the command


def audit(db: Database, *arguments: str) -> str:
    found = jobferry("audit", "--dsn", db.dsn, *arguments)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_json_lines(db: Database, history: dict[str, UUID]) -> None:
    lines = [json.loads(line) for line in audit(db, "--json", "--owner", "anna").splitlines()]
    assert len(lines) == 6
    assert all(tuple(line) == COLUMNS for line in lines)
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["job_id"] == str(history["failed"])
    assert failed["detail"]["message"] == "märchen"
    assert datetime.fromisoformat(failed["at"]).tzinfo is not None


def test_csv(db: Database, history: dict[str, UUID]) -> None:
    header, *rows = csv.reader(io.StringIO(audit(db, "--csv", "--task", "default")))
    assert tuple(header) == COLUMNS
    assert len(rows) == 6
    assert {row[COLUMNS.index("job_id")] for row in rows} == {
        str(history["failed"]),
        str(history["waiting"]),
    }


def test_a_table_by_default(db: Database, history: dict[str, UUID]) -> None:
    text = audit(db, "--status", "completed")
    assert str(history["done"]) in text
    assert len(text.strip().splitlines()) == 4


def test_filters_of_the_command(db: Database, history: dict[str, UUID]) -> None:
    for arguments, count in (
        (["--device", str(PHONE)], 3),
        (["--job", str(history["done"]), "--event", "started"], 1),
        (["--since", "2020-01-01", "--limit", "2"], 2),
        (["--until", "2020-01-01 00:00:00"], 0),
    ):
        assert len(audit(db, "--json", *arguments).splitlines()) == count
    assert jobferry("audit", "--dsn", db.dsn, "--job", "nonsense").returncode == 2


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"]


def test_a_cell_of_csv_is_never_a_formula(db: Database) -> None:
    for formula in FORMULAS:
        db.insert(task=formula, submitted_by=formula)
    rows = list(csv.DictReader(io.StringIO(audit(db, "--csv"), newline="")))
    for row, formula in zip(rows, FORMULAS, strict=True):
        for name in ("task", "owner"):
            assert row[name][0] not in "=+-@\t\r\n"
            assert formula.strip() in row[name]


NASTY = "bell\x07 escape\x1b[31m csi\x9b2J null-less\x01 newline\n tab\t bidi\u202e"


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]], ids=str)
def test_control_characters_of_others_do_not_reach_the_terminal(
    db: Database, form: list[str]
) -> None:
    job = db.insert(task=NASTY, submitted_by=NASTY)
    db.do(
        "update background_jobs set status = 'failed', error = %s where id = %s",
        Json({"code": "x", "message": NASTY}),
        job,
    )
    text = audit(db, *form)
    assert "bell" in text
    found = {c for c in text if not c.isprintable() and c not in "\r\n"}
    assert found == set()
