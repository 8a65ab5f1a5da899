"""Hand-over: a job of a delegated task is in the other queue in the transaction that makes it due work.

Procrastinate's own tables stand for any engine here; what differs between the engines has tests of its own.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Json

from integration.database import DEVICE, Beside, Database, Ear, Row, Spec
from integration.engines import (
    delegate,
    findings,
    handed_over,
)
from jobferry_server import Job, Processor
from jobferry_shared.ids import new_id
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def dsn(server: TestServer, queues_template: str) -> Iterator[str]:
    """A database with both queues, of the test's own."""
    with server.database(copy=queues_template) as dsn:
        yield dsn


@pytest.fixture
def away(db: Database) -> Database:
    """The database, with task ``away`` delegated to Procrastinate."""
    delegate(db, "away", "procrastinate", queue="q", foreign_task="there")
    return db


def there(db: Database) -> dict[UUID, Row]:
    """Procrastinate's jobs by ours."""
    rows = db.rows("select * from procrastinate_jobs order by id")
    return {UUID(row["args"]["jobferry_job_id"]): row for row in rows}


def by_submit(db: Database) -> UUID:
    spec = Spec(task="away", payload='{"n": 1}')
    db.submit(spec)
    return spec.id


def by_insert(db: Database) -> UUID:
    return db.insert(task="away", payload=Json({"n": 1}), submitted_by="anna", client_id=DEVICE)


def by_replica(db: Database) -> UUID:
    db.do("set session_replication_role = replica")
    try:
        return by_insert(db)
    finally:
        db.do("set session_replication_role = origin")


def by_update(db: Database) -> UUID:
    job = db.insert(task="here", payload=Json({"n": 1}), submitted_by="anna")
    db.do("update background_jobs set task = 'away' where id = %s", job)
    db.do("select jobferry.hand_over(array[%s])", job)
    return job


def by_add_job(db: Database) -> UUID:
    known = db.value(
        "select count(*) from pg_proc"
        " where proname = 'add_job' and pronamespace = 'jobferry'::regnamespace"
    )
    if not known:
        pytest.skip("this schema has no add_job")
    job: UUID = db.value("select id from jobferry.add_job('away', '{\"n\": 1}'::json)")
    return job


WAYS = [by_submit, by_insert, by_replica, by_update, by_add_job]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_into_the_queue_leads_there(away: Database, way: Callable[..., UUID]) -> None:
    job = way(away)
    row = there(away)[job]
    assert row["args"] == {"jobferry_job_id": str(job), "payload": {"n": 1}}
    assert (row["queue_name"], row["task_name"], row["status"]) == ("q", "there", "todo")
    assert away.queue()[job]["locked_by"] == "delegate procrastinate"
    assert handed_over(away)[job]["foreign_id"] == str(row["id"])
    assert away.status(job) == "queued"
    assert away.events(job) == ["submitted", "handed_over"]
    away.assert_sound()


@pytest.mark.parametrize("way", [by_submit, by_insert])
def test_it_is_one_transaction(away: Database, way: Callable[..., UUID], other: Database) -> None:
    with away.together():
        way(away)
        assert len(there(away)) == 1
        assert there(other) == {}
        away.connection.execute("savepoint s")
        way(away)
        away.connection.execute("rollback to s")
    assert len(there(other)) == 1
    assert len(handed_over(other)) == 1


def test_what_the_engine_has_words_for_is_translated(away: Database) -> None:
    soon, later = (
        Spec(task="away", priority=-5, queue_name="n", job_key="k"),
        Spec(task="away", run_at=LATER, job_key="k", owner="bert"),
    )
    away.submit(soon, later)
    rows = there(away)
    assert (rows[soon.id]["priority"], rows[soon.id]["lock"]) == (5, "n")
    assert rows[soon.id]["scheduled_at"] is None
    assert rows[later.id]["scheduled_at"] == LATER
    assert away.status(later.id) == "scheduled"


@pytest.mark.parametrize("engine", ["procrastinate", "pgqueuer"])
def test_the_first_of_all_priorities_goes_too(db: Database, engine: str) -> None:
    """Negated it is one more than a smallint has."""
    delegate(db, "away", engine)
    first = Spec(task="away", priority=-32768)
    db.submit(first)
    assert set(handed_over(db)) == {first.id}


def test_in_the_order_in_which_they_were_submitted(away: Database) -> None:
    specs = [Spec(task="away") for _ in range(100)]
    away.submit(*specs)
    assert list(there(away)) == [spec.id for spec in specs]


def test_the_engine_s_own_doorbell_rings(away: Database) -> None:
    with psycopg.connect(away.dsn, autocommit=True) as ear:
        ear.execute('listen "procrastinate_queue_v1#q"')
        by_submit(away)
        assert [one.channel for one in ear.notifies(timeout=10, stop_after=1)]


