"""Who may do what: Postgres itself refuses the rest, so a stolen part can't forge a result."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import DEVICE, Database, Held, Spec
from jobferry_shared.ids import new_id

ROLES = (
    "jobferry_gateway",
    "jobferry_processor",
    "jobferry_auditor",
    "jobferry_producer",
    "jobferry_admin",
    "jobferry_viewer",
)


@contextmanager
def acting_as(db: Database, role: LiteralString) -> Iterator[Database]:
    """Another connection, in this role."""
    with Database(db.dsn, role) as found:
        yield found


def assert_refused(role: Database, statement: LiteralString) -> None:
    """Not for want of a row or a value: for want of the right."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.do(statement)


def exists(db: Database) -> Held:
    """There is a job that ``p`` runs."""
    db.submit(Spec())
    db.register("p", "default")
    (held,) = db.take()
    return held


# -- the gateway

SERVER_S = {
    "completed": "true",
    "progress": "1",
    "result": "'{}'",
    "status": "'completed'",
    "attempts": "3",
    "error": "'{}'",
    "started_at": "now()",
    "finished_at": "now()",
    "received_at": "now()",
    "created": "'1'",
    "version": "'1'",
    "revised": "'1'",
}
CLIENT_S = {
    "payload",
    "task",
    "queue_name",
    "priority",
    "run_at",
    "max_attempts",
    "job_key",
    "flags",
    "submitted_by",
    "client_id",
    "database_id",
    "id",
    '"timestamp"',
}


def columns_of(db: Database, table: LiteralString) -> list[LiteralString]:
    """As the catalogue has them now: one that is added tomorrow is among them."""
    return db.column(
        "select quote_ident(attname) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        table,
    )


def test_every_column_is_the_client_s_or_the_server_s(db: Database) -> None:
    known = {*SERVER_S, *CLIENT_S, "cancelled"}
    assert set(columns_of(db, "background_jobs")) == known, "whose is the new column?"


def test_the_gateway_can_not_forge_what_the_server_says(db: Database) -> None:
    held = exists(db)
    before = db.job(held.id)
    with acting_as(db, "jobferry_gateway") as gateway:
        for column in set(columns_of(db, "background_jobs")) - {*CLIENT_S, "cancelled"}:
            # The default is a value of the right type, whatever the column is.
            for value in (SERVER_S.get(column, "default"), "default"):
                assert_refused(gateway, f"update background_jobs set {column} = {value}")
                assert_refused(
                    gateway,
                    f"insert into background_jobs (id, payload, {column})"
                    f" values (gen_random_uuid(), '{{}}', {value})",
                )
    assert db.job(held.id) == before
    assert db.value("select count(*) from background_jobs") == 1


def test_the_gateway_changes_nothing_of_a_job_but_cancels_it(db: Database) -> None:
    held = exists(db)
    with acting_as(db, "jobferry_gateway") as gateway:
        for column in set(columns_of(db, "background_jobs")) - {"cancelled"}:
            assert_refused(gateway, f"update background_jobs set {column} = default")
        assert_refused(gateway, "delete from background_jobs")
        assert_refused(gateway, "truncate background_jobs")
        assert gateway.cancel(held.id) == 1
    assert db.status(held.id) == "cancelled"
    assert db.events(held.id)[-1] == "cancelled"
    db.assert_sound()


def test_the_gateway_can_not_take_another_owner_s_job(db: Database) -> None:
    """Not by its id, not by its owner's name, and not through the functions it may call."""
    hers = exists(db)
    before = db.job(hers.id)
    with acting_as(db, "jobferry_gateway") as gateway:
        for column, value in (("submitted_by", "'bert'"), ("client_id", "gen_random_uuid()")):
            assert_refused(gateway, f"update background_jobs set {column} = {value}")
        with pytest.raises(psycopg.errors.UniqueViolation):
            gateway.insert(id=hers.id, submitted_by="bert")
        assert_refused(
            gateway,
            "insert into background_jobs (id, payload, submitted_by) values"
            f" ('{hers.id}', '{{}}', 'bert') on conflict (id) do update set submitted_by = 'bert'",
        )
        assert gateway.submit(Spec(id=hers.id, owner="bert")) == [(1, "id_taken")]
        assert gateway.cancel_batch(hers.id, owner="bert") == [(1, "not_found")]
    assert db.job(hers.id) == before


def test_the_gateway_writes_no_table_by_hand_but_the_ledger(db: Database) -> None:
    tables: list[LiteralString] = db.column(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('public', 'jobferry') and tablename <> 'background_jobs'"
    )
    assert len(tables) == 21
    with acting_as(db, "jobferry_gateway") as gateway:
        for table in tables:
            column = columns_of(db, table)[0]
            assert_refused(gateway, f"update {table} set {column} = default")
            assert_refused(gateway, f"insert into {table} ({column}) values (default)")
            assert_refused(gateway, f"delete from {table}")
            assert_refused(gateway, f"truncate {table}")


