"""Bringing a database to our schema: a new one, a recipe's with its rows, twice, two at once."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from integration.catalog import dump
from integration.database import Database, Ear
from jobferry_server.errors import MigrationError
from jobferry_server.migrate import check, migrate
from jobferry_shared.ids import new_id
from jobferry_shared.states import TRANSITIONS
from jobferry_sql import migrations
from support.postgres import TestServer
from support.processes import jobferry

BEFORE, NEWEST = (migration.version for migration in migrations("postgres")[-2:])
SCHEMA = Path(__file__).parents[1] / "contract" / "schema.sql"

#: The recipe's own DDL, verbatim but for the line that belongs to its sync service.
RECIPE: LiteralString = """
CREATE TABLE IF NOT EXISTS background_jobs (
id UUID PRIMARY KEY NOT NULL,
-- Can have foreign key to the creator of the background job
-- submitted_by UUID REFERENCES users(id)
timestamp TIMESTAMPTZ NOT NULL,
payload JSONB NOT NULL, -- job specification
completed BOOLEAN NOT NULL,
cancelled BOOLEAN NOT NULL,
progress REAL NOT NULL,
result JSONB
);

CREATE OR REPLACE FUNCTION process_job()
RETURNS TRIGGER AS $$
BEGIN
IF NEW.completed = false AND NEW.cancelled = false THEN
PERFORM pg_notify('process_background_job', row_to_json(NEW)::TEXT);
END IF;
RETURN NULL;
END
$$ LANGUAGE plpgsql;

CREATE TRIGGER "process_job_trigger"
AFTER INSERT ON background_jobs
FOR EACH ROW
EXECUTE FUNCTION process_job();

