"""Other queues' names over ours: made, made again, refused, and what their workers get."""

from typing import LiteralString

import psycopg
import pytest

from integration.catalog import dump
from integration.database import Database
from jobferry_server.errors import MigrationError
from jobferry_server.migrate import install_compat
from jobferry_sql import COMPAT
from support.commands import jobferry

TENANT = "5b720132-17d5-424d-9bcb-ee7b17c13d43"


@pytest.fixture(autouse=True)
def _compat(db: Database) -> None:
    for name in COMPAT:
        install_compat(db.dsn, name)


def test_a_second_time_changes_nothing_and_keeps_what_was_built_on_it(db: Database) -> None:
    db.do("create table things (id int, n int)")
    db.do(
        "create trigger t after insert on things for each row"
        f" execute function app_jobs.tg_add_job_with_row('{TENANT}', 'x')"
    )
    db.do("create view mine as select * from app_jobs.jobs")
    before = dump(db)
    for name in COMPAT:
        install_compat(db.dsn, name)
    assert dump(db) == before
    db.do("insert into things values (1, 2)")
    assert db.value("select payload from mine") == {"id": 1, "n": 2}


def test_the_command(empty_dsn: str) -> None:
    done = jobferry(
        "migrate", "--dsn", empty_dsn, "--compat", "graphile_worker", "--compat", "app_jobs"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("up to date: schema graphile_worker\nup to date: schema app_jobs\n")
    again = jobferry("migrate", "--dsn", empty_dsn, JOBFERRY_COMPAT="graphile_worker app_jobs")
    assert again.returncode == 0, again.stderr
    shown = jobferry("migrate", "--print", "--compat", "app_jobs")
    assert "create schema if not exists app_jobs" in shown.stdout
    assert jobferry("migrate", "--dsn", empty_dsn, "--compat", "other").returncode == 2


@pytest.mark.parametrize("name", COMPAT)
@pytest.mark.parametrize(
    "theirs",
    [
        "create table {}.jobs (id bigint)",
        "create function {}.f() returns int language sql as 'select 1'",
        "create type {}.t as enum ('x')",
    ],
)
def test_a_schema_of_somebody_else_s_is_refused(
    empty_dsn: str, name: LiteralString, theirs: LiteralString
) -> None:
    assert jobferry("migrate", "--dsn", empty_dsn).returncode == 0
    with Database(empty_dsn) as db:
        db.do(f"create schema {name}")
        db.do(theirs.format(name))
        with pytest.raises(MigrationError, match=f"schema {name} already") as refused:
            install_compat(empty_dsn, name)
        assert "jobferry.add_job" in str(refused.value.hint)
        assert (
            db.value("select count(*) from pg_proc where pronamespace = %s::regnamespace", name)
            <= 1
        )
    said = jobferry("migrate", "--dsn", empty_dsn, "--compat", name)
    assert said.returncode == 1
    assert f"there is a schema {name} already" in said.stderr
    assert "Traceback" not in said.stderr


def test_an_empty_schema_of_that_name_is_taken(empty_dsn: str) -> None:
    jobferry("migrate", "--dsn", empty_dsn)
    with Database(empty_dsn) as db:
        db.do("create schema app_jobs")
        install_compat(empty_dsn, "app_jobs")
        assert db.rows("select * from app_jobs.get_job('w')") == []


def test_nothing_is_for_everybody(db: Database) -> None:
    assert (
        db.column(
            "select p.oid::regprocedure::text from pg_proc p,"
            " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x"
            " where p.pronamespace in ('app_jobs'::regnamespace, 'graphile_worker'::regnamespace)"
            " and x.grantee = 0"
        )
        == []
    )


def test_the_roles_reach_what_they_may(db: Database) -> None:
    with Database(db.dsn, "jobferry_producer") as producer:
        producer.do("select graphile_worker.add_job('a', '{\"n\": 1}')")
        producer.do("select app_jobs.add_job(%s, 'b')", TENANT)
        producer.do(
            "insert into app_jobs.scheduled_jobs (task_identifier, schedule_info) values ('c', '\"@daily\"')"
        )
        producer.rows(
            "select * from app_jobs.run_scheduled_job((select max(id) from app_jobs.scheduled_jobs))"
        )
        for refused in ("app_jobs.get_job('w')", "graphile_worker.remove_job('k')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                producer.do(f"select {refused}")
    with Database(db.dsn, "jobferry_processor") as worker:
        tasks = []
        for _ in range(3):
            job = worker.row("select * from app_jobs.get_job('w')")
            worker.do("select app_jobs.complete_job('w', %s)", job["id"])
            tasks.append(job["task_identifier"])
    assert sorted(tasks) == ["a", "b", "c"]
    assert db.queue() == {}


# -- Graphile Worker's


def test_graphile_s_specs(db: Database) -> None:
    added = db.rows(
        "select * from graphile_worker.add_jobs(array["
        " row('a', '{\"n\": 1}', null, null, null, 'k', null, null)::graphile_worker.job_spec,"
        " row('b', null, 'q', null, 3, null, 2, array['f'])::graphile_worker.job_spec], true)"
    )
    by_task = {row["task"]: row for row in added}
    assert (by_task["a"]["payload"], by_task["a"]["job_key"]) == ({"n": 1}, "k")
    assert [by_task["b"][name] for name in ("queue_name", "max_attempts", "priority", "flags")] == [
        "q",
        3,
        2,
        ["f"],
    ]
    ids = [row["id"] for row in added]
    assert [r["status"] for r in db.rows("select * from graphile_worker.remove_job('k')")] == [
        "cancelled"
    ]
    db.do("select graphile_worker.reschedule_jobs(%s, priority := 7)", ids)
    assert db.job(by_task["b"]["id"])["priority"] == 7
    db.do("select graphile_worker.permanently_fail_jobs(%s, 'no')", ids)
    assert db.status(by_task["b"]["id"]) == "failed"
    db.do("select graphile_worker.complete_jobs(%s)", ids)
    assert db.status(by_task["b"]["id"]) == "failed"
    db.do("select graphile_worker.force_unlock_workers('{w}')")


# -- @pgpm/jobs'


def test_a_worker_that_knows_jobs_by_number(db: Database) -> None:
    added = db.row(
        "select * from app_jobs.add_job(%s, 'mail', '{\"to\": \"anna\"}', 'k', 'q')", TENANT
    )
    assert (added["id"], added["key"], added["locked_by"]) == (1, "k", None)
    (device_s,) = db.column(
        "insert into background_jobs (id, payload) values (gen_random_uuid(), '{}') returning id"
    )
    taken = db.row("select * from app_jobs.get_job('w', array['mail'])")
    assert (taken["id"], taken["payload"], taken["attempts"]) == (1, {"to": "anna"}, 1)
    assert str(taken["database_id"]) == TENANT
    assert taken["locked_by"] == "worker w"
    assert taken["locked_at"] is not None
    queue = db.row("select * from app_jobs.job_queues")
    assert (queue["queue_name"], queue["job_count"], queue["locked_by"]) == ("q", 1, "worker w")
    assert queue["locked_at"] == taken["locked_at"]
    assert db.value("select id from app_jobs.get_job('v')") == 2
    assert db.rows("select * from app_jobs.get_job('v')") == []
    db.do("select app_jobs.fail_job('v', 2, 'no')")
    assert db.value("select last_error from app_jobs.jobs where id = 2") == "no"
    db.do("select app_jobs.complete_job('w', 1)")
    assert db.status(taken["job_id"]) == "completed"
    assert db.column("select job_id from app_jobs.jobs") == [device_s]
    for number, code in ((99, "JF041"), (1, "JF032")):
        with pytest.raises(psycopg.Error) as refused:
            db.do("select app_jobs.complete_job('w', %s)", number)
        assert refused.value.sqlstate == code
    db.do("delete from background_jobs")
    assert db.rows("select * from app_jobs.job_numbers") == []


def test_a_trigger_whose_tenant_is_no_uuid_says_so(db: Database) -> None:
    db.do("create table things (id int)")
    db.do(
        "create trigger t after insert on things for each row"
        " execute function app_jobs.tg_add_job_with_row_id('database-uuid', 'x', 'id')"
    )
    with pytest.raises(
        psycopg.Error, match="'database-uuid' is not the id of a database"
    ) as refused:
        db.do("insert into things values (1)")
    assert refused.value.sqlstate == "JF042"