def test_the_gateway_calls_these_functions_and_no_others(db: Database) -> None:
    """All that it may do with the rights of the engine, which may do anything."""
    assert db.column(
        "select p.proname from pg_proc p where p.pronamespace = 'jobferry'::regnamespace"
        " and has_function_privilege('jobferry_gateway', p.oid, 'execute') order by 1"
    ) == [
        "begin_epoch",
        "cancel_batch",
        "cancel_postponed",
        "changes_page",
        "count_owner_jobs",
        "epoch",
        "figures",
        "gone_page",
        "moved_page",
        "note_devices",
        "note_traces",
        "over_limit",
        "settle_restored",
        "submit_batch",
    ]


def test_the_gateway_inserts_what_a_device_may_say(db: Database) -> None:
    with acting_as(db, "jobferry_gateway") as gateway:
        job = gateway.insert(
            id=new_id(),
            timestamp="2026-01-01T00:00:00Z",
            payload=Json({"n": 1}),
            cancelled=False,
            submitted_by="anna",
            client_id=DEVICE,
            task="t",
            queue_name="q",
            priority=3,
            run_at="2026-01-01T00:00:00Z",
            max_attempts=4,
            job_key="k",
            flags=["f"],
            database_id=new_id(),
        )
        assert gateway.submit(Spec()) == []
        assert gateway.cancel_batch(new_id()) == [(1, "not_found")]
        assert gateway.value("select jobferry.epoch()") == db.value("select jobferry.epoch()")
    assert db.queue()[job]["task"] == "t"
    assert db.events(job) == ["submitted"]
    db.assert_sound()


NOT_THE_GATEWAY_S: list[LiteralString] = [
    "select * from jobferry.queue",
    "update jobferry.queue set attempts = 0",
    "delete from jobferry.queue",
    (
        "insert into jobferry.queue (job_id, task, priority, run_at, attempts, max_attempts)"
        " values (gen_random_uuid(), 'x', 0, now(), 0, 1)"
    ),
    "select * from background_job_events",
    (
        "insert into background_job_events (job_id, event, attempt, actor)"
        " values (gen_random_uuid(), 'completed', 1, 'me')"
    ),
    "delete from background_job_events",
    "select * from jobferry.processors",
    "insert into jobferry.devices (client_id, owner) values (gen_random_uuid(), 'x')",
    "update jobferry.identity set id = gen_random_uuid()",
    "insert into jobferry.transitions values ('completed', 'queued', 'revived')",
    "delete from jobferry.migrations",
    "select jobferry.register_processor('p', '{}', '1')",
    "select jobferry.claim('p', '{default}', '{}', 1)",
    "select jobferry.complete_batch('p', '{}', '{}', '{}')",
    "select jobferry.reap('0')",
    "select jobferry.revoke_owner('anna')",
    "alter table background_jobs disable trigger all",
    "create table jobferry.mine ()",
    "create function jobferry.mine() returns int language sql as 'select 1'",
    "set session_replication_role = replica",
]


def test_the_gateway_has_no_business_in_queue_and_events(db: Database) -> None:
    exists(db)
    with acting_as(db, "jobferry_gateway") as gateway:
        for statement in NOT_THE_GATEWAY_S:
            assert_refused(gateway, statement)


# -- the processor


def test_the_processor_claims_runs_and_reports(db: Database) -> None:
    db.submit(Spec(), Spec())
    with acting_as(db, "jobferry_processor") as processor:
        processor.register("p", "default")
        first, second = processor.take()
        assert processor.flush(done=[(first, "1")], moved=[(second, 0.5)], running=[second]) == {}
        assert processor.value("select jobferry.heartbeat('p')") is True
        assert processor.rows("select * from jobferry.unserved_tasks()") == []
        assert processor.reap("1 hour") == 0
        processor.do("select jobferry.unregister_processor('p')")
    assert [db.status(one.id) for one in (first, second)] == ["completed", "queued"]
    db.assert_sound()


def test_a_recipe_processor_in_that_role_writes_the_recipe_s_columns(db: Database) -> None:
    db.submit(spec := Spec())
    with acting_as(db, "jobferry_processor") as processor:
        processor.do("update background_jobs set progress = 0.5 where id = %s", spec.id)
        processor.do(
            "update background_jobs set completed = true, progress = 1, result = '{}' where id = %s",
            spec.id,
        )
    assert db.events(spec.id) == ["submitted", "started", "completed"]
    db.assert_sound()


