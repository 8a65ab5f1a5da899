"""What the doctor says of a database: each check seen well, and seen with something really broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from integration.database import Database
from jobferry_server.doctor import examine, health, schema, work
from jobferry_server.doctor.schema import triggers
from jobferry_shared.findings import Finding, Level
from jobferry_sql import migrations
from support.pgbouncer import installed, pooler
from support.pgbouncer import login as named_login
from support.processes import eventually, jobferry
from support.proxy import Proxy, free_port, postgres_behind, postgres_target


def findings_of(dsn: str, check: str) -> list[Finding]:
    return [finding for finding in examine(dsn) if finding.check == check]


def level(dsn: str, check: str) -> Level:
    """The worst of a check's findings. Whatever is not well says how to mend it."""
    found = findings_of(dsn, check)
    assert found, check
    assert all(finding.mend for finding in found if finding.level is not Level.OK)
    return max((finding.level for finding in found), key=list(Level).index)


def mend_of(dsn: str, check: str) -> str:
    (found,) = [finding for finding in findings_of(dsn, check) if finding.level is not Level.OK]
    assert found.mend is not None
    return found.mend


@contextmanager
def login(db: Database, *roles: str) -> Iterator[str]:
    """A login of the test's own; its DSN."""
    name = f"doctor_{db.pid}"
    db.connection.execute(f"create role {name} login password 'p'".encode())
    for role in roles:
        db.connection.execute(f"grant {role} to {name}".encode())
    try:
        info = db.connection.info
        yield psycopg.conninfo.make_conninfo(db.dsn, user=name, password="p", port=info.port)
    finally:
        db.connection.execute(f"drop owned by {name}".encode())
        db.connection.execute(f"drop role {name}".encode())


@pytest.fixture
def alive(db: Database) -> None:
    """Somebody offers the default task."""
    db.register("p", "default")


# -- the server


@pytest.mark.usefixtures("alive")
def test_a_database_that_is_well(db: Database) -> None:
    with login(db, "jobferry_gateway") as part:
        found = [f for f in examine(part) if f.level is not Level.OK]
        # The tests' own server may be set up for speed, and its other tests be at work.
        theirs = ("setting", "parts' logins", "old transactions", "connections", "replication")
        assert [f for f in found if not f.check.startswith(theirs)] == []


