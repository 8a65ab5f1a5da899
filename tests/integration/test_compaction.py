"""An old snapshot keeps vacuum from the queue: it is compacted instead, and nobody is any the worse."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from integration.database import Beside, Database, Held, Spec
from jobferry_server.database import open_pool

MANY = 2_000
#: Octets of the queue's file.
ENOUGH = 100_000


def compact(db: Database, most_octets: int = ENOUGH) -> bool:
    compacted: bool = db.value("select jobferry.compact_queue(%s)", most_octets)
    return compacted


def size(db: Database) -> int:
    octets: int = db.value("select pg_relation_size('jobferry.queue')")
    return octets


@pytest.fixture
def old(db: Database) -> Iterator[Database]:
    """A transaction that keeps its snapshot, and has not read the queue."""
    with Database(db.dsn) as found, found.together():
        found.do("set transaction isolation level repeatable read")
        found.value("select count(*) from background_jobs")
        yield found


@pytest.fixture
def running(db: Database) -> Held:
    """The queue after many jobs: of all that were, this one runs and another waits."""
    db.register("p", "default")
    db.submit(*(Spec() for _ in range(MANY)))
    first, *others = db.take(most=MANY)
    db.flush(done=[(held, None) for held in others])
    db.submit(Spec())
    return first


def test_the_living_are_kept_and_the_dead_are_gone(
    db: Database, old: Database, running: Held
) -> None:
    before, octets = db.queue(), size(db)
    assert compact(db)
    assert db.queue() == before
    assert len(before) == 2
    assert size(db) < octets / 10


def test_the_running_job_ends_and_the_waiting_one_is_claimed(db: Database, running: Held) -> None:
    assert compact(db)
    assert db.flush(done=[(running, None)], running=[running]) == {running.id: "lost"}
    assert db.status(running.id) == "completed"
    assert len(db.take()) == 1
    db.assert_sound()


def test_a_small_file_is_let_be(db: Database, running: Held) -> None:
    assert not compact(db, 4_000_000)


def test_many_living_are_let_be(db: Database, running: Held) -> None:
    db.submit(*(Spec() for _ in range(MANY)))
    assert not compact(db)
    assert len(db.queue()) == MANY + 2


def test_who_reads_the_queue_is_not_disturbed(db: Database, old: Database, running: Held) -> None:
    seen = old.value("select count(*) from jobferry.queue")
    assert not compact(db)
    assert old.value("select count(*) from jobferry.queue") == seen


def test_who_writes_meanwhile_waits_and_loses_nothing(db: Database, running: Held) -> None:
    with Database(db.dsn) as writer:
        with db.together():
            assert compact(db)
            submit = Beside(lambda: writer.submit(Spec()))
            db.wait_until_blocked(writer.pid)
        submit.result()
    assert len(db.take()) == 2


def test_an_older_snapshot_is_told_to_begin_again(db: Database, running: Held) -> None:
    """Not to change the ledger's half of a job whose other half it can't see."""
    (waiting,) = db.queue().keys() - {running.id}
    with Database(db.dsn) as late:
        late.do("begin isolation level repeatable read")
        late.value("select count(*) from background_jobs")
        assert compact(db)
        with pytest.raises(psycopg.errors.SerializationFailure) as caught:
            late.rows("select * from jobferry.reschedule_jobs(array[%s], priority := -5)", waiting)
    assert caught.value.diag.message_hint == "Repeat the transaction."
    assert db.job(waiting)["priority"] == 0


def test_with_an_older_snapshot_it_is_refused(db: Database, old: Database) -> None:
    """It would see none of the jobs that came since, and truncate them away."""
    db.insert()
    with pytest.raises(psycopg.Error) as refused:
        compact(old, most_octets=0)
    assert refused.value.sqlstate == "JF031"
    db.assert_sound()


async def test_whatever_the_database_s_default_our_parts_see_what_has_just_been_committed(
    db: Database,
) -> None:
    name: Any = db.value("select quote_ident(current_database())")
    db.do(f"alter database {name} set default_transaction_isolation = 'repeatable read'")
    pool = await open_pool(db.dsn, "jobferry_processor", size=1)
    try:
        assert await pool.fetchval("show transaction_isolation") == "read committed"
    finally:
        pool.terminate()
