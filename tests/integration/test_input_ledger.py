"""What programs on the server write by themselves, odd as it may be, comes to devices and handlers."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from integration.database import Database
from integration.test_input_doors import SOON, Answers, payloads
from integration.wire import device, job, submit
from jobferry_client import JobClient
from jobferry_server import Job, Processor
from jobferry_server.gateway.changes import change_of
from jobferry_shared.messages import Change
from support.commands import Run
from support.corpus import ARRIVES, COLUMNS, LIMIT, NEVER_SAID, PAYLOADS, ROWS
from support.processes import eventually
from support.services import Services, token

DeviceFile = Callable[[str], Path]


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway that takes payloads of LIMIT octets."""
    with services.gateway(payload_bytes=LIMIT, message_bytes=50 * LIMIT) as found:
        yield found


# -- payloads


def by_postgres(put: Callable[[str], UUID]) -> tuple[Answers, dict[str, UUID]]:
    """The SQLSTATEs of the refused, and the ids of what was taken."""
    refused, ids = {}, {}
    for name, payload in PAYLOADS.items():
        if payload.postgres != NEVER_SAID:
            try:
                ids[name] = put(payload.text)
            except psycopg.Error as error:
                refused[name] = error.sqlstate or ""
    return refused, ids


#: pydantic reads no deeper, and Python no further.
BEYOND_PYTHON = ("an integer of 5,000 digits", "500 deep", "9,000 deep")


@pytest.mark.parametrize("door", ["add_job", "INSERT"])
def test_payloads_by_sql_come_to_devices_and_to_handlers(
    db: Database, services: Services, url: str, device_file: DeviceFile, door: str
) -> None:
    doors: dict[str, Callable[[str], UUID]] = {
        "add_job": lambda text: db.value(
            "select id from jobferry.add_job('default', %s, owner := 'anna')", text
        ),
        "INSERT": lambda text: db.insert(payload=text, submitted_by="anna"),
    }
    processor = Processor()

    @processor.task()
    def default(job: Job, payload: object) -> str:
        return type(payload).__name__

    with JobClient(device_file("till"), url, token()) as client, services.processor(processor):
        client.sync(SOON)
        refused, ids = by_postgres(doors[door])
        assert refused | dict.fromkeys(ids, ARRIVES) == {
            name: payload.postgres
            for name, payload in PAYLOADS.items()
            if payload.postgres != NEVER_SAID
        }
        eventually(lambda: len(client.jobs(len(ids))) == len(ids))
        ended = {name: client.wait(job, SOON) for name, job in ids.items()}
    failed = {name: job.error.code for name, job in ended.items() if job.error}
    assert failed == dict.fromkeys(BEYOND_PYTHON, "invalid_payload")
    kept = payloads(db)
    for name in set(ended) - set(failed):
        assert ended[name].payload == json.loads(kept[ended[name].id]), name


# -- the other columns


def test_columns_by_a_plain_insert_come_to_devices(
    db: Database, url: str, device_file: DeviceFile
) -> None:
    rows = {name: ({c.name: c.value}, c.postgres) for name, c in COLUMNS.items()} | ROWS
    with (
        JobClient(device_file("till"), url, token()) as client,
        JobClient(device_file("other"), url, token("bert")) as bystander,
    ):
        client.sync(SOON)
        for name, (columns, answer) in rows.items():
            if answer == NEVER_SAID:
                continue
            assert _put(db, {"submitted_by": "anna"} | columns) == answer, name
            mine, his = (db.insert(submitted_by=owner) for owner in ("anna", "bert"))
            for who, wanted in ((client, mine), (bystander, his)):
                eventually(partial(_has, who, wanted), 10, 0.005)
        everything = db.column("select id from background_jobs where submitted_by = 'anna'")
        assert {job.id for job in client.jobs(1000)} == set(everything)