def test_no_server() -> None:
    (found,) = examine(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert (found.check, found.level) == ("postgres", Level.ERROR)


@pytest.mark.parametrize(
    ("number", "how"),
    [(130000, Level.ERROR), (140000, Level.OK), (180003, Level.OK), (190000, Level.WARNING)],
)
def test_the_server_s_version(number: int, how: Level) -> None:
    """No other server is at hand: its number is all that is looked at."""

    class Info:
        server_version = number

    class Connection:
        info = Info()

    assert health._version(Connection()).level is how  # type: ignore[arg-type]


def test_settings_that_hurt(db: Database) -> None:
    name = db.connection.info.dbname
    hurtful = {"synchronous_commit": Level.WARNING, "default_transaction_read_only": Level.ERROR}
    for setting, how in hurtful.items():
        value = "off" if setting == "synchronous_commit" else "on"
        db.do("set default_transaction_read_only = off")
        db.connection.execute(f'alter database "{name}" set {setting} = {value}'.encode())
        assert level(db.dsn, f"setting {setting}") is how
        db.connection.execute(f'alter database "{name}" reset {setting}'.encode())
        assert level(db.dsn, f"setting {setting}") is Level.OK


def test_an_old_transaction(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert level(db.dsn, "old transactions") is Level.OK
    monkeypatch.setattr(health, "OLD_MINUTES", 0)
    with Database(db.dsn) as other, other.together():
        other.value("select 1")
        assert level(db.dsn, "old transactions") is Level.WARNING
        assert "pg_terminate_backend" in mend_of(db.dsn, "old transactions")


def test_a_replication_slot_that_nobody_reads(db: Database) -> None:
    if int(db.value("select setting from pg_settings where name = 'max_replication_slots'")) == 0:
        pytest.skip("this server has no room for one")
    name = f"doctor_{db.pid}"
    db.value("select pg_create_physical_replication_slot(%s, true)::text", name)
    try:
        assert level(db.dsn, "replication slots") is Level.WARNING
    finally:
        db.value("select pg_drop_replication_slot(%s)::text", name)


# -- who


def test_a_login_that_may_run_as_no_part(db: Database) -> None:
    with login(db) as nobody:
        assert level(nobody, "roles") is Level.ERROR
        db.connection.execute(mend_of(nobody, "roles").partition(";")[0].encode())
        assert level(nobody, "roles") is Level.OK


def test_a_superuser(db: Database) -> None:
    with login(db, "jobferry_gateway") as part:
        assert level(part, "rights") is Level.OK
    assert level(db.dsn, "rights") is Level.WARNING


def test_a_part_that_runs_as_a_superuser(db: Database) -> None:
    assert level(db.dsn, "parts' logins") is Level.OK
    with psycopg.connect(db.dsn, application_name="jobferry_gateway"):
        assert level(db.dsn, "parts' logins") is Level.WARNING


# -- the schema


def test_the_doctor_knows_every_trigger(db: Database) -> None:
    there = db.rows(
        "select t.tgname as name, t.tgrelid::regclass::text as on_table from pg_trigger t"
        " where not t.tgisinternal"
    )
    assert {row["name"] for row in there} == {name for name, _ in triggers()}


def test_no_schema(empty_dsn: str) -> None:
    assert level(empty_dsn, "schema") is Level.ERROR
    assert mend_of(empty_dsn, "schema").startswith("jobferry migrate")


def test_an_older_newer_or_altered_schema(db: Database) -> None:
    assert level(db.dsn, "schema") is Level.OK
    newest = migrations("postgres")[-1].version
    changes: list[tuple[LiteralString, int]] = [
        ("delete from jobferry.migrations where version = %s", newest),
        ("insert into jobferry.migrations values (%s, 'later', 'x')", newest + 1),
        ("update jobferry.migrations set checksum = 'another' where version = %s", 1),
    ]
    for change, number in changes:
        with db.connection.transaction(force_rollback=True):
            db.do(change, number)
            (found, *_) = schema.examine(db.connection)
            assert (found.check, found.level) == ("schema", Level.ERROR)


@pytest.mark.parametrize("how", ["disable", "enable", "enable replica"])
def test_a_trigger_that_is_not_always_in_force(db: Database, how: LiteralString) -> None:
    db.connection.execute(f"alter table background_jobs {how} trigger guard_job_trigger".encode())
    assert level(db.dsn, "triggers") is Level.ERROR
    db.connection.execute(mend_of(db.dsn, "triggers").encode())
    assert level(db.dsn, "triggers") is Level.OK


def test_a_trigger_that_is_missing(db: Database) -> None:
    db.do("drop trigger audit_job_trigger on background_jobs")
    assert level(db.dsn, "triggers") is Level.ERROR
    assert "audit_job_trigger" in mend_of(db.dsn, "triggers")


def test_a_restored_database_that_nobody_has_served_from(db: Database) -> None:
    assert level(db.dsn, "restored") is Level.OK
    db.do("update jobferry.identity set cluster = 1")
    assert level(db.dsn, "restored") is Level.WARNING
    db.value("select jobferry.settle_restored()")
    assert level(db.dsn, "restored") is Level.OK


# -- LISTEN


def test_a_direct_connection_hears(db: Database) -> None:
    assert level(db.dsn, "listen") is Level.OK


@pytest.mark.skipif(not installed(), reason="there is no PgBouncer here")
def test_a_pooler_by_transaction_is_deaf_and_one_by_session_is_not(db: Database) -> None:
    ignored = "ignore_startup_parameters = extra_float_digits"
    with named_login(db.dsn, "jobferry_test_doctor", "jobferry_gateway") as user:
        with pooler(db.dsn, user, more=ignored) as between:
            assert level(between.dsn(user), "listen") is Level.ERROR
            # And whoever gets its connections next finds them as they were.
            with psycopg.connect(between.dsn(user), autocommit=True) as other:
                found = other.execute(
                    "select current_user = session_user, current_setting('statement_timeout')"
                )
                assert found.fetchall() == [(True, "0")]
        with pooler(db.dsn, user, mode="session", more=ignored) as between:
            assert level(between.dsn(user), "listen") is Level.OK


def test_a_server_that_stops_answering_does_not_hold_the_doctor(db: Database) -> None:
    with Proxy(postgres_target(db.dsn)) as proxy:
        proxy.close()
        (found,) = examine(postgres_behind(proxy, db.dsn))
        assert found.level is Level.ERROR


# -- the work


def test_processors(db: Database) -> None:
    assert level(db.dsn, "processors") is Level.WARNING
    db.insert()
    assert level(db.dsn, "processors") is Level.ERROR
    db.register("p", "default")
    assert level(db.dsn, "processors") is Level.OK
    db.do("update jobferry.processors set last_seen = now() - interval '2 minutes'")
    assert level(db.dsn, "processors") is Level.ERROR


@pytest.mark.usefixtures("alive")
def test_work_that_no_processor_offers(db: Database) -> None:
    db.insert()
    assert level(db.dsn, "tasks") is Level.OK
    db.insert(task="\x1b[31mred")
    assert level(db.dsn, "tasks") is Level.WARNING
    assert all("\x1b" not in finding.says for finding in findings_of(db.dsn, "tasks"))


@pytest.mark.usefixtures("alive")
def test_work_that_waits(db: Database) -> None:
    db.insert()
    assert level(db.dsn, "waiting") is Level.OK
    db.do("update jobferry.queue set run_at = now() - interval '1 hour'")
    assert level(db.dsn, "waiting") is Level.WARNING


def test_a_queue_full_of_the_dead(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert level(db.dsn, "queue") is Level.OK
    monkeypatch.setattr(work, "MANY_DEAD", 100)
    db.do("alter table jobferry.queue set (autovacuum_enabled = false)")
    db.do(
        "insert into jobferry.queue (job_id, task, priority, run_at, attempts, max_attempts)"
        " select gen_random_uuid(), 't', 0, now(), 0, 1 from generate_series(1, 200)"
    )
    db.do("delete from jobferry.queue")
    db.connection.close()
    eventually(lambda: level(db.dsn, "queue") is Level.WARNING, every=0.2)


def test_devices_with_something_unsent(db: Database) -> None:
    insert: LiteralString = (
        "insert into jobferry.devices (client_id, owner, pending, oldest_pending_at, first_seen)"
        " values (gen_random_uuid(), 'anna', 1, now() - make_interval(mins => %s), '2026-01-01')"
    )
    db.do(insert, 1)
    assert level(db.dsn, "devices") is Level.OK
    db.do(insert, 60)
    assert level(db.dsn, "devices") is Level.WARNING


# -- the examination itself


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(db: Database) -> None:
    db.do("drop function jobferry.figures")
    found = {finding.check: finding.level for finding in examine(db.dsn)}
    assert found["work"] is Level.WARNING
    assert found["listen"] is Level.OK


def test_a_lock_holds_it_up_for_a_moment_only(db: Database) -> None:
    with Database(db.dsn) as other, other.together():
        other.do("lock table jobferry.devices in access exclusive mode")
        found = {finding.check: finding.level for finding in examine(db.dsn)}
    assert found["work"] is Level.WARNING


def test_the_command(dsn: str) -> None:
    done = jobferry("doctor", "--dsn", dsn)
    assert done.returncode == 0, done.stdout
    assert "listen: what is said is heard" in done.stdout