NOT_THE_PROCESSOR_S: list[LiteralString] = [
    "insert into background_jobs (id, payload) values (gen_random_uuid(), '{}')",
    "delete from background_jobs",
    "update background_jobs set payload = '{}'",
    "update background_jobs set submitted_by = 'bert'",
    "update background_jobs set attempts = 0",
    "update background_jobs set version = '1'",
    "update jobferry.queue set locked_by = 'me'",
    "delete from jobferry.queue",
    "update jobferry.processors set last_seen = now()",
    "select * from background_job_events",
    (
        "insert into background_job_events (job_id, event, attempt, actor)"
        " values (gen_random_uuid(), 'completed', 1, 'me')"
    ),
    "select * from jobferry.devices",
    "select jobferry.submit_batch('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    "select jobferry.cancel_batch('{}', '{}', '{}')",
    "select jobferry.complete_batch('p', '{}', '{}', '{}')",
    "select jobferry.note_devices('{}', '{}', '{}', '{}', '{}')",
    "alter table background_jobs disable trigger guard_job_trigger",
    "set session_replication_role = replica",
]


def test_the_processor_goes_through_its_functions(db: Database) -> None:
    exists(db)
    with acting_as(db, "jobferry_processor") as processor:
        for statement in NOT_THE_PROCESSOR_S:
            assert_refused(processor, statement)


# -- the auditor


def test_the_auditor_reads_everything_and_writes_nothing(db: Database) -> None:
    exists(db)
    tables: list[str] = db.column(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('public', 'jobferry') and tablename <> 'identity'"
    )
    assert len(tables) == 21
    with acting_as(db, "jobferry_auditor") as auditor:
        for table in tables:
            auditor.rows(f"select * from {table}")
            assert_refused(auditor, f"delete from {table}")
            assert_refused(auditor, f"truncate {table}")
        assert_refused(auditor, "update background_jobs set cancelled = true")
        assert_refused(
            auditor, "insert into background_jobs (id, payload) values (gen_random_uuid(), '{}')"
        )
        assert_refused(auditor, "select jobferry.cancel_batch('{}', '{}', '{}')")
        assert_refused(auditor, "select jobferry.reap('0')")


# -- whoever adds jobs, and whoever administers them

ADDING: list[LiteralString] = [
    "select * from jobferry.add_job('t')",
    "select * from jobferry.add_job('t', '{}', job_key := 'k', owner := 'anna')",
    "select * from jobferry.add_job('t', '{}'::jsonb)",
    "select * from jobferry.add_job(gen_random_uuid(), 't')",
    (
        "select * from jobferry.add_jobs("
        "array[row('t', '{}', null, null, null, 'k', null, null)]::jobferry.job_spec[], owner := 'anna')"
    ),
]
ADMINISTERING: list[LiteralString] = [
    "select * from jobferry.remove_job('k')",
    "select * from jobferry.complete_jobs('{}')",
    "select * from jobferry.permanently_fail_jobs('{}')",
    "select * from jobferry.cancel_jobs('{}')",
    "select * from jobferry.reschedule_jobs('{}')",
    "select jobferry.force_unlock_workers('{p}')",
]
BY_HAND: list[LiteralString] = [
    "insert into background_jobs (id, payload) values (gen_random_uuid(), '{}')",
    "update background_jobs set cancelled = true",
    "delete from background_jobs",
    "update jobferry.queue set attempts = 0",
    "delete from jobferry.queue",
    "select jobferry.submit_batch('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    "select jobferry.claim('p', '{default}', '{}', 1)",
    "select jobferry.reap('0')",
    "select jobferry.put_jobs('{}', 'replace', null, null)",
    "select jobferry.end_jobs('{}', 'completed', null, 'me', null)",
    "set session_replication_role = replica",
]


def test_a_producer_adds_jobs_and_does_nothing_else(db: Database) -> None:
    held = exists(db)
    before = db.job(held.id)
    with acting_as(db, "jobferry_producer") as producer:
        for statement in ADDING:
            assert producer.row(statement)["task"] == "t"
        for statement in (*ADMINISTERING, *BY_HAND, "select * from background_jobs"):
            assert_refused(producer, statement)
    assert db.job(held.id) == before
    db.assert_sound()


def test_an_administrator_goes_through_the_functions(db: Database) -> None:
    held = exists(db)
    with acting_as(db, "jobferry_admin") as admin:
        for statement in (*ADDING, *ADMINISTERING):
            admin.rows(statement)
        assert [row["id"] for row in admin.rows("select * from background_jobs")]
        admin.rows("select * from background_job_events, jobferry.queue, jobferry.migrations")
        for statement in BY_HAND:
            assert_refused(admin, statement)
    assert db.status(held.id) == "retrying"
    db.assert_sound()