def test_no_processor_takes_it(away: Database, ear: Ear) -> None:
    away.register("p", "away", "here")
    job = by_submit(away)
    here = Spec(task="here")
    away.submit(here)
    assert [row["id"] for row in away.claim(tasks=["away", "here"])] == [here.id]
    assert away.reap() == 1
    assert away.queue()[job]["locked_by"] == "delegate procrastinate"
    assert away.events(job) == ["submitted", "handed_over"]


def test_other_tasks_stay(away: Database) -> None:
    mine, theirs = Spec(task="here"), Spec(task="away")
    away.submit(mine, theirs, Spec(task="away", cancelled=True))
    assert set(there(away)) == {theirs.id}
    assert away.queue()[mine.id]["locked_by"] is None
    away.assert_sound()


# -- registering


def insert_triggers(db: Database) -> list[str]:
    return db.column(
        "select tgname from pg_trigger where tgrelid = 'jobferry.queue'::regclass"
        " and tgtype & 4 <> 0 and not tgisinternal"
    )


def test_whoever_delegates_nothing_pays_nothing(db: Database) -> None:
    assert insert_triggers(db) == []
    delegate(db, "a", "procrastinate")
    delegate(db, "b", "procrastinate")
    assert insert_triggers(db) == ["hand_over_trigger"]
    assert db.value("select jobferry.undelegate('a')") is True
    assert insert_triggers(db) == ["hand_over_trigger"]
    assert db.value("select jobferry.undelegate('b')") is True
    assert insert_triggers(db) == []
    assert db.value("select jobferry.undelegate('b')") is False


def test_what_waits_goes_at_once_and_what_runs_stays(db: Database) -> None:
    running, waiting, another = Spec(task="away"), Spec(task="away"), Spec(task="here")
    db.register("p", "away")
    db.submit(running)
    db.claim(tasks=["away"])
    db.submit(waiting, another)
    delegate(db, "away", "procrastinate")
    assert set(there(db)) == {waiting.id}
    assert db.queue()[running.id]["locked_by"] == "p"
    db.assert_sound()


def test_a_submit_under_way_while_the_task_is_delegated_goes_too(
    db: Database, other: Database
) -> None:
    spec = Spec(task="away")
    delegate(db, "another", "procrastinate")
    with other.together():
        other.submit(spec)
        registering = Beside(lambda: delegate(db, "away", "procrastinate"))
        other.wait_until_blocked(db.pid)
    registering.result()
    assert set(there(db)) == {spec.id}


def test_undelegate_brings_back_what_has_not_begun(away: Database) -> None:
    running, waiting = by_submit(away), by_submit(away)
    away.do("update procrastinate_jobs set status = 'doing' where queueing_lock = %s", str(running))
    attempt = away.value("select attempt from jobferry.delegated_started(%s)", running)
    assert away.value("select jobferry.undelegate('away')") is True
    assert there(away)[waiting]["status"] == "cancelled"
    doing = there(away)[running]
    assert (doing["status"], doing["abort_requested"]) == ("doing", False)
    assert away.queue()[waiting]["locked_by"] is None
    assert away.events(waiting) == ["submitted", "handed_over", "taken_back"]
    away.register("p", "away")
    assert [row["id"] for row in away.claim(tasks=["away"])] == [waiting]
    assert away.value("select jobferry.delegated_completed(%s, %s)", running, attempt) is True
    away.assert_sound()


def test_registering_again_says_where_the_next_go(away: Database) -> None:
    first = by_submit(away)
    delegate(away, "away", "pgqueuer")
    second = by_submit(away)
    engines = {job: row["engine"] for job, row in handed_over(away).items()}
    assert engines == {first: "procrastinate", second: "pgqueuer"}


REFUSALS: list[tuple[str, dict[str, str], str, str]] = [
    ("select", {"engine": "celery"}, "JF060", "no engine celery"),
    ("select", {"schema": "nowhere"}, "JF061", "procrastinate_jobs"),
    (
        "alter table procrastinate_jobs drop column abort_requested cascade",
        {},
        "JF061",
        "procrastinate_jobs.abort_requested is missing",
    ),
    (
        "alter table procrastinate_jobs add column tenant text not null",
        {},
        "JF061",
        "a version that this Jobferry does not know: procrastinate_jobs.tenant",
    ),
]


@pytest.mark.parametrize(("before", "where", "code", "words"), REFUSALS)
def test_registering_says_what_is_wrong(
    db: Database, before: Any, where: dict[str, str], code: str, words: str
) -> None:
    db.do(before)
    with pytest.raises(psycopg.Error, match=words) as no:
        delegate(db, "away", where.pop("engine", "procrastinate"), **where)
    assert no.value.sqlstate == code
    assert no.value.diag.message_hint
    assert db.rows("select * from jobferry.delegates") == []
    assert insert_triggers(db) == []


