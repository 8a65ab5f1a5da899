"""Graphile Worker and pg-boss run delegated tasks by the page's JavaScript."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from integration.database import Database, Row, Spec
from integration.engines import delegate, example, findings, handed_over
from jobferry_client import JobClient
from support.node import Node, NodeMissing
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services, token

INSTALL = Path(__file__).parent / "node" / "install.mjs"
LATER = datetime.now(UTC) + timedelta(days=1)

GRAPHILE, PG_BOSS = "graphile-worker", "pg-boss"
ENGINES = [GRAPHILE, PG_BOSS]

JOBS: dict[str, LiteralString] = {
    GRAPHILE: (
        "select p.*, q.queue_name from graphile_worker._private_jobs p"
        " left join graphile_worker._private_job_queues q on q.id = p.job_queue_id"
    ),
    PG_BOSS: "select * from pgboss.job",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node and both packages, the page's JavaScript and ours."""
    found = Node(tmp_path_factory.mktemp("node"))
    for name in ("jobferry.mjs", "graphile-worker.mjs", "pg-boss.mjs"):
        (found.folder / name).write_text(example(name), encoding="utf-8")
    shutil.copy(INSTALL, found.folder)
    try:
        found.install()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    return found


@pytest.fixture(scope="module")
def template(server: TestServer, node: Node) -> Iterator[str]:
    """A database with the tables of both, to be copied."""
    with server.database() as dsn:
        node.run(dsn, "install.mjs")
        yield dsn


@pytest.fixture
def dsn(server: TestServer, template: str) -> Iterator[str]:
    """A database of the test's own."""
    with server.database(copy=template) as dsn:
        yield dsn


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, db: Database) -> str:
    """Each of the two, with task ``shout`` delegated to it."""
    name: str = request.param
    delegate(db, "shout", name)
    return name


def there(db: Database, engine: str) -> dict[UUID, Row]:
    """The engine's jobs by ours."""
    found = {}
    for row in db.rows(JOBS[engine]):
        sent = row["payload"] if engine == GRAPHILE else row["data"]
        found[UUID(sent["jobferry_job_id"])] = row
    return found


def shout(**what: Any) -> Spec:
    return Spec(task="shout", payload='{"text": "hello"}', **what)


def test_what_the_engine_has_words_for_is_translated(db: Database, engine: str) -> None:
    soon = shout(priority=-5, queue_name="n", max_attempts=3, flags="{f}", job_key="k")
    later = shout(run_at=LATER, job_key="k", owner="bert")
    assert db.submit(soon, later) == []
    rows = there(db, engine)
    if engine == GRAPHILE:
        assert rows[soon.id]["priority"] == -5
        assert (rows[soon.id]["max_attempts"], rows[soon.id]["flags"]) == (3, {"f": True})
        assert (rows[soon.id]["queue_name"], rows[later.id]["queue_name"]) == ("n", None)
        assert rows[later.id]["run_at"] == LATER
    else:
        assert rows[soon.id]["priority"] == 5
        assert rows[soon.id]["retry_limit"] == 2
        assert rows[soon.id]["singleton_key"] == "n"
        assert rows[later.id]["start_after"] == LATER
        assert rows[later.id]["keep_until"] > LATER
    assert {id_: row["foreign_id"] for id_, row in handed_over(db).items()} == {
        id_: str(row["id"]) for id_, row in rows.items()
    }
    db.assert_sound()