ALTER TABLE background_jobs ENABLE ALWAYS TRIGGER process_job_trigger;
"""

RECIPE_INSERT: LiteralString = (
    'insert into background_jobs (id, "timestamp", payload, completed, cancelled, progress, result)'
    " values (%s, '2024-03-01T12:00:00Z', '{\"n\": 1}', %s, %s, %s, %s)"
)


@pytest.fixture
def empty(empty_dsn: str) -> Iterator[Database]:
    """A database with nothing in it."""
    with Database(empty_dsn) as found:
        yield found


# -- a new database


def test_a_new_database_gets_everything_and_a_second_time_nothing(empty: Database) -> None:
    assert migrate(empty.dsn) == list(migrations("postgres"))
    assert migrate(empty.dsn) == []
    check(empty.dsn)
    applied = empty.rows("select version, name, checksum from jobferry.migrations order by 1")
    assert [tuple(row.values()) for row in applied] == [
        (m.version, m.name, m.checksum) for m in migrations("postgres")
    ]


def test_two_at_once_do_the_work_once(empty_dsn: str) -> None:
    applied: list[int] = []
    together = threading.Barrier(4)

    def one() -> None:
        together.wait()
        applied.append(len(migrate(empty_dsn)))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [0, 0, 0, len(migrations("postgres"))]


def test_two_databases_of_one_cluster_at_once(server: TestServer) -> None:
    """Roles belong to the cluster; the lock that makes migrations wait in turn does not."""
    with server.database(migrated=False) as one, server.database(migrated=False) as another:
        errors: list[BaseException] = []
        together = threading.Barrier(2)

        def work(dsn: str) -> None:
            together.wait()
            try:
                migrate(dsn)
            except psycopg.Error as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=[dsn]) for dsn in (one, another)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        check(one)
        check(another)


def test_the_schema_is_the_one_in_review(db: Database) -> None:
    """After a change: JOBFERRY_WRITE_SCHEMA=1 pytest tests/integration/test_migrate.py"""
    found = dump(db)
    if os.environ.get("JOBFERRY_WRITE_SCHEMA"):
        SCHEMA.write_text(found, encoding="utf-8")
    assert found == SCHEMA.read_text(encoding="utf-8")


def test_the_table_of_transitions_is_the_one_python_has(db: Database) -> None:
    rows = db.rows("select source, target, event from jobferry.transitions")
    assert {(row["source"], row["target"]): row["event"] for row in rows} == {
        (source and source.value, target.value): event
        for (source, target), event in TRANSITIONS.items()
    }


@pytest.fixture
def owner(empty: Database) -> Iterator[str]:
    """Of the empty database; he may create roles and is no superuser."""
    name = f"jobferry_test_owner_{os.getpid()}"
    database = empty.connection.info.dbname
    empty.do(f"create role {name} createrole")
    empty.do(f"alter database {database} owner to {name}")
    if empty.connection.info.server_version < 150000:
        empty.do(f"alter schema public owner to {name}")
    yield name
    empty.do(f"alter database {database} owner to current_user")
    empty.do(f"reassign owned by {name} to current_user")
    empty.do(f"drop owned by {name}")
    empty.do(f"drop role {name}")


def acting_as(role: str, dsn: str) -> str:
    return f"{dsn}{'&' if '?' in dsn else '?'}options=-crole%3D{role}"


def test_the_owner_of_a_database_who_may_create_roles_can_migrate(
    empty: Database, owner: str
) -> None:
    """Not everybody has a superuser. From 16 on the creator of a role may not yet act as it."""
    # This cluster has the roles already; this is what whoever created them would have.
    modern = empty.connection.info.server_version >= 160000
    creator = "admin true, inherit false, set false" if modern else "admin option"
    roles = "jobferry_engine, jobferry_archivist, jobferry_trigger"
    empty.do(f"grant {roles} to {owner} with {creator}")
    migrate(acting_as(owner, empty.dsn))
    job = empty.insert()
    assert empty.events(job) == ["submitted"]
    assert set(empty.queue()) == {job}


def test_who_did_not_make_the_roles_is_told_what_to_ask_for(empty: Database, owner: str) -> None:
    if empty.connection.info.server_version < 160000:
        pytest.skip("before 16 whoever may create roles may give them to himself")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another login") as refused:
        migrate(acting_as(owner, empty.dsn))
    remedy = refused.value.diag.message_hint
    assert remedy is not None
    empty.do(remedy.removeprefix("As a superuser: "))
    migrate(acting_as(owner, empty.dsn))
    assert {empty.insert()} == set(empty.queue())


# -- the recipe's database


def test_a_recipe_table_is_adopted_with_its_rows(empty: Database) -> None:
    waiting, done, stopped, both, neither = (new_id() for _ in range(5))
    empty.do(RECIPE)
    empty.do(RECIPE_INSERT, waiting, False, False, 0.25, None)
    empty.do(RECIPE_INSERT, done, True, False, 1, '{"ok": true}')
    empty.do(RECIPE_INSERT, stopped, False, True, 0.5, None)
    empty.do(RECIPE_INSERT, both, True, True, 1, '{"late": true}')
    empty.do(RECIPE_INSERT, neither, False, False, 0, None)

    migrate(empty.dsn)

    assert {job: empty.status(job) for job in (waiting, done, stopped, both, neither)} == {
        waiting: "queued",
        done: "completed",
        stopped: "cancelled",
        both: "cancelled",
        neither: "queued",
    }
    assert set(empty.queue()) == {waiting, neither}
    kept = empty.job(done)
    assert kept["payload"] == {"n": 1}
    assert kept["result"] == {"ok": True}
    assert kept["finished_at"] == kept["timestamp"] == datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert not empty.job(both)["completed"]
    assert empty.job(waiting)["progress"] == 0.25
    empty.assert_sound()
    empty.register("p", "default")
    assert {row["id"] for row in empty.claim()} == {waiting, neither}


def test_a_recipe_table_with_row_level_security_is_adopted_with_its_jobs(empty: Database) -> None:
    waiting = new_id()
    empty.do(RECIPE)
    empty.do("alter table background_jobs enable row level security")
    empty.do(RECIPE_INSERT, waiting, False, False, 0, None)
    migrate(empty.dsn)
    empty.register("p", "default")
    assert [row["id"] for row in empty.claim()] == [waiting]


def test_adopted_progress_is_brought_into_its_range(empty: Database) -> None:
    ranges: list[tuple[object, float]] = [
        (100, 1),
        (-0.5, 0),
        ("NaN", 0),
        ("Infinity", 1),
        (0.25, 0.25),
    ]
    jobs = {uuid4(): (before, after) for before, after in ranges}
    empty.do(RECIPE)
    for job, (before, _) in jobs.items():
        empty.do(RECIPE_INSERT, job, False, False, before, None)
    migrate(empty.dsn)
    assert {job: empty.job(job)["progress"] for job in jobs} == {
        job: after for job, (_, after) in jobs.items()
    }
    assert set(empty.queue()) == set(jobs)


def test_adopted_times_are_brought_into_the_calendar(empty: Database) -> None:
    years = {"infinity": 9999, "-infinity": 1, "0044-03-15 BC": 1, "294276-12-31": 9999}
    jobs = {uuid4(): when for when in years}
    empty.do(RECIPE)
    for job, when in jobs.items():
        empty.do(RECIPE_INSERT, job, True, False, 1, None)
        empty.do('update background_jobs set "timestamp" = %s where id = %s', when, job)
    migrate(empty.dsn)
    for job, when in jobs.items():
        row = empty.job(job)
        assert (row["timestamp"].year, row["finished_at"].year) == (years[when],) * 2


def test_adopting_ends_in_the_same_schema_as_starting_anew(empty: Database, db: Database) -> None:
    empty.do(RECIPE)
    migrate(empty.dsn)
    assert dump(empty) == dump(db)


def test_the_recipe_s_trigger_and_function_give_way_to_ours(empty: Database) -> None:
    empty.do(RECIPE)
    migrate(empty.dsn)
    with Ear(empty.dsn) as ear:
        big = empty.insert(payload='"' + "x" * 9000 + '"')
        assert [(row["id"], row["payload_omitted"]) for row in ear.rows()] == [(str(big), True)]


def test_a_column_of_another_type_is_an_error_that_changes_nothing(empty: Database) -> None:
    """The recipe itself proposes this one, commented out."""
    empty.do(RECIPE)
    empty.do("alter table background_jobs add submitted_by uuid")
    before = dump(empty)
    with pytest.raises(psycopg.Error) as refused:
        migrate(empty.dsn)
    assert refused.value.sqlstate == "JF001"
    assert "public.background_jobs.submitted_by is uuid, Jobferry needs text" in str(refused.value)
    assert refused.value.diag.message_hint is not None
    assert dump(empty) == before
    assert empty.value("select to_regnamespace('jobferry') is null")


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        (
            "id uuid primary key, payload jsonb not null",
            ".timestamp is missing, Jobferry needs timestamp with time zone not null",
        ),
        (
            (
                'id uuid primary key, "timestamp" timestamptz not null, payload jsonb not null,'
                " completed boolean, cancelled boolean not null, progress real not null, result jsonb"
            ),
            ".completed is boolean, Jobferry needs boolean not null",
        ),
        (
            (
                'id uuid not null, "timestamp" timestamptz not null, payload jsonb not null, completed'
                " boolean not null, cancelled boolean not null, progress real not null, result jsonb"
            ),
            "the primary key of public.background_jobs is not its id",
        ),
    ],
)
def test_a_table_that_is_not_the_recipe_s_is_refused_with_the_reason(
    empty: Database, columns: LiteralString, complaint: str
) -> None:
    empty.do(f"create table background_jobs ({columns})")
    with pytest.raises(psycopg.Error) as refused:
        migrate(empty.dsn)
    assert refused.value.sqlstate == "JF001"
    assert complaint in str(refused.value)
    assert empty.value("select to_regnamespace('jobferry') is null")


# -- another schema than this code's


def test_check_says_how_to_mend_an_older_database(empty: Database) -> None:
    with pytest.raises(MigrationError, match=f"has schema version 0, .* needs {NEWEST}") as old:
        check(empty.dsn)
    assert old.value.hint == "Run 'jobferry migrate'."
    migrate(empty.dsn)
    empty.do("delete from jobferry.migrations where version = %s", NEWEST)
    with pytest.raises(MigrationError, match=f"has schema version {BEFORE}, .* needs {NEWEST}"):
        check(empty.dsn)


def test_a_newer_database_is_refused(db: Database) -> None:
    db.do("insert into jobferry.migrations values (%s, 'later', 'x')", NEWEST + 1)
    for way in (check, migrate):
        with pytest.raises(MigrationError, match=f"version {NEWEST + 1}, .* knows {NEWEST}") as new:
            way(db.dsn)
        assert "newer Jobferry" in str(new.value.hint)


def test_an_altered_migration_is_refused(db: Database) -> None:
    db.do("update jobferry.migrations set checksum = 'another' where version = 3")
    for way in (check, migrate):
        with pytest.raises(MigrationError, match="migration 3 of this database is not the one"):
            way(db.dsn)


def test_the_command_says_the_same(empty_dsn: str) -> None:
    old = jobferry("migrate", "--check", JOBFERRY_DSN=empty_dsn)
    assert old.returncode != 0
    assert "Run 'jobferry migrate'" in old.stderr
    new = jobferry("migrate", "--dsn", empty_dsn)
    assert new.returncode == 0
    assert f"up to date: version {NEWEST}" in new.stdout
    assert jobferry("migrate", "--check", "--dsn", empty_dsn).returncode == 0
    shown = jobferry("migrate", "--print")
    assert all(migration.sql in shown.stdout for migration in migrations("postgres"))


@pytest.mark.parametrize("part", ["gateway", "processor"])
def test_a_part_does_not_start_on_another_schema(db: Database, part: str) -> None:
    db.do("insert into jobferry.migrations values (%s, 'later', 'x')", NEWEST + 1)
    arguments = ["jobferry_demo.tasks:processor"] if part == "processor" else ["--port", "0"]
    ended = jobferry(part, *arguments, "--dsn", db.dsn, JOBFERRY_JWT_SECRET="s" * 32)
    assert ended.returncode != 0
    assert f"schema version {NEWEST + 1}" in ended.stderr
