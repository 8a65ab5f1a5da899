"""Rows of ordinary tables become jobs, and their results reach the devices of whoever they belong to."""

from collections.abc import Callable
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from integration.database import Database, Row
from jobferry_client import JobClient
from jobferry_server import Job, Processor
from support.processes import eventually
from support.services import Services, token

TENANT = UUID("5b720132-17d5-424d-9bcb-ee7b17c13d43")
BRIEN = 'O\'Brien "x" $$; drop table photos; --'


@pytest.fixture(autouse=True)
def _table(db: Database) -> None:
    db.do(
        "create table photos (id bigint generated always as identity primary key, user_id text,"
        ' name text, width int, tags text[], taken timestamptz, "odd name" text)'
    )


def trigger(db: Database, call: LiteralString, events: LiteralString = "insert") -> None:
    db.do(
        f"create trigger t after {events} on photos for each row execute function jobferry.{call}"
    )


def photo(db: Database, name: str = "cat", user: str | None = "anna") -> int:
    return int(
        db.value(
            "insert into photos (user_id, name, width) values (%s, %s, 640) returning id",
            user,
            name,
        )
    )


def jobs(db: Database) -> list[Row]:
    return db.rows(
        "select task, payload, submitted_by, database_id from background_jobs order by id"
    )


def the_job(db: Database) -> Row:
    (found,) = jobs(db)
    return found


def test_with_row_id(db: Database) -> None:
    trigger(db, "tg_add_job_with_row_id('resize')")
    id = photo(db)  # noqa: A001
    assert the_job(db) == {
        "task": "resize",
        "payload": {"id": id},
        "submitted_by": None,
        "database_id": None,
    }
    assert len(db.queue()) == 1
    db.assert_sound()


def test_with_another_column_as_the_id(db: Database) -> None:
    trigger(db, "tg_add_job_with_row_id('resize', 'name')")
    photo(db, BRIEN)
    assert the_job(db)["payload"] == {"id": BRIEN}


def test_with_row(db: Database) -> None:
    trigger(db, "tg_add_job_with_row('O''Brien')")
    id = photo(db, BRIEN)  # noqa: A001
    assert the_job(db)["task"] == "O'Brien"
    assert the_job(db)["payload"] == {
        "id": id,
        "user_id": "anna",
        "name": BRIEN,
        "width": 640,
        "tags": None,
        "taken": None,
        "odd name": None,
    }


def test_with_fields(db: Database) -> None:
    trigger(db, "tg_add_job_with_fields('resize', 'name', 'odd name', 'width')")
    photo(db, BRIEN)
    assert the_job(db)["payload"] == {"name": BRIEN, "odd name": None, "width": 640}


@pytest.mark.parametrize(
    ("call", "payload"),
    [
        ("tg_add_job_with_row_id('{}', 'resize', 'name')", {"id": "cat"}),
        ("tg_add_job_with_row_id('{}', 'resize')", {"id": 1}),
        ("tg_add_job_with_fields('{}', 'resize', 'name', 'width')", {"name": "cat", "width": 640}),
        ("tg_add_job_with_fields('{}', 'resize', 'owner=user_id')", {}),
        (
            "trigger_job('{}', 'resize')",
            {"schema": "public", "table": "photos", "op": "INSERT", "id": 1},
        ),
    ],
)
def test_a_leading_uuid_is_the_tenant(db: Database, call: LiteralString, payload: Row) -> None:
    trigger(db, call.format(TENANT))
    photo(db)
    found = the_job(db)
    assert (found["task"], found["payload"], found["database_id"]) == ("resize", payload, TENANT)


def test_trigger_job_says_what_happened_where(db: Database) -> None:
    trigger(db, "trigger_job('changed')", "insert or update or delete")
    id = photo(db)  # noqa: A001
    db.do("update photos set name = 'dog'")
    db.do("delete from photos")
    assert [job["payload"] for job in jobs(db)] == [
        {"schema": "public", "table": "photos", "op": op, "id": id}
        for op in ("INSERT", "UPDATE", "DELETE")
    ]


