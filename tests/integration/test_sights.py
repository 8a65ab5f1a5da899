"""Row-level security: who sees which jobs, and that all parts go on as before."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from integration.catalog import dump
from integration.database import Database, Ear, Spec
from integration.wire import device, job, submit
from jobferry_server import Job, Processor
from jobferry_server.database import connect
from jobferry_shared.ids import new_id
from support.services import Services

ACME, OTHERS = (UUID(f"aaaaaaaa-0000-4000-8000-00000000000{n}") for n in (1, 2))


@pytest.fixture
def rls(db: Database) -> Database:
    """A superuser's connection to a database with row-level security."""
    db.do("select jobferry.enable_tenant_rls()")
    return db


class Login(Database):
    """A session of a login of its own, in no other role."""

    def __init__(self, dsn: str, name: str) -> None:
        super().__init__(dsn)
        self.name: Any = name
        self.do("select set_config('session_authorization', %s, false)", name)


@contextmanager
def login(db: Database, name: str, *groups: str) -> Iterator[Login]:
    """A new login, gone afterwards; names are the cluster's, so they carry the database's."""
    unique: Any = f"{name}_{db.value('select current_database()')}"
    db.do(f"create role {unique}")
    try:
        for group in ("jobferry_viewer", *groups):
            db.do(f"grant {group} to {unique}")
        with Login(db.dsn, unique) as session:
            yield session
    finally:
        db.do(f"drop owned by {unique}")
        db.do(f"drop role {unique}")


def sight(
    db: Database,
    viewer: Login,
    tenant: UUID | None = None,
    owner_prefix: str | None = None,
    by_setting: bool = False,
) -> None:
    """Grant it, as an administrator would."""
    with Database(db.dsn, "jobferry_admin") as admin:
        admin.do(
            "select jobferry.grant_sight(%s::regrole, %s, %s, %s)",
            viewer.name,
            tenant,
            owner_prefix,
            by_setting,
        )


def some_jobs(db: Database) -> dict[str, UUID]:
    """One of each, by owner and tenant."""
    return {
        "acme/anna": db.insert(submitted_by="acme/anna", database_id=ACME),
        "acme/bert": db.insert(submitted_by="acme/bert"),
        "acmeville": db.insert(submitted_by="acmeville", database_id=OTHERS),
        "nobody": db.insert(),
    }


def seen(viewer: Database) -> set[UUID]:
    """The jobs that a session sees; of the same ones it sees the events."""
    found = set(viewer.column("select id from background_jobs"))
    assert set(viewer.column("select job_id from background_job_events")) == found
    return found


# -- who sees what


def test_a_viewer_sees_what_is_in_its_sight_and_nothing_else(rls: Database) -> None:
    jobs = some_jobs(rls)
    with login(rls, "viewer") as viewer:
        assert seen(viewer) == set()
        sight(rls, viewer, tenant=ACME)
        assert seen(viewer) == {jobs["acme/anna"]}
        sight(rls, viewer, owner_prefix="acme/")
        sight(rls, viewer, owner_prefix="acme/")
        assert seen(viewer) == {jobs["acme/anna"], jobs["acme/bert"]}
        sight(rls, viewer, tenant=OTHERS)
        assert seen(viewer) == set(jobs.values()) - {jobs["nobody"]}
        assert rls.value("select jobferry.revoke_sight(%s::regrole)", viewer.name) == 3
        assert seen(viewer) == set()


def test_an_application_says_for_which_tenant_it_asks(rls: Database) -> None:
    jobs = some_jobs(rls)
    with login(rls, "application") as application:
        sight(rls, application, by_setting=True)
        assert seen(application) == set()
        for tenant, owner in ((ACME, "acme/anna"), (OTHERS, "acmeville")):
            application.do("select set_config('jobferry.tenant', %s, false)", str(tenant))
            assert seen(application) == {jobs[owner]}
        application.do("set jobferry.tenant = ''")
        assert seen(application) == set()


def test_saying_a_tenant_is_for_those_who_were_granted_it(rls: Database) -> None:
    jobs = some_jobs(rls)
    with login(rls, "viewer") as viewer:
        sight(rls, viewer, tenant=ACME)
        viewer.do("select set_config('jobferry.tenant', %s, false)", str(OTHERS))
        assert seen(viewer) == {jobs["acme/anna"]}


def test_a_group_s_sight_is_its_members(rls: Database) -> None:
    jobs = some_jobs(rls)
    with (
        login(rls, "everybody_at_acme") as group,
        login(rls, "member", group.name) as member,
    ):
        sight(rls, group, owner_prefix="acme/")
        assert seen(member) == {jobs["acme/anna"], jobs["acme/bert"]}


