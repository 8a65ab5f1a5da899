"""A row that nobody can take, in the middle of an outbox: what stands behind it goes on."""

import sqlite3
from pathlib import Path

from jobferry_client import JobClient, NewJob, Status
from support.facts import Ledger, outbox
from support.services import token
from support.stack import Stack

LIMIT = 40_000

#: What a foreign program may write: columns of an INSERT, and the code that the row is to show.
POISON: dict[str, tuple[dict[str, object], str]] = {
    "a payload too large": ({"payload": '"' + "x" * LIMIT + '"'}, "payload_too_large"),
    "bad UTF-8": ({"payload": b'"\xff\xfe"'}, "invalid_json"),
    "a NUL": ({"payload": '{"name": "\\u0000"}'}, "invalid_json"),
    "a lone surrogate": ({"payload": '["\\ud800"]'}, "invalid_json"),
    "a huge exponent": ({"payload": "[1e999]"}, "invalid_json"),
    "a key twice": ({"payload": '{"a": 1, "a": 2}'}, "invalid_json"),
    "too deep": ({"payload": "[" * 500 + "]" * 500}, "invalid_json"),
    "more digits than Postgres has": ({"payload": f"[1.{'0' * 20_000}1]"}, "invalid_json"),
    "refused by the operator": ({"payload": "13"}, "database_refused"),
    "a priority beyond all": ({"payload": "1", "priority": 99_999}, "invalid_job"),
    "a time that is none": ({"payload": "1", "run_at": "tomorrow"}, "invalid_job"),
    "a task of nothing": ({"payload": "1", "task": ""}, "invalid_job"),
    "bad UTF-8 in a name": ({"payload": "1", "task": b"t\xff"}, "invalid_job"),
    "flags that are none": ({"payload": "1", "flags": '{"a": 1}'}, "invalid_job"),
}


def insert(path: Path, columns: dict[str, object]) -> str:
    """As any program would; what is bytes is stored as they are, as text."""
    values = ", ".join("CAST(? AS TEXT)" if isinstance(v, bytes) else "?" for v in columns.values())
    with sqlite3.connect(path) as file:
        [found] = file.execute(
            f"INSERT INTO background_jobs ({', '.join(columns)}) VALUES ({values}) RETURNING id",
            list(columns.values()),
        ).fetchall()
    file.close()
    return str(found[0])


def test_a_poisonous_row_is_rejected_with_its_reason_and_those_behind_it_go_on(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    """All kinds in one outbox, a sound row before, between and behind."""
    gateway = stack.gateway(JOBFERRY_PAYLOAD_BYTES=str(LIMIT))
    facts.ask("alter table background_jobs add check (payload <> '13')")
    path = tmp_path / "till.db"
    JobClient(path).close()
    sound, poisonous = [insert(path, {"payload": '{"sound": 0}'})], {}
    for kind, (columns, _) in POISON.items():
        poisonous[kind] = insert(path, columns)
        sound.append(insert(path, {"payload": '{"sound": 1}'}))
    with JobClient(path, gateway.url, token()) as client:
        client.sync(10)
        assert {client.get(job).status for job in sound} == {Status.QUEUED}
        found = {kind: client.get(job) for kind, job in poisonous.items()}
        assert client.status().rejected == len(POISON)
    assert {job.status for job in found.values()} == {Status.REJECTED}
    assert {kind: job.error and job.error.code for kind, job in found.items()} == {
        kind: code for kind, (_, code) in POISON.items()
    }
    assert all(job.error and len(job.error.message) > 10 for job in found.values())
    assert facts.rows().keys() == set(sound)
    assert outbox(path) == 0


def test_a_rejected_job_keeps_its_first_reason_though_it_was_cancelled_too(
    stack: Stack, tmp_path: Path
) -> None:
    gateway = stack.gateway(JOBFERRY_PAYLOAD_BYTES=str(LIMIT))
    path = tmp_path / "till.db"
    with JobClient(path) as offline:
        job = offline.submit("quick", "x" * LIMIT)
        offline.cancel(job.id)
    with JobClient(path, gateway.url, token()) as client:
        client.sync(10)
        found = client.get(job.id)
    assert found.status is Status.REJECTED
    assert found.error
    assert found.error.code == "payload_too_large"


def test_rows_too_wide_for_one_message_go_in_several(
    stack: Stack, facts: Ledger, tmp_path: Path
) -> None:
    """It is not the payload alone that makes a row large."""
    gateway = stack.gateway(JOBFERRY_MESSAGE_BYTES="320000", JOBFERRY_PAYLOAD_BYTES=str(LIMIT))
    flags = [f"{n:02}" + "ü" * 200 for n in range(64)]
    path = tmp_path / "till.db"
    with JobClient(path) as offline:
        offline.submit_many(NewJob(flags=flags) for _ in range(100))
    with JobClient(path, gateway.url, token()) as client:
        client.sync(10)
        assert client.status().rejected == 0
    assert facts.count("cardinality(flags) = 64") == 100
