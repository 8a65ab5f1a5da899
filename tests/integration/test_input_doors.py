"""The corpus of odd values by a device: each gets its code, and the good ones beside it arrive."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from integration.database import Database
from integration.wire import device, job, submit
from jobferry_client import InvalidJSON, JobClient, JobferryError, JobRefused, Status
from jobferry_shared.ids import new_id
from support.commands import Run
from support.corpus import (
    ARRIVES,
    AT_ONCE,
    COLUMNS,
    LIMIT,
    PAYLOADS,
    UNSAYABLE,
    Payload,
)
from support.services import Services, token

SOON = 20

Answers = dict[str, str]


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway that takes payloads of LIMIT octets."""
    with services.gateway(payload_bytes=LIMIT, message_bytes=50 * LIMIT) as found:
        yield found


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A new device's file."""
    path = device_file("till")
    JobClient(path).close()
    return path


def ours() -> Answers:
    return {name: payload.ours for name, payload in PAYLOADS.items()}


def told(client: JobClient, jobs: Mapping[str, UUID]) -> Answers:
    """What became of these jobs, as their rows say."""
    client.sync(SOON)
    found = {name: client.get(job) for name, job in jobs.items()}
    return {
        name: job.error.code if job.status is Status.REJECTED and job.error else ARRIVES
        for name, job in found.items()
    }


Read = Callable[[str], Any]