def test_the_result_comes_back_to_the_device(
    db: Database,
    engine: str,
    node: Node,
    services: Services,
    device_file: Callable[[str], Path],
) -> None:
    path = device_file("till")
    no_text = Spec(task="shout", max_attempts=1)
    twice = Spec(task="shout")
    with (
        node.running(db.dsn, f"{engine}.mjs"),
        services.gateway() as url,
        JobClient(path, url, token()) as client,
    ):
        job = client.submit("shout", {"text": "hello"})
        done = client.wait(job.id, timeout=30)
        db.submit(no_text, twice)
        eventually(lambda: db.status(no_text.id) == "failed")
        eventually(lambda: db.status(twice.id) in ("retrying", "running"))
    assert done.result == {"text": "HELLO"}
    assert (done.attempts, done.progress) == (1, 1.0)
    assert db.job(no_text.id)["error"] == {
        "code": "handler_error",
        "message": "the handler raised TypeError",
    }
    assert db.events(job.id) == ["submitted", "handed_over", "started", "completed"]
    assert db.events(no_text.id)[2:] == ["started", "failed"]
    assert db.events(twice.id)[2:4] == ["started", "retrying"]
    db.assert_sound()


def test_a_cancel_removes_what_has_not_begun(db: Database, engine: str, other: Database) -> None:
    job = shout()
    db.submit(job)
    with db.together():
        db.cancel_batch(job.id)
        assert job.id in there(other, engine)
    rows = there(db, engine)
    if engine == GRAPHILE:
        assert rows == {}
    else:
        assert rows[job.id]["state"] == "cancelled"
    assert handed_over(db) == {}


BEGIN: dict[str, LiteralString] = {
    GRAPHILE: "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w'",
    PG_BOSS: "update pgboss.job set state = 'active', started_on = now()",
}
END: dict[str, LiteralString] = {
    GRAPHILE: "update graphile_worker._private_jobs set attempts = max_attempts, locked_at = null",
    PG_BOSS: "update pgboss.job set state = 'failed', completed_on = now()",
}
LOSE: dict[str, LiteralString] = {
    GRAPHILE: "delete from graphile_worker._private_jobs",
    PG_BOSS: "delete from pgboss.job",
}


def test_a_cancel_leaves_alone_what_runs_and_tells_it(db: Database, engine: str) -> None:
    job = shout()
    db.submit(job)
    db.do(BEGIN[engine])
    before = there(db, engine)
    db.rows("select * from jobferry.delegated_started(%s)", job.id)
    db.cancel_batch(job.id)
    assert there(db, engine) == before
    assert db.value("select jobferry.delegated_progress(%s, 1)", job.id) is False


def test_what_the_engine_ended_or_lost_is_found_and_sent_anew(db: Database, engine: str) -> None:
    job = shout()
    db.submit(job)
    assert findings(db) == {}
    for trouble, finding in ((END, "ended"), (LOSE, "vanished")):
        db.do(trouble[engine])
        assert findings(db) == {job.id: finding}
        assert db.value("select jobferry.take_back(%s)", [job.id]) == 1
        assert db.value("select jobferry.hand_over(%s)", [job.id]) == 1
        assert findings(db) == {}
    db.assert_sound()


def test_pg_boss_takes_nothing_for_a_queue_that_it_has_not(db: Database) -> None:
    delegate(db, "whisper", PG_BOSS)
    spec = Spec(task="whisper")
    with db.together():
        assert db.submit(spec) == []
    assert findings(db) == {spec.id: "left"}
    assert db.value("select code from jobferry.left_behind") == "JF062"
    db.assert_sound()


def test_its_queue_can_not_be_deleted_under_a_submit(db: Database, other: Database) -> None:
    """Its foreign key is checked when we commit: too late to leave the job behind."""
    delegate(db, "shout", PG_BOSS)
    other.do("set lock_timeout = '1s'")
    with db.together():
        db.submit(shout())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.do("delete from pgboss.queue where name = 'shout'")
    assert len(there(db, PG_BOSS)) == 1


def test_row_security_opens_for_our_engine_alone(db: Database) -> None:
    delegate(db, "shout", GRAPHILE)
    delegate(db, "again", GRAPHILE)
    assert db.rows(
        "select distinct policyname::text, roles::text[] from pg_policies where schemaname = 'graphile_worker'"
    ) == [{"policyname": "jobferry_engine", "roles": ["jobferry_engine"]}]
