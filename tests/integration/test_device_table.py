"""The local table, written by plain SQL as any program would."""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from jobferry_client.file import open_file, write
from jobferry_shared.ids import job_id, new_id

Row = tuple[object, ...]

#: Every column that is the server's to write, with a value that it might.
THE_SERVER_S = {
    "completed": 1,
    "progress": 0.5,
    "result": "{}",
    "submitted_by": "mallory",
    "client_id": "0b8f0d0e-6a7c-4f0e-9d3b-2f1c6f0a9b1d",
    "attempts": 1,
    "status": "completed",
    "error": "{}",
    "received_at": "2026-02-03T12:00:00Z",
    "started_at": "2026-02-03T12:00:00Z",
    "finished_at": "2026-02-03T12:00:00Z",
    "rejected_code": "x",
    "rejected_message": "x",
}
#: Every other column but cancelled: what a job says of itself is said once.
THE_JOB_S = {
    "id": "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071",
    "timestamp": "2026-02-03T12:00:00Z",
    "payload": "2",
    "task": "other",
    "queue_name": "q",
    "priority": 3,
    "run_at": "2026-02-03T12:00:00Z",
    "max_attempts": 3,
    "job_key": "k",
    "flags": "[]",
    "database_id": "7d0f61f4-52a7-4a3c-9a55-6f5ff3d4a3b1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


class Table:
    """The file through a plain connection of Python's own, each statement its own transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=10)

    def __call__(self, statement: str, *values: object) -> list[Row]:
        return self.connection.execute(statement, values).fetchall()

    def insert(self, conflict: str = "", **columns: object) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        self(
            f"INSERT {conflict} INTO background_jobs ({names}) VALUES ({marks})", *columns.values()
        )

    def submit(self, payload: str = "1") -> str:
        """The id of a new job."""
        self.insert(payload=payload)
        (found,) = self("SELECT id FROM background_jobs ORDER BY rowid DESC LIMIT 1")[0]
        assert isinstance(found, str)
        return found

    def as_server(self, statement: str, *values: object) -> None:
        """What the sync engine writes: the triggers are silent within its transaction."""
        with closing(open_file(self.path)) as database, write(database):
            database.execute("UPDATE _jobferry_state SET syncing = 1")
            database.execute(statement, values)
            database.execute("UPDATE _jobferry_state SET syncing = 0")

    @property
    def outbox(self) -> list[Row]:
        return self("SELECT op, job_id FROM _jobferry_outbox ORDER BY seq")

    @property
    def count(self) -> object:
        return self("SELECT count(*) FROM background_jobs")[0][0]


@pytest.fixture
def table(device_file: Callable[[str], Path]) -> Iterator[Table]:
    """A new file."""
    path = device_file("till")
    open_file(path).close()
    found = Table(path)
    yield found
    found.connection.close()


# Submit.


def test_the_recipe_s_insert_with_all_seven_columns_is_a_submit(table: Table) -> None:
    job = str(uuid4())
    table(
        'INSERT INTO background_jobs (id, "timestamp", payload, completed, cancelled, progress, result)'
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(job, "2026-02-03 12:00:00", '{"n": 1}', False, False, 0.0, None),
    )
    assert table.outbox == [("submit", job)]
    assert table("SELECT status, task, max_attempts FROM background_jobs") == [
        ("pending", "default", 25)
    ]


def test_a_payload_is_all_that_a_submit_needs(table: Table) -> None:
    job = table.submit('{"n": 1}')
    assert table.outbox == [("submit", job)]


def test_default_ids_are_version_7_of_now_and_unique(table: Table) -> None:
    before = time.time_ns() // 1_000_000
    table(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
        " INSERT INTO background_jobs (payload) SELECT i FROM n"
    )
    after = time.time_ns() // 1_000_000
    ids = {UUID(str(job)) for (job,) in table("SELECT id FROM background_jobs")}
    assert len(ids) == 10_000
    assert {job.version for job in ids} == {7}
    assert all(before - 1 <= job.int >> 80 <= after + 1 for job in ids)
    assert {job_id(job) for job in ids} == {job for _, job in table.outbox}


def test_a_default_id_and_timestamp_are_of_the_same_moment(table: Table) -> None:
    job = table.submit()
    (found,) = table(
        'SELECT julianday("timestamp") * 86400000 - 210866760000000 FROM background_jobs'
    )
    assert isinstance(found[0], float)
    assert abs(found[0] - (UUID(job).int >> 80)) <= 1


@pytest.mark.parametrize("recursive_triggers", [False, True])
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE"])
def test_the_same_job_again_is_no_news(
    table: Table, conflict: str, recursive_triggers: bool
) -> None:
    table(f"PRAGMA recursive_triggers = {recursive_triggers}")
    job = str(new_id())
    table.insert(id=job, payload="1", task="t")
    table.as_server("UPDATE background_jobs SET status = 'running', progress = 0.5")
    before = table("SELECT * FROM background_jobs")
    table.insert(conflict, id=job, payload="1", task="t")
    assert table("SELECT * FROM background_jobs") == before
    assert table.outbox == [("submit", job)]


@pytest.mark.parametrize("recursive_triggers", [False, True])
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"])
@pytest.mark.parametrize("other", [{"payload": "2"}, {"task": "other"}], ids=str)
def test_a_known_id_with_another_content_is_refused(
    table: Table, conflict: str, recursive_triggers: bool, other: dict[str, str]
) -> None:
    table(f"PRAGMA recursive_triggers = {recursive_triggers}")
    job = table.submit()
    with pytest.raises(sqlite3.IntegrityError, match="this id belongs to another job"):
        table.insert(conflict, **({"id": job, "payload": "1"} | other))
    assert table("SELECT payload, task FROM background_jobs") == [("1", "default")]
    assert table.outbox == [("submit", job)]


def test_an_upsert_of_a_known_id_does_not_change_it(table: Table) -> None:
    job = table.submit()
    statement = (
        "INSERT INTO background_jobs (id, payload) VALUES (?, ?)"
        " ON CONFLICT (id) DO UPDATE SET payload = excluded.payload"
    )
    table(statement, job, "1")
    with pytest.raises(sqlite3.IntegrityError, match="this id belongs to another job"):
        table(statement, job, "2")
    assert table("SELECT payload FROM background_jobs") == [("1",)]


V4 = "009eeacc-d268-4e80-b3e9-557f339a9eb7"


@pytest.mark.parametrize(
    "bad",
    [
        V4.upper(),
        "00000000-0000-0000-0000-000000000000",
        "8bdced74-e647-11f1-8da3-02fc00000001",
        V4.replace("-", ""),
        "{" + V4 + "}",
        V4 + "0",
        V4 + "\n",
        V4 + "\0",
        V4 + "\0garbage",
        V4[:-1] + "\0",
        V4[:-1] + "é",
        V4[:14] + "5" + V4[15:],
        V4[:19] + "c" + V4[20:],
        "",
        "1",
    ],
    ids=repr,
)
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE"])
def test_an_id_that_is_no_lower_case_uuid_of_version_4_or_7_is_refused(
    table: Table, bad: str, conflict: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="id must be a lower-case UUID"):
        table.insert(conflict, id=bad, payload="1")
    assert (table.count, table.outbox) == (0, [])


def test_an_id_of_bad_utf8_is_refused(table: Table) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="id must be a lower-case UUID"):
        table("INSERT INTO background_jobs (id, payload) VALUES (CAST(? AS TEXT), 1)", b"\xff" * 36)


def test_a_null_id_is_refused(table: Table) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="NOT NULL constraint failed"):
        table.insert(id=None, payload="1")
    assert (table.count, table.outbox) == (0, [])


def test_replacing_a_null_id_takes_the_default(table: Table) -> None:
    table.insert("OR REPLACE", id=None, payload="1")
    ((job,),) = table("SELECT id FROM background_jobs")
    assert UUID(str(job)).version == 7
    assert table.outbox == [("submit", job)]


@pytest.mark.parametrize("bad", ["", "{", "hello", "NaN", "{'a':1}", "[1,]"])
def test_a_payload_that_is_no_json_is_refused(table: Table, bad: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="payload is not JSON"):
        table.insert(payload=bad)


@pytest.mark.parametrize("bad", [None, b"{}"], ids=["NULL", "BLOB"])
def test_a_payload_that_is_no_text_is_refused(table: Table, bad: object) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        table.insert(payload=bad)
    assert (table.count, table.outbox) == (0, [])


@pytest.mark.parametrize("column", THE_SERVER_S)
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE"])
def test_a_submit_does_not_say_what_the_server_says(
    table: Table, column: str, conflict: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="are written by the server"):
        table.insert(conflict, payload="1", **{column: THE_SERVER_S[column]})
    assert (table.count, table.outbox) == (0, [])


@pytest.mark.parametrize("column", THE_SERVER_S | THE_JOB_S)
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE"])
def test_a_submitted_job_does_not_change(table: Table, column: str, conflict: str) -> None:
    table.submit()
    before = table("SELECT * FROM background_jobs")
    value = (THE_SERVER_S | THE_JOB_S)[column]
    with pytest.raises(sqlite3.IntegrityError, match="a submitted job does not change"):
        table(f'UPDATE {conflict} background_jobs SET "{column}" = ?', value)
    assert table("SELECT * FROM background_jobs") == before


@pytest.mark.parametrize("column", [*THE_SERVER_S, *THE_JOB_S])
def test_a_finished_job_does_not_change_either(table: Table, column: str) -> None:
    table.submit()
    table.as_server("UPDATE background_jobs SET status = 'failed', finished_at = 'then'")
    with pytest.raises(sqlite3.IntegrityError, match="a submitted job does not change"):
        table(f'UPDATE background_jobs SET "{column}" = ?', (THE_SERVER_S | THE_JOB_S)[column])


def test_the_two_lists_above_name_every_column(table: Table) -> None:
    columns = {name for (name,) in table("SELECT name FROM pragma_table_info('background_jobs')")}
    assert columns == {*THE_SERVER_S, *THE_JOB_S, "cancelled"}


def test_a_job_and_its_submit_share_the_writer_s_transaction(table: Table) -> None:
    table("CREATE TABLE sales (id INTEGER PRIMARY KEY, amount INTEGER)")
    other = sqlite3.connect(table.path)
    table("BEGIN")
    table("INSERT INTO sales (amount) VALUES (5)")
    table.insert(payload="1")
    assert len(table.outbox) == 1
    assert other.execute("SELECT count(*) FROM background_jobs").fetchone() == (0,)
    assert other.execute("SELECT count(*) FROM _jobferry_outbox").fetchone() == (0,)
    table("ROLLBACK")
    assert (table.count, table.outbox, table("SELECT * FROM sales")) == (0, [], [])
    table("BEGIN")
    table("INSERT INTO sales (amount) VALUES (5)")
    table.insert(payload="1")
    table("COMMIT")
    assert other.execute("SELECT count(*) FROM _jobferry_outbox").fetchone() == (1,)
    other.close()


# Cancel.


@pytest.mark.parametrize("status", ["pending", "scheduled", "queued", "running", "retrying"])
def test_setting_cancelled_is_a_cancel_and_setting_it_again_is_no_news(
    table: Table, status: str
) -> None:
    job = table.submit()
    table.as_server("UPDATE background_jobs SET status = ?", status)
    for _ in range(2):
        table("UPDATE background_jobs SET cancelled = 1 WHERE id = ?", job)
        assert table.outbox == [("submit", job), ("cancel", job)]
        assert table("SELECT cancelled, status FROM background_jobs") == [(1, status)]


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "rejected"])
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR ROLLBACK"])
def test_a_cancel_after_the_end_has_no_effect(table: Table, status: str, conflict: str) -> None:
    job = table.submit()
    table.as_server("UPDATE background_jobs SET status = ?", status)
    table(f"UPDATE {conflict} background_jobs SET cancelled = 1 WHERE id = ?", job)
    assert table("SELECT cancelled, status FROM background_jobs") == [(0, status)]
    assert table.outbox == [("submit", job)]


@pytest.mark.parametrize("value", [0, -1, None], ids=str)
@pytest.mark.parametrize("conflict", ["", "OR REPLACE", "OR IGNORE"])
def test_a_cancel_is_not_taken_back(table: Table, value: int | None, conflict: str) -> None:
    table.submit()
    table("UPDATE background_jobs SET cancelled = 1")
    with pytest.raises(sqlite3.IntegrityError, match="cancelled may be set to 1"):
        table(f"UPDATE {conflict} background_jobs SET cancelled = ?", value)
    assert table("SELECT cancelled FROM background_jobs") == [(1,)]


@pytest.mark.parametrize("value", [2, "yes", None], ids=str)
def test_cancelled_is_nothing_but_0_or_1(table: Table, value: object) -> None:
    job = table.submit()
    with pytest.raises(sqlite3.IntegrityError):
        table("UPDATE background_jobs SET cancelled = ?", value)
    assert table.outbox == [("submit", job)]


def test_a_job_may_be_cancelled_as_it_is_inserted(table: Table) -> None:
    table.insert(payload="1", cancelled=1)
    assert [op for op, _ in table.outbox] == ["submit"]
    assert table("SELECT cancelled, status FROM background_jobs") == [(1, "pending")]


def test_one_statement_cancels_many(table: Table) -> None:
    ids = [table.submit() for _ in range(3)]
    table.as_server("UPDATE background_jobs SET status = 'completed' WHERE id = ?", ids[1])
    table("UPDATE background_jobs SET cancelled = 1")
    assert table.outbox[3:] == [("cancel", ids[0]), ("cancel", ids[2])]


def test_nothing_is_ever_completed_and_cancelled(table: Table) -> None:
    table.submit()
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        table.as_server("UPDATE background_jobs SET completed = 1, cancelled = 1")


# Delete.


@pytest.mark.parametrize("status", ["pending", "scheduled", "queued", "running", "retrying"])
def test_a_job_that_has_not_ended_is_not_deleted(table: Table, status: str) -> None:
    table.submit()
    table.as_server("UPDATE background_jobs SET status = ?", status)
    with pytest.raises(sqlite3.IntegrityError, match="can not be deleted; cancel it"):
        table("DELETE FROM background_jobs")
    assert table.count == 1


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "rejected"])
def test_a_job_that_has_ended_may_be_deleted(table: Table, status: str) -> None:
    job = table.submit()
    table.as_server("UPDATE background_jobs SET status = ?", status)
    table("DELETE FROM background_jobs WHERE id = ?", job)
    assert (table.count, table.outbox) == (0, [("submit", job)])


# Other programs.


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 command here")
def test_the_sqlite3_command_submits_and_cancels(table: Table) -> None:
    def sqlite(statement: str) -> str:
        run = subprocess.run(
            ["sqlite3", str(table.path), statement], capture_output=True, text=True, check=False
        )
        return run.stdout + run.stderr

    assert sqlite("INSERT INTO background_jobs (payload) VALUES ('{\"n\": 1}')") == ""
    ((job,),) = table("SELECT id FROM background_jobs")
    assert UUID(str(job)).version == 7
    assert sqlite(f"UPDATE background_jobs SET cancelled = 1 WHERE id = '{job}'") == ""
    assert table.outbox == [("submit", job), ("cancel", job)]
    assert "are written by the server" in sqlite(
        "INSERT INTO background_jobs (payload, completed) VALUES ('1', 1)"
    )
    assert "a submitted job does not change" in sqlite("UPDATE background_jobs SET progress = 1")


def test_the_recipe_s_ten_newest_come_from_an_index(table: Table) -> None:
    plan = table(
        'EXPLAIN QUERY PLAN SELECT * FROM background_jobs ORDER BY "timestamp" DESC, id DESC LIMIT 10'
    )
    assert "background_jobs_newest" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_payloads_are_kept_as_the_very_text_they_were(table: Table) -> None:
    text = '{ "b" : 1.0,\n "a": 123456789012345678901234567890, "é": "\\u00e9" }'
    table.submit(text)
    assert table("SELECT payload FROM background_jobs") == [(text,)]
    assert json.loads(text)