# -- changes and cancels


def test_a_change_of_a_waiting_job_holds_there_too(away: Database) -> None:
    job = by_submit(away)
    away.do(
        "update background_jobs set run_at = %s, priority = 7, payload = '{\"n\": 2}' where id = %s",
        LATER,
        job,
    )
    rows = away.rows("select * from procrastinate_jobs order by id")
    assert [row["status"] for row in rows] == ["cancelled", "todo"]
    assert (rows[1]["scheduled_at"], rows[1]["priority"]) == (LATER, -7)
    assert rows[1]["args"]["payload"] == {"n": 2}
    assert handed_over(away)[job]["foreign_id"] == str(rows[1]["id"])
    assert away.queue()[job]["run_at"] == LATER
    away.assert_sound()


def cancel_by_device(db: Database, job: UUID) -> None:
    assert db.cancel_batch(job) == []


def cancel_by_update(db: Database, job: UUID) -> None:
    assert db.cancel(job) == 1


def remove(db: Database, job: UUID) -> None:
    db.do("delete from background_jobs where id = %s", job)


ENDS = [cancel_by_device, cancel_by_update, remove]


@pytest.mark.parametrize("end", ENDS)
def test_a_cancel_reaches_what_has_not_begun_in_the_same_transaction(
    away: Database, other: Database, end: Callable[[Database, UUID], None]
) -> None:
    job = by_submit(away)
    with away.together():
        end(away, job)
        assert there(away)[job]["status"] == "cancelled"
        assert there(other)[job]["status"] == "todo"
    assert there(other)[job]["status"] == "cancelled"
    assert away.queue() == {}
    assert handed_over(away) == {}
    away.assert_sound()


@pytest.mark.parametrize("end", ENDS)
def test_a_cancel_tells_the_worker_of_what_runs(
    away: Database, end: Callable[[Database, UUID], None]
) -> None:
    job = by_submit(away)
    away.do("update procrastinate_jobs set status = 'doing'")
    attempt = away.value("select attempt from jobferry.delegated_started(%s)", job)
    end(away, job)
    assert there(away)[job]["abort_requested"] is True
    assert away.value("select jobferry.delegated_progress(%s, %s, 0.5)", job, attempt) is False


def test_a_cancel_waits_for_nobody(away: Database, other: Database) -> None:
    job = by_submit(away)
    warnings: list[object] = []
    away.connection.add_notice_handler(warnings.append)
    with other.together():
        other.do("select from procrastinate_jobs for update")
        cancel_by_device(away, job)
    # It would have given up after a second, and said so.
    assert warnings == []
    assert away.status(job) == "cancelled"
    # The worker that had it in hand is told when it begins.
    assert away.rows("select * from jobferry.delegated_started(%s)", job) == []


def test_a_cancel_works_though_the_engine_is_gone(away: Database) -> None:
    job = by_submit(away)
    away.do("drop table procrastinate_jobs cascade")
    cancel_by_device(away, job)
    assert away.status(job) == "cancelled"
    away.assert_sound()


# -- trouble


def left(db: Database) -> dict[UUID, str]:
    return {row["job_id"]: row["code"] for row in db.rows("select * from jobferry.left_behind")}


def test_an_engine_in_trouble_fails_nobody_s_submit(away: Database) -> None:
    delegate(away, "fine", "pgqueuer")
    away.do("alter table procrastinate_jobs rename to elsewhere")
    stuck, fine, mine = Spec(task="away"), Spec(task="fine"), Spec(task="here")
    assert away.submit(stuck, fine, mine) == []
    assert set(handed_over(away)) == {fine.id}
    assert left(away) == {stuck.id: "42P01"}
    assert findings(away) == {stuck.id: "left"}
    assert away.events(stuck.id) == ["submitted", "left_behind"]
    assert away.status(stuck.id) == "queued"
    assert away.queue()[stuck.id]["locked_by"] is None
    away.assert_sound()

    assert away.value("select jobferry.hand_over_left()") == 0
    assert away.events(stuck.id) == ["submitted", "left_behind"]
    away.do("alter table elsewhere rename to procrastinate_jobs")
    assert away.value("select jobferry.hand_over_left()") == 1
    assert set(there(away)) == {stuck.id}
    assert left(away) == {}
    assert findings(away) == {}
    assert away.events(stuck.id) == ["submitted", "left_behind", "handed_over"]