@pytest.mark.parametrize("role", ["jobferry_gateway", "jobferry_auditor", "jobferry_viewer"])
def test_the_others_have_no_part_in_that(db: Database, role: LiteralString) -> None:
    with acting_as(db, role) as part:
        for statement in (*ADDING, *ADMINISTERING):
            assert_refused(part, statement)


def test_a_handler_s_role_adds_jobs(db: Database) -> None:
    with acting_as(db, "jobferry_processor") as processor:
        for statement in ADDING:
            assert processor.row(statement)["task"] == "t"
        for statement in ADMINISTERING:
            assert_refused(processor, statement)


# -- the history


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        "update background_job_events set actor = 'nobody'",
        "delete from background_job_events",
        "truncate background_job_events",
        "truncate background_jobs, background_job_events cascade",
    ],
)
def test_not_even_a_superuser_rewrites_history(
    db: Database, mode: LiteralString, statement: LiteralString
) -> None:
    exists(db)
    before = db.rows("select * from background_job_events order by id")
    db.do(f"set session_replication_role = {mode}")
    with pytest.raises(psycopg.Error, match="append-only") as no:
        db.do(statement)
    assert no.value.sqlstate == "JF002"
    assert db.rows("select * from background_job_events order by id") == before


def test_nobody_writes_an_event_by_hand(db: Database) -> None:
    for role in ROLES:
        with acting_as(db, role) as part:
            assert_refused(
                part,
                "insert into background_job_events (job_id, event, attempt, actor)"
                " values (gen_random_uuid(), 'completed', 1, 'me')",
            )


# -- the engine, before which the triggers stand aside


def test_nobody_becomes_the_engine(db: Database) -> None:
    assert (
        db.column(
            "select pg_get_userbyid(member) from pg_auth_members"
            " where roleid = 'jobferry_engine'::regrole and not pg_has_role(member, 'pg_monitor', 'member')"
        )
        == []
    )
    assert db.row(
        "select rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolbypassrls"
        " from pg_roles where rolname = 'jobferry_engine'"
    ) == {
        "rolcanlogin": False,
        "rolsuper": False,
        "rolinherit": True,
        "rolcreaterole": False,
        "rolbypassrls": False,
    }
    for role in ROLES:
        # A session that is this role, not one that a superuser lent to it.
        with Database(db.dsn) as part:
            part.do(f"set session authorization {role}")
            assert_refused(part, "set role jobferry_engine")


def test_every_function_with_the_engine_s_rights_has_a_fixed_search_path(db: Database) -> None:
    loose = db.column(
        "select p.oid::regprocedure::text from pg_proc p"
        " where p.pronamespace = 'jobferry'::regnamespace and p.prosecdef"
        " and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)"
    )
    assert loose == []
    owners = db.column(
        "select distinct pg_get_userbyid(p.proowner) from pg_proc p"
        " where p.pronamespace = 'jobferry'::regnamespace and p.prosecdef"
    )
    # The archivist's are the one door to the audit log's past; the trigger's make JSON of other people's rows.
    assert sorted(owners) == ["jobferry_archivist", "jobferry_engine", "jobferry_trigger"]


def test_no_function_is_for_everybody(db: Database) -> None:
    public = db.column(
        "select p.oid::regprocedure::text from pg_proc p,"
        " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x"
        " where p.pronamespace = 'jobferry'::regnamespace and x.grantee = 0"
    )
    assert public == []


def test_no_table_is_for_everybody(db: Database) -> None:
    public = db.column(
        "select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) x"
        " where c.relnamespace in ('public'::regnamespace, 'jobferry'::regnamespace)"
        " and x.grantee = 0"
    )
    assert public == []


def test_a_caller_s_own_operators_and_tables_fool_no_function(db: Database) -> None:
    """As a role that may create in public, which a search_path that is not fixed would look into."""
    held = exists(db)
    db.do("grant create on schema public to jobferry_processor")
    with acting_as(db, "jobferry_processor") as processor:
        processor.do("set search_path = public, jobferry")
        processor.do(
            "create function public.never(uuid, uuid) returns boolean language sql as 'select true'"
        )
        processor.do(
            "create operator public.= (leftarg = uuid, rightarg = uuid, function = public.never)"
        )
        processor.do(
            "create function public.now() returns timestamptz language sql as $$ select 'epoch'::timestamptz $$"
        )
        processor.flush("q", done=[(held, '"forged"')])
        assert db.status(held.id) == "running"
        processor.flush("p", done=[(held, '"mine"')])
    row = db.job(held.id)
    assert row["result"] == "mine"
    assert row["finished_at"] > row["received_at"]