def test_a_row_that_the_gateway_stumbles_on_is_its_owner_s_trouble_and_nobody_else_s(
    db: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none that we know of: the gateway is made to stumble."""

    def stumble(row: Any, most: int) -> Change:
        assert row["task"] != "stumble"
        return change_of(row, most)

    monkeypatch.setattr("jobferry_server.gateway.feed.change_of", stumble)
    with device(url, "anna") as anna, device(url, "bert") as bert:
        for wire in (anna, bert):
            wire.walk()
        with db.together():
            db.insert(submitted_by="anna", task="stumble")
            his = [str(db.insert(submitted_by=owner)) for owner in ("bert", "carl", "bert")]
        assert anna.hear_error() == "unavailable"
        assert {row["id"] for row in bert.rows()} == {his[0], his[2]}
        assert bert.deliver(submit(job())) == []


def _put(db: Database, columns: Mapping[str, object]) -> str:
    try:
        _plain_insert(db, columns)
    except psycopg.Error as error:
        return error.sqlstate or ""
    return ARRIVES


def _plain_insert(db: Database, columns: Mapping[str, object]) -> None:
    values = {"id": uuid4(), "payload": "1"} | dict(columns)
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    db.connection.execute(
        f"insert into background_jobs ({names}) values ({places})".encode(), list(values.values())
    )


def _has(client: JobClient, wanted: UUID) -> bool:
    return any(job.id == wanted for job in client.jobs(1000))


def test_rows_that_no_device_sent_come_to_handlers(db: Database, services: Services) -> None:
    for columns, answer in ROWS.values():
        assert _put(db, columns) == answer
    processor = Processor()

    @processor.task()
    def default(job: Job) -> None:
        assert job.attempt > 0

    with services.processor(processor):
        good = db.insert()
        eventually(lambda: db.status(good) == "completed", 10, 0.005)
        eventually(
            lambda: not db.value("select count(*) from jobferry.queue where task = 'default'")
        )
    assert db.column("select distinct status from background_jobs where task = 'default'") == [
        "completed"
    ]


SHOWN = [
    ["jobs", "ls", "--limit", "1000"],
    ["jobs", "ls", "--limit", "1000", "--json"],
    ["audit"],
    ["audit", "--json"],
    ["audit", "--csv"],
    ["jobs", "cancel", "--limit", "1000", "--yes"],
]


def test_every_row_can_be_shown_and_taken_in_hand(
    db: Database, any_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBFERRY_DSN", db.dsn)
    taken = [columns for columns, answer in ROWS.values() if answer == ARRIVES]
    taken += [{c.name: c.value} for c in COLUMNS.values() if c.postgres == ARRIVES]
    taken += [{"payload": p.text} for p in PAYLOADS.values() if p.postgres == ARRIVES]
    # A terminal takes its time over nine megabytes.
    taken = [columns for columns in taken if len(str(columns)) < 3_000_000]
    assert {_put(db, columns) for columns in taken} == {ARRIVES}
    for words in SHOWN:
        shown = any_command(*words)
        assert (shown.code, shown.err) == (0, ""), words
        assert not set(shown.out.replace("\r\n", "")) & {"\x1b", "\x7f", "\r", "\0", "\u202e"}, (
            words
        )
    assert f"{len(taken)} jobs changed, 0 left as they are" in shown.out


# -- the SQL functions

NIL = "'00000000-0000-0000-0000-000000000000'"
CALLS: dict[LiteralString, str] = {
    "add_job('default', run_at := 'infinity')": "23514",
    "add_job('default', run_at := '0044-03-15 BC')": "23514",
    "add_job('default', run_at := 'at dusk')": "22007",
    "add_job('default', flags := '{{a},{b}}')": "23514",
    "add_job('default', max_attempts := 40000)": "22003",
    "add_job('default', priority := -40000)": "22003",
    "add_job('default', owner := E'\\u0007', job_key := E'\\n')": ARRIVES,
    "add_job(E'\\x1b[2J')": ARRIVES,
    "add_job(repeat('t', 1000000))": ARRIVES,
    "add_jobs(array[row('t','\"\\ud800\"',null,null,null,null,null,null)]::jobferry.job_spec[])": "22P02",
    "get_job('')": "JF030",
    "get_jobs('w', n := -1)": "2201W",
    "get_job('w', job_expiry := '300000 years')": "22008",
    "complete_job('w', 'X')": "22P02",
    f"complete_job('w', {NIL})": "JF032",
    f"fail_job('w', {NIL}, repeat('x', 1000000))": "JF032",
    f"progress_job('w', {NIL}, 'NaN')": "JF032",
    "cancel_jobs(array[null]::uuid[])": ARRIVES,
    "reschedule_jobs('{}', attempts := -1)": ARRIVES,
}


def test_sql_functions_answer_by_a_state_and_go_on(db: Database) -> None:
    answers = {call: _call(db, call) for call in CALLS}
    assert answers == CALLS
    good = db.add("good")["id"]
    held = db.row("select * from jobferry.get_job('w', array['good'])")
    assert held["id"] == good
    assert _call(db, f"progress_job('w', '{good}', 'NaN')") == "23514"
    assert _call(db, f"complete_job('w', '{good}', '\"\\u0000\"')") == "22P05"
    assert _call(db, f"complete_job('w', '{good}', '1e5000')") == ARRIVES
    assert db.value("select status from background_jobs where id = %s", good) == "completed"


def _call(db: Database, call: str) -> str:
    try:
        db.connection.execute(f"select from jobferry.{call}".encode())
    except psycopg.Error as error:
        return error.sqlstate or ""
    return ARRIVES