def test_a_deleted_row_speaks_as_it_was(db: Database) -> None:
    trigger(db, "tg_add_job_with_fields('forget', 'name', 'owner=user_id')", "delete")
    photo(db)
    db.do("delete from photos")
    assert the_job(db)["payload"] == {"name": "cat"}
    assert the_job(db)["submitted_by"] == "anna"


@pytest.mark.parametrize("when", ["insert", "update", "delete"])
def test_before_a_change_it_does_not_stand_in_its_way(db: Database, when: LiteralString) -> None:
    db.do(
        f"create trigger t before {when} on photos for each row"
        " execute function jobferry.tg_add_job_with_row('seen')"
    )
    photo(db)
    assert db.column("update photos set name = 'dog' returning name") == ["dog"]
    assert db.do("delete from photos") == 1
    assert len(jobs(db)) == 1


def test_it_is_rolled_back_with_the_row(db: Database) -> None:
    trigger(db, "tg_add_job_with_row('resize')")
    db.do("begin")
    photo(db)
    assert len(jobs(db)) == 1
    db.do("rollback")
    assert jobs(db) == []


def test_a_row_without_an_owner_makes_a_job_of_the_server_s(db: Database) -> None:
    trigger(db, "tg_add_job_with_row_id('resize', 'owner=user_id')")
    photo(db, user=None)
    photo(db, user="")
    photo(db, user="O'Brien")
    assert [job["submitted_by"] for job in jobs(db)] == [None, None, "O'Brien"]


@pytest.mark.parametrize(
    ("call", "code", "word"),
    [
        ("tg_add_job_with_row()", "JF035", "no task"),
        (f"tg_add_job_with_row('{TENANT}')", "JF035", "no task"),
        ("tg_add_job_with_row('')", "JF035", "no task"),
        ("tg_add_job_with_row_id('resize', 'nom')", "JF036", "a column nom "),
        ("tg_add_job_with_fields('resize', 'name', 'nom')", "JF036", "a column nom "),
        ("tg_add_job_with_row('resize', 'owner=nom')", "JF036", "a column nom "),
    ],
)
def test_a_trigger_that_makes_no_sense_says_so(
    db: Database, call: LiteralString, code: str, word: str
) -> None:
    trigger(db, call)
    with pytest.raises(psycopg.Error, match=word) as refused:
        photo(db)
    assert refused.value.sqlstate == code
    assert refused.value.diag.message_hint


def test_a_table_without_an_id_must_name_one(db: Database) -> None:
    db.do("create table plain (name text)")
    db.do(
        "create trigger t after insert on plain for each row"
        " execute function jobferry.trigger_job('changed')"
    )
    with pytest.raises(psycopg.Error, match="a column id "):
        db.do("insert into plain values ('x')")


def test_whoever_writes_the_row_needs_no_right_to_jobs(db: Database) -> None:
    trigger(db, "tg_add_job_with_row('resize')")
    db.do("grant insert, select on photos to jobferry_auditor")
    with Database(db.dsn, "jobferry_auditor") as writer:
        photo(writer)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.do("select jobferry.obey(null, null)")
    assert the_job(db)["task"] == "resize"


def test_the_result_reaches_the_owner_s_devices_and_nobody_else_s(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    trigger(db, "tg_add_job_with_fields('resize', 'name', 'owner=user_id')")
    processor = Processor()

    @processor.task("resize")
    def resize(job: Job, payload: dict[str, str]) -> str:
        return payload["name"].upper()

    with (
        services.gateway() as url,
        services.processor(processor),
        JobClient(device_file("anna"), url, token("anna")) as anna,
        JobClient(device_file("bert"), url, token("bert")) as bert,
    ):
        anna.sync(timeout=20)
        photo(db, "o'brien")
        eventually(lambda: anna.jobs(1))
        done = anna.wait(anna.jobs(1)[0].id, timeout=20)
        bert.sync(timeout=20)
        assert bert.jobs(10) == []
    assert (done.task, done.result, done.submitted_by) == ("resize", "O'BRIEN", "anna")