def test_nobody_widens_his_own_sight(rls: Database) -> None:
    some_jobs(rls)
    with login(rls, "viewer") as viewer, login(rls, "rich") as rich:
        sight(rls, viewer, tenant=ACME)
        sight(rls, rich, tenant=OTHERS)
        before = seen(viewer)
        name = viewer.name
        for statement in (
            f"select jobferry.grant_sight('{name}'::regrole, by_setting := true)",
            f"insert into jobferry.sights (role, by_setting) values ('{name}'::regrole, true)",
            "select * from jobferry.sights",
            "select jobferry.disable_tenant_rls()",
            "alter table background_jobs disable row level security",
            f"set role {rich.name}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                viewer.do(statement)
        asked = "select jobferry.tenants_in_sight(%s)"
        assert viewer.value(asked, rich.name) is None
        assert viewer.value(asked, name) == [ACME]
        assert seen(viewer) == before
        viewer.do("set row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            viewer.rows("select * from background_jobs")


def test_who_may_insert_inserts_into_his_own_tenant(rls: Database) -> None:
    with login(rls, "application") as application:
        name = application.name
        rls.do(f"grant insert, update, delete on background_jobs to {name}")
        sight(rls, application, tenant=ACME)
        theirs = rls.insert(database_id=OTHERS)
        mine = application.insert(database_id=ACME)
        assert set(rls.queue()) == {mine, theirs}
        for tenant in (OTHERS, None):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.insert(database_id=tenant)
        moved = "update background_jobs set database_id = %s"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.do(moved, OTHERS)
        assert application.cancel(theirs) == 0
        assert application.cancel(mine) == 1
        assert application.do("delete from background_jobs") == 1
    assert rls.status(theirs) == "queued"
    rls.assert_sound()


def test_a_role_of_an_application_s_own_sees_nothing_until_it_has_a_policy(rls: Database) -> None:
    some_jobs(rls)
    with login(rls, "reporting") as reporting:
        name = reporting.name
        rls.do(f"revoke jobferry_viewer from {name}")
        rls.do(f"grant usage on schema public to {name}; grant select on background_jobs to {name}")
        assert reporting.rows("select * from background_jobs") == []


def test_the_security_page_s_statements_work(db: Database) -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    jobs = some_jobs(db)
    tenant, prefix = re.findall(r"=> '([^']+)'", statements)
    db.do("update background_jobs set database_id = %s where id = %s", tenant, jobs["nobody"])
    # Roles are the whole cluster's, so they must not outlive the test.
    with db.connection.transaction(force_rollback=True):
        for statement in filter(str.strip, statements.split(";")):
            db.connection.execute(statement.encode())
        db.do("set local session authorization acme_audit")
        assert seen(db) == {jobs["nobody"], jobs["acme/anna"], jobs["acme/bert"]}
    assert prefix == "acme/"


# -- who listens


def test_whoever_listens_hears_no_payload(rls: Database, ear: Ear) -> None:
    plain = rls.insert(payload=json.dumps({"secret": 1}), submitted_by="anna")
    rls.submit(spec := Spec(payload='{"secret": 2}'))
    said = {"payload_omitted": True}
    assert ear.rows() == [{"id": str(plain)} | said, {"id": str(spec.id)} | said]
    rls.do("select jobferry.disable_tenant_rls()")
    rls.insert(payload=json.dumps({"open": 1}))
    (row,) = ear.rows()
    assert row["payload"] == {"open": 1}


# -- the parts


def test_every_part_that_has_rights_on_the_tables_has_its_policy(rls: Database) -> None:
    """From the catalogue: who is granted something tomorrow must not lose it by this."""
    granted = rls.rows(
        "select distinct c.oid::regclass::text as table, pg_get_userbyid(x.grantee) as role"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid,"
        " lateral (select * from aclexplode(c.relacl) union all select * from aclexplode(a.attacl)) x"
        " where c.relname in ('background_jobs', 'background_job_events') and x.grantee <> c.relowner"
    )
    covered = rls.rows(
        "select distinct tablename as table, unnest(roles) as role from pg_policies"
        " where policyname like 'jobferry%%'"
    )
    assert {(row["table"], row["role"]) for row in granted} <= {
        (row["table"], row["role"]) for row in covered
    }


@pytest.mark.parametrize("role", ["jobferry_gateway", "jobferry_processor", "jobferry_auditor"])
def test_the_parts_pay_nothing_for_it(db: Database, role: LiteralString) -> None:
    def plan() -> list[str]:
        with Database(db.dsn, role) as part:
            return part.column(
                "explain (costs off) select * from background_jobs where submitted_by = 'anna'"
            )

    before = plan()
    db.do("select jobferry.enable_tenant_rls()")
    assert plan() == before


def test_jobs_cross_and_come_back_as_before(rls: Database, services: Services) -> None:
    processor = Processor()

    @processor.task("default")
    def default(job: Job) -> Any:
        return {"got": job.payload}

    with services.gateway() as url, device(url, "acme/anna") as wire:
        wire.walk()
        mine, cancelled = job(payload='{"n": 1}'), job(run_at="2090-01-01T00:00:00Z")
        assert wire.deliver(submit(mine), submit(cancelled)) == []
        assert wire.deliver({"op": "cancel", "id": cancelled["id"]}) == []
        with services.processor(processor):
            last: dict[str, str] = {}
            while last.get(mine["id"]) != "completed" or cancelled["id"] not in last:
                last |= {row["id"]: row["status"] for row in wire.rows()}
    assert last == {mine["id"]: "completed", cancelled["id"]: "cancelled"}
    assert rls.job(UUID(mine["id"]))["result"] == {"got": {"n": 1}}
    assert rls.events(UUID(mine["id"])) == ["submitted", "started", "completed"]
    rls.assert_sound()


ADMINISTERING: list[LiteralString] = [
    "select * from jobferry.cancel_jobs(array(select id from background_jobs where job_key = 'c'))",
    "select * from jobferry.complete_jobs(array(select id from background_jobs where job_key = 'd'))",
    "select * from jobferry.remove_job('e')",
]


def test_the_sql_api_does_what_it_did(rls: Database) -> None:
    with Database(rls.dsn, "jobferry_producer") as producer:
        for key in "abcde":
            producer.do("select jobferry.add_job('default', '{}', job_key := %s)", key)
    with Database(rls.dsn, "jobferry_processor") as processor:
        processor.register("p", "default")
        held = processor.take("p", 1)
        assert processor.flush(done=[(held[0], "1")]) == {}
    with Database(rls.dsn, "jobferry_admin") as admin:
        for statement in ADMINISTERING:
            assert len(admin.rows(statement)) == 1
        assert admin.value("select count(*) from background_jobs") == 5
    with Database(rls.dsn, "jobferry_auditor") as auditor:
        assert auditor.value("select count(*) from background_jobs") == 5
        assert auditor.value("select count(*) from background_job_events") >= 10
    rls.assert_sound()


async def test_a_recipe_s_processor_goes_on(rls: Database) -> None:
    mine = rls.insert()
    processor = await connect(rls.dsn, "jobferry_processor")
    await processor.execute(
        "update background_jobs set completed = true, result = '1' where id = $1", mine
    )
    await processor.close()
    assert rls.status(mine) == "completed"
    rls.assert_sound()


# -- on and off


def test_on_twice_is_on_and_off_is_as_before(db: Database) -> None:
    before, policies = dump(db), db.rows("select * from pg_policies")
    for _ in range(2):
        db.do("select jobferry.enable_tenant_rls()")
    on = db.value(
        "select count(*) from pg_class where relrowsecurity and relname like 'background_job%%'"
    )
    assert on == 2
    db.do("select jobferry.disable_tenant_rls()")
    assert dump(db) == before
    assert db.rows("select * from pg_policies") == policies
    db.do("select jobferry.disable_tenant_rls()")


def test_whoever_turns_it_on_by_hand_takes_no_job_from_our_parts(db: Database) -> None:
    """Some advise it for every table: a claim that saw none of its jobs took all of them for gone."""
    db.do("alter table background_jobs enable row level security")
    db.do("alter table background_job_events enable row level security")
    added = db.insert()
    db.register("p", "default")
    with Database(db.dsn, "jobferry_processor") as processor:
        assert [row["id"] for row in processor.claim()] == [added]
    with Database(db.dsn, "jobferry_gateway") as gateway:
        assert gateway.submit(Spec()) == []
    assert db.events(added) == ["submitted", "started"]


def test_only_the_tables_owner_turns_it_on(db: Database) -> None:
    for role in ("jobferry_admin", "jobferry_viewer", "jobferry_gateway"):
        with Database(db.dsn, role) as part:
            for switch in ("enable", "disable"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    part.do(f"select jobferry.{switch}_tenant_rls()")


def test_a_sight_is_of_one_kind(db: Database) -> None:
    both = f"'{new_id()}', 'x'"
    for what in ("null", "null, 'x', true", both, "null, ''", "null, null, false"):
        with pytest.raises(psycopg.errors.CheckViolation):
            db.do(f"select jobferry.grant_sight('jobferry_viewer'::regrole, {what})")