def exact(text: str) -> Any:
    """What a JSON text says, with every number as it is."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def rounded(text: str) -> Any:
    """The same with numbers as most languages have them: who hands over values has no others."""
    return json.loads(text, parse_int=float)


def assert_unchanged(db: Database, jobs: Mapping[str, UUID], read: Read = exact) -> None:
    """The ledger has the jobs that arrived and no others, each with its payload."""
    rows = payloads(db)
    assert set(rows) == set(jobs.values())
    for name, one in jobs.items():
        assert read(rows[one]) == read(PAYLOADS[name].text), name


def payloads(db: Database) -> dict[UUID, str]:
    """All payloads of the ledger, as texts."""
    rows = db.rows("select id, payload::text from background_jobs")
    return {row["id"]: row["payload"] for row in rows}


def arrived(answers: Answers, jobs: Mapping[str, UUID]) -> dict[str, UUID]:
    return {name: job for name, job in jobs.items() if answers[name] == ARRIVES}


# -- payloads, by a device


#: What the table says for itself, and the code for the same by any other door.
CODES_OF_TRIGGERS = {"jobferry: payload is not JSON": "invalid_json"}


def insert(path: Path, values: Mapping[str, Payload]) -> tuple[Answers, dict[str, UUID]]:
    """What another program does: the answers of SQLite, and the ids of what it took."""
    refused, ids = {}, {}
    with closing(sqlite3.connect(path)) as other, other:
        for name, value in values.items():
            found = new_id()
            try:
                other.execute(
                    "INSERT INTO background_jobs (id, payload) VALUES (?, CAST(? AS TEXT))",
                    (str(found), value.octets),
                )
                ids[name] = found
            except sqlite3.IntegrityError as error:
                refused[name] = CODES_OF_TRIGGERS[str(error)]
    return refused, ids


def test_payloads_by_the_device_s_file(db: Database, url: str, path: Path) -> None:
    refused, ids = insert(path, PAYLOADS)
    with JobClient(path, url, token()) as client:
        answers = told(client, ids)
    assert refused | answers == ours()
    assert_unchanged(db, arrived(answers, ids))


def test_payloads_by_the_client_api(db: Database, url: str, path: Path) -> None:
    sayable = {
        name: json.loads(payload.text)
        for name, payload in PAYLOADS.items()
        if payload.ours != "invalid_json"
    }
    with JobClient(path, url, token()) as client:
        for name, value in UNSAYABLE.items():
            with pytest.raises(InvalidJSON) as refusal:
                client.submit(payload=value)
            assert (refusal.value.code, name) == ("invalid_json", name)
        ids = {name: client.submit(payload=value).id for name, value in sayable.items()}
        answers = told(client, ids)
    assert answers == {name: ours()[name] for name in sayable}
    assert_unchanged(db, arrived(answers, ids), rounded)


def as_spec(payload: Payload) -> dict[str, Any]:
    return job(payload=payload.text)


def test_payloads_by_the_websocket(db: Database, url: str) -> None:
    unsayable = {name for name, payload in PAYLOADS.items() if _surrogates(payload.text)}
    specs = {name: as_spec(PAYLOADS[name]) for name in PAYLOADS if name not in unsayable}
    with device(url) as wire:
        codes = dict(wire.deliver(*map(submit, specs.values())))
    answers = {name: codes.get(spec["id"], ARRIVES) for name, spec in specs.items()}
    assert answers == {name: code for name, code in ours().items() if name not in unsayable}
    assert_unchanged(db, arrived(answers, {name: UUID(spec["id"]) for name, spec in specs.items()}))
    for name in unsayable:
        with device(url) as wire:
            wire.push(submit(job()), submit(as_spec(PAYLOADS[name])))
            assert wire.hear_error() == "protocol_error", name


def _surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def test_payloads_by_the_command_line(
    db: Database, url: str, path: Path, tmp_path: Path, run: Run
) -> None:
    refused, ids = {}, {}
    for name, payload in PAYLOADS.items():
        (tmp_path / "payload").write_bytes(payload.octets)
        ran = run("submit", path, "--json", "--payload", f"@{tmp_path / 'payload'}")
        if ran.code == 0:
            ids[name] = UUID(ran.lines[0]["id"])
        else:
            assert (ran.code, ran.out) == (1, ""), name
            refused[name] = ran.err.split(":")[1].strip()
    with JobClient(path, url, token()) as client:
        answers = told(client, ids)
    assert refused | answers == ours()
    assert_unchanged(db, arrived(answers, ids), rounded)


# -- the other columns


def test_columns_by_the_device_s_file(db: Database, url: str, path: Path) -> None:
    answers, ids, good = {}, {}, []
    with closing(sqlite3.connect(path)) as other:
        for name, column in COLUMNS.items():
            good.append(_insert(other, {}))
            try:
                ids[name] = _insert(other, {column.name: column.value})
            except sqlite3.IntegrityError:
                answers[name] = AT_ONCE
    with JobClient(path, url, token()) as client:
        answers |= told(client, ids)
        assert {job.id for job in client.jobs(1000) if job.status is not Status.REJECTED} >= set(
            good
        )
    assert answers == {name: column.file for name, column in COLUMNS.items()}
    assert set(db.column("select id from background_jobs")) == {
        *good,
        *arrived(answers, ids).values(),
    }


def _insert(other: sqlite3.Connection, columns: Mapping[str, Any]) -> UUID:
    values = {"id": str(new_id()), "payload": "1"} | dict(columns)
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("?" * len(values))
    with other:
        other.execute(
            f"INSERT INTO background_jobs ({names}) VALUES ({places})", list(values.values())
        )
    return UUID(str(values["id"]))


def test_columns_by_the_websocket(db: Database, url: str) -> None:
    for name, column in COLUMNS.items():
        odd, good = job(**{column.name: column.value}), job()
        with device(url) as wire:
            wire.push(submit(odd), submit(good))
            if column.wire == "protocol_error":
                # What can't be read as a message can't be read in part.
                assert wire.hear_error() == "protocol_error", name
                continue
            rejected = [(one["id"], one["code"]) for one in wire.expect("pushed")["rejected"]]
            assert rejected == ([] if column.wire == ARRIVES else [(odd["id"], column.wire)]), name
            wanted = {good["id"], odd["id"]} - {one for one, _ in rejected}
        assert {str(one) for one in db.column("select id from background_jobs")} >= wanted, name


# -- what an application says amiss

MISTAKES: dict[str, dict[str, Any]] = {
    "a task of no encoding": {"task": "\ud800"},
    "a task that is no text": {"task": object()},
    "a priority beyond SQLite": {"priority": 2**63},
    "a priority in words": {"priority": "high"},
    "attempts that are none": {"max_attempts": None},
    "a time without end": {"run_at": timedelta.max},
    "a time before time": {"run_at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
    "flags that JSON can't say": {"flags": [object()]},
    "flags that are one word": {"flags": "gpu"},
}
LATER: dict[str, dict[str, Any]] = {
    "an escape sequence": {"task": "\x1b[2J"},
    "a NUL": {"queue_name": "a\0b"},
    "a name that is too long": {"job_key": "k" * 256},
    "a flag of no encoding": {"flags": ["\ud800"]},
    "a flag that is a number": {"flags": [1]},
    "too many flags": {"flags": ["f"] * 65},
    "below the lowest": {"priority": 32768},
    "minus one attempt": {"max_attempts": -1},
}


def test_mistakes_by_the_client_api_have_a_code_at_once_or_in_the_row(
    db: Database, url: str, path: Path
) -> None:
    with JobClient(path, url, token()) as client:
        for name, columns in MISTAKES.items():
            with pytest.raises(JobRefused) as refusal:
                client.submit(**columns)
            assert (refusal.value.code, name) == ("invalid_job", name)
        ids = {name: client.submit(**columns).id for name, columns in LATER.items()}
        good = client.submit()
        assert told(client, ids) == dict.fromkeys(ids, "invalid_job")
    assert db.column("select id from background_jobs") == [good.id]


@pytest.mark.parametrize("method", ["get", "cancel", "wait"])
@pytest.mark.parametrize("bad", ["\ud800", "é" * 36, "a\0b", "x" * 100_000, UUID(int=0)], ids=ascii)
def test_an_id_that_is_none_has_a_code(path: Path, method: str, bad: str | UUID) -> None:
    with JobClient(path) as client, pytest.raises(JobferryError) as refusal:
        getattr(client, method)(bad)
    assert refusal.value.code == "invalid_job"
    assert len(str(refusal.value)) < 300


WORDS: dict[str, list[str]] = {
    "a task of no encoding": ["submit", "{}", "--task", "\udcff"],
    "a payload of no encoding": ["submit", "{}", "--payload", '"\udcff"'],
    "a task of no encoding to list": ["ls", "{}", "--task", "\udcff"],
    "more rows than there are numbers": ["ls", "{}", "--limit", "9" * 30],
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_are_none_have_a_code_on_the_command_line(
    run: Run, path: Path, name: str
) -> None:
    ran = run(*(path if word == "{}" else word for word in WORDS[name]))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(("jobferry: invalid_job: ", "jobferry: invalid_json: "))
    ran.err.encode()


USAGE: dict[str, list[str]] = {
    "a priority beyond SQLite": ["submit", "{}", "--priority", "9" * 30],
    "an id of no encoding": ["show", "{}", "\udcff"],
}


@pytest.mark.parametrize("name", USAGE)
def test_words_that_no_option_takes_are_a_wrong_usage(run: Run, path: Path, name: str) -> None:
    ran = run(*(path if word == "{}" else word for word in USAGE[name]))
    assert (ran.code, ran.out) == (2, "")
    assert "Error: Invalid value" in ran.err
    ran.err.encode()