def test_one_that_the_engine_refuses_does_not_hold_up_the_others(away: Database) -> None:
    specs = [Spec(task="away") for _ in range(20)]
    poison = specs[13]
    away.do(
        "insert into procrastinate_jobs (queue_name, task_name, queueing_lock) values ('q', 'x', %s)",
        str(poison.id),
    )
    assert away.submit(*specs) == []
    assert left(away) == {poison.id: "23505"}
    assert set(handed_over(away)) == {spec.id for spec in specs} - {poison.id}
    away.do("delete from procrastinate_jobs where task_name = 'x'")
    assert away.value("select jobferry.hand_over_left()") == 1
    away.assert_sound()


def test_a_locked_table_holds_up_nobody_for_long(away: Database, other: Database) -> None:
    specs = [Spec(task="away") for _ in range(30)]
    sent = [by_submit(away) for _ in range(20)]
    away.do("set lock_timeout = '20s'")
    away.do("set statement_timeout = '10s'")
    with other.together():
        other.do("lock table procrastinate_jobs in access exclusive mode")
        assert away.submit(*specs) == []
        assert left(other) == {spec.id: "55P03" for spec in specs}
        assert away.cancel_batch(*sent) == []
    assert {away.status(job) for job in sent} == {"cancelled"}
    assert away.value("select jobferry.hand_over_left(10)") == 10
    assert len(left(away)) == 20
    assert away.value("select current_setting('lock_timeout')") == "20s"


def test_nor_do_many_tasks_of_an_engine_that_is_locked(db: Database, other: Database) -> None:
    """A second for each was more than a statement of the gateway's may take, again and again."""
    specs = [Spec(task=f"away {n}") for n in range(8)]
    for spec in specs:
        delegate(db, spec.task, "procrastinate")
    db.do("set statement_timeout = '6s'")
    with other.together():
        other.do("lock table procrastinate_jobs in access exclusive mode")
        assert db.submit(*specs) == []
        assert left(other) == {spec.id: "55P03" for spec in specs}
    assert db.value("select jobferry.hand_over_left()") == 8


def test_what_a_processor_of_ours_took_meanwhile_is_forgotten(away: Database) -> None:
    away.do("alter table procrastinate_jobs rename to elsewhere")
    taken, cancelled = by_submit(away), by_submit(away)
    away.register("p", "away")
    away.cancel(cancelled)
    assert [row["id"] for row in away.claim(tasks=["away"])] == [taken]
    assert findings(away) == {}
    assert away.value("select jobferry.hand_over_left()") == 0
    assert left(away) == {}


def test_a_processor_tries_again_by_itself(away: Database, services: Services) -> None:
    away.do("alter table procrastinate_jobs rename to elsewhere")
    job = by_submit(away)
    processor = Processor()

    @processor.task("here")
    def here(job: Job) -> None: ...

    with services.processor(processor, lease_seconds=1.0):
        away.do("alter table elsewhere rename to procrastinate_jobs")
        eventually(lambda: job in there(away))
    assert left(away) == {}


def test_jobs_that_the_engine_lost_or_ended_are_found_and_brought_back(away: Database) -> None:
    vanished, ended, fine = by_submit(away), by_submit(away), by_submit(away)
    away.value("select attempt from jobferry.delegated_started(%s)", ended)
    away.do("delete from procrastinate_jobs where queueing_lock = %s", str(vanished))
    away.do("update procrastinate_jobs set status = 'failed' where queueing_lock = %s", str(ended))
    assert findings(away) == {vanished: "vanished", ended: "ended"}
    assert away.value("select jobferry.take_back(%s)", [vanished, ended, new_id()]) == 2
    assert findings(away) == {}
    assert away.status(ended) == "retrying"
    assert away.job(ended)["error"]["code"] == "processor_lost"
    assert away.value("select jobferry.hand_over(%s)", [vanished, ended]) == 2
    assert set(handed_over(away)) == {vanished, ended, fine}
    assert away.value("select attempt from jobferry.delegated_started(%s)", ended) == 2
    away.assert_sound()


def test_a_lost_job_without_attempts_left_has_failed(away: Database) -> None:
    spec = Spec(task="away", max_attempts=1)
    away.submit(spec)
    away.value("select attempt from jobferry.delegated_started(%s)", spec.id)
    away.do("delete from procrastinate_jobs")
    away.value("select jobferry.take_back(%s)", [spec.id])
    assert away.status(spec.id) == "failed"
    away.assert_sound()


def test_another_s_temporary_tables_and_functions_fool_nobody(away: Database) -> None:
    """The search path of the hand-over has the engine's schema and no more before the catalog's end."""
    away.do(
        "create temp table procrastinate_events (job_id bigint, type procrastinate_job_event_type)"
    )
    by_submit(away)
    assert away.value("select count(*) from pg_temp.procrastinate_events") == 0
    assert away.value("select count(*) from public.procrastinate_events") == 1
    assert away.value("show search_path") == '"$user", public'
