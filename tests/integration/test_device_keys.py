"""Job keys and devices: what a device submits with a key, and what it sees of what the server revises."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Json

from integration.database import ANNA, DEVICE, Database, Ear, Spec, held_row
from integration.wire import cancel, device, job, submit
from jobferry_client import JobClient, Status
from jobferry_client.replica import Replica
from support.facts import Ledger, differences, keep_a_diary, steps_back
from support.processes import eventually
from support.services import Services, token

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


def keyed(**more: Any) -> Spec:
    return Spec(job_key="k", **more)


def heirs(db: Database, *specs: Spec) -> list[str | None]:
    """By which job each was replaced, as the audit log has it."""
    return [
        db.value(
            "select max(detail ->> 'replaced_by') from background_job_events where job_id = %s",
            spec.id,
        )
        for spec in specs
    ]


# -- a device's keyed submit


def test_the_waiting_job_with_the_key_is_cancelled_and_says_by_which(
    db: Database, ear: Ear
) -> None:
    first, second = keyed(), keyed(payload='{"n": 2}')
    assert db.submit(first) == []
    ear.heard()
    assert db.submit(second) == []
    assert [db.status(spec.id) for spec in (first, second)] == ["cancelled", "queued"]
    assert db.events(first.id) == ["submitted", "cancelled"]
    assert heirs(db, first, second) == [str(second.id), None]
    actors = db.column("select distinct actor from background_job_events")
    assert actors == [f"device {DEVICE}"]
    assert ("jobferry_changes", ANNA) in ear.heard()
    db.assert_sound()


def test_a_running_job_loses_its_key_and_is_not_tried_again(db: Database) -> None:
    first, second = keyed(), keyed()
    db.register("p", "default")
    db.submit(first)
    (held,) = db.take()
    assert db.submit(second) == []
    assert db.job(first.id)["job_key"] is None
    assert heirs(db, first) == [str(second.id)]
    db.flush(failed=[(held, {"delay": "0 seconds"})])
    assert [db.status(spec.id) for spec in (first, second)] == ["failed", "queued"]
    db.assert_sound()


@pytest.mark.parametrize("tried", [True, False])
def test_a_finished_job_stands(db: Database, tried: bool) -> None:
    first, second = keyed(), keyed()
    db.register("p", "default")
    db.submit(first)
    if tried:
        db.flush(failed=[(one, {"final": True}) for one in db.take()])
    else:
        db.cancel(first.id)
    before = db.job(first.id)
    assert db.submit(second) == []
    # A failed one gives up its key, so that it does not answer to it later.
    assert db.job(first.id) == before | {"job_key": None if tried else "k"}
    db.assert_sound()


def test_of_several_at_once_the_last_has_the_key(db: Database) -> None:
    specs = [keyed(payload=str(n)) for n in range(4)]
    other = Spec(job_key="another")
    assert db.submit(specs[0], other) == []
    assert db.submit(*specs[1:], Spec()) == []
    assert [db.status(spec.id) for spec in specs] == [*["cancelled"] * 3, "queued"]
    assert heirs(db, *specs) == [*[str(specs[3].id)] * 3, None]
    assert [db.events(spec.id) for spec in specs[:3]] == [["submitted", "cancelled"]] * 3
    assert db.status(other.id) == "queued"
    assert len(db.queue()) == 3
    db.assert_sound()


def test_resending_in_any_order_changes_nothing(db: Database, ear: Ear) -> None:
    specs = [keyed(payload=str(n)) for n in range(3)]
    db.submit(specs[0])
    db.submit(*specs[1:])
    # The first time again its device is told when each was received.
    db.submit(*specs)
    before = db.rows("select * from background_jobs order by id")
    ear.heard()
    for again in (specs, specs[::-1], specs[:1], [specs[0], specs[0]]):
        assert db.submit(*again) == []
    assert db.rows("select * from background_jobs order by id") == before
    assert ear.heard() == []


def test_the_same_id_twice_at_once_is_one_job(db: Database) -> None:
    spec = keyed()
    assert db.submit(spec, spec) == []
    assert db.status(spec.id) == "queued"
    assert db.events(spec.id) == ["submitted"]


def test_a_job_that_comes_in_cancelled_takes_nobody_s_key(db: Database) -> None:
    first, second = keyed(), keyed(cancelled=True)
    db.submit(first)
    assert db.submit(second) == []
    assert [db.status(spec.id) for spec in (first, second)] == ["queued", "cancelled"]


def test_owners_do_not_meet(db: Database) -> None:
    anna, bert = keyed(), keyed(owner="bert")
    server = db.add(job_key="k")["id"]
    assert db.submit(anna, bert) == []
    assert {db.status(one) for one in (anna.id, bert.id, server)} == {"queued"}


def test_the_server_s_job_of_that_owner_makes_way_too(db: Database) -> None:
    server = db.add(job_key="k", owner=ANNA)["id"]
    spec = keyed()
    assert db.submit(spec) == []
    assert db.status(server) == "cancelled"
    assert db.status(spec.id) == "queued"


def test_a_key_that_somebody_is_at_work_on_holds_up_nobody_else(
    db: Database, other: Database
) -> None:
    first, mine, free = keyed(), keyed(), Spec()
    db.submit(first)
    for hold in (lambda: other.add(job_key="k", owner=ANNA), lambda: other.cancel(first.id)):
        with other.together():
            hold()
            assert db.submit(mine, free) == [(1, "busy")]
        assert db.status(free.id) == "queued"
    assert db.submit(mine) == []
    assert db.status(mine.id) == "queued"
    db.assert_sound()


def test_a_key_that_is_being_taken_is_not_waited_for(db: Database, other: Database) -> None:
    mine, free = keyed(), Spec()
    with other.together():
        taker = other.add(job_key="k", owner=ANNA)["id"]
        assert db.submit(mine, free) == [(1, "busy")]
    assert db.submit(mine) == []
    assert [db.status(one) for one in (taker, mine.id)] == ["cancelled", "queued"]
    db.assert_sound()


def test_a_queue_row_in_somebody_s_hands_is_not_waited_for_either(
    db: Database, other: Database
) -> None:
    first, mine = keyed(), keyed()
    db.submit(first)
    db.register("p", "default")
    with other.together():
        (held,) = other.take()
        assert db.submit(mine) == [(1, "busy")]
    assert db.submit(mine) == []
    assert db.status(held.id) == "running"
    assert heirs(db, first) == [str(mine.id)]


def test_a_plain_insert_that_takes_the_key_meanwhile_makes_way_the_next_time(
    db: Database,
) -> None:
    """The key is free when we look and taken when we insert."""
    db.do(
        "create function public.rival() returns trigger language plpgsql as $$ begin"
        " if NEW.submitted_by = 'anna' and NEW.task = 'mine' and not exists"
        " (select from public.background_jobs where task = 'rival') then"
        " insert into public.background_jobs (id, payload, submitted_by, job_key, task)"
        " values (gen_random_uuid(), '{}', 'anna', 'k', 'rival'); end if; return NEW; end $$"
    )
    db.do(
        "create trigger a_rival before insert on background_jobs"
        " for each row execute function public.rival()"
    )
    mine = keyed(task="mine")
    assert db.submit(mine) == [(1, "busy")]
    assert db.submit(mine) == []
    assert db.status(mine.id) == "queued"
    assert db.column("select status from background_jobs where task = 'rival'") == ["cancelled"]


# -- through the gateway


@pytest.mark.parametrize("later", [False, True])
def test_a_held_up_submit_waits_with_all_its_device_said_after_it(
    db: Database, services: Services, later: bool
) -> None:
    db.submit(first := keyed())
    mine, after = job(job_key="k"), job()
    with services.gateway() as url, device(url) as wire, device(url) as bystander:
        with held_row(db.dsn, first.id):
            wire.push(submit(mine))
            if later:
                assert bystander.deliver(submit(job())) == []
            wire.push(submit(after), cancel(mine))
            # Two round trips of somebody else: his jobs do not wait.
            assert bystander.deliver(submit(job())) == []
            assert bystander.deliver(submit(job())) == []
            assert db.value("select count(*) from background_jobs where id = %s", mine["id"]) == 0
        answers = 0
        while answers < 2:
            answer = wire.expect("pushed")
            assert answer["rejected"] == []
            answers = answer["through"]
    assert [db.status(UUID(spec["id"])) for spec in (mine, after)] == ["cancelled", "queued"]
    assert db.status(first.id) == "cancelled"
    assert heirs(db, first) == [mine["id"]]
    db.assert_sound()


def test_keys_submitted_offline_arrive_and_the_last_is_done(
    db: Database, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "till.db"
    with services.gateway() as url, JobClient(path, url, token(ANNA)) as client:
        client.disconnect()
        jobs = [client.submit("sync", {"n": n}, job_key="sync") for n in range(3)]
        client.connect()
        client.sync(timeout=10)
        eventually(lambda: client.get(jobs[0].id).status is Status.CANCELLED)
        statuses = [client.get(one.id).status for one in jobs]
    assert statuses == [Status.CANCELLED, Status.CANCELLED, Status.QUEUED]
    db.assert_sound()


# -- what the server revises reaches the device


def test_a_replaced_job_shows_its_new_payload_on_the_device(
    db: Database, services: Services, tmp_path: Path
) -> None:
    path, another = tmp_path / "till.db", tmp_path / "phone.db"
    keep = Ledger(db.dsn)
    with (
        services.gateway() as url,
        JobClient(path, url, token(ANNA)) as till,
        JobClient(another, url, token(ANNA)) as phone,
    ):
        mine = till.submit("sync", {"n": 1}, job_key="sync")
        till.sync(timeout=10)
        servers = db.add("report", owner=ANNA, job_key="r", payload=Json({"n": 1}))["id"]
        for client in (till, phone):
            eventually(lambda c=client: {job.id for job in c.jobs()} == {mine.id, servers})  # type: ignore[misc]
        for identifier, key in (("sync", "sync"), ("report2", "r")):
            db.add(
                identifier,
                owner=ANNA,
                job_key=key,
                payload=Json({"n": 2}),
                max_attempts=3,
                priority=4,
            )
        for client in (till, phone):
            eventually(lambda c=client: all(job.payload == {"n": 2} for job in c.jobs()))  # type: ignore[misc]
            shown = client.get(servers)
            assert (shown.task, shown.max_attempts, shown.priority) == ("report2", 3, 4)
            assert client.get(mine.id).client_id == mine_id(path)
        assert differences(path, keep) == differences(another, keep) == []


def mine_id(path: Path) -> UUID:
    with closing(Replica(path)) as replica:
        return UUID(replica.identity().client_id)


def test_what_a_foreign_update_revises_travels_too(
    db: Database, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "till.db"
    with services.gateway() as url, JobClient(path, url, token(ANNA)) as till:
        mine = till.submit("sync", {"n": 1})
        till.sync(timeout=10)
        db.do(
            "update background_jobs set payload = '{\"n\": 2}', priority = 7 where id = %s", mine.id
        )
        eventually(lambda: till.get(mine.id).payload == {"n": 2})
        assert till.get(mine.id).priority == 7


def test_a_device_that_missed_its_answer_is_acknowledged_and_told(
    db: Database, services: Services, tmp_path: Path
) -> None:
    """The job was replaced between the first time it was sent and the second."""
    path = tmp_path / "till.db"
    with JobClient(path) as offline:
        mine = offline.submit("sync", {"n": 1}, job_key="sync")
    # The first time: the ledger has it, the device does not know.
    first = Spec(
        id=mine.id, client_id=mine_id(path), task="sync", payload='{"n": 1}', job_key="sync"
    )
    assert db.submit(first) == []
    db.add("sync", owner=ANNA, job_key="sync", payload=Json({"n": 2}))
    with services.gateway() as url, JobClient(path, url, token(ANNA)) as till:
        till.sync(timeout=10)
        eventually(lambda: till.get(mine.id).payload == {"n": 2})
        assert till.get(mine.id).status is Status.QUEUED
        assert till.status().rejected == 0
    assert db.value("select count(*) from background_jobs") == 1


def test_another_job_under_the_id_of_a_replaced_one_is_still_refused(db: Database) -> None:
    spec = keyed()
    db.submit(spec)
    db.add(owner=ANNA, job_key="k", payload=Json({"n": 2}))
    assert db.submit(spec) == []
    another = replace(spec, client_id=uuid4(), payload='{"n": 3}')
    assert db.submit(another) == [(1, "content_differs")]


def test_a_revival_is_seen_on_the_device_and_in_the_audit_log(
    db: Database, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "till.db"
    db.register("p", "sync")
    with services.gateway() as url, JobClient(path, url, token(ANNA)) as till:
        mine = till.submit("sync", {"n": 1}, max_attempts=1)
        till.sync(timeout=10)
        keep_a_diary(path)
        (row,) = db.claim(tasks=["sync"])
        db.do("update background_jobs set status = 'failed' where id = %s", row["id"])
        assert till.wait(mine.id, timeout=10).status is Status.FAILED
        db.rows("select from jobferry.reschedule_jobs(%s::uuid[], max_attempts := 5)", [mine.id])
        eventually(lambda: till.get(mine.id).status is Status.QUEUED)
        assert (till.get(mine.id).max_attempts, till.get(mine.id).finished_at) == (5, None)
        # The one step back that there is: into a new life.
        assert ("failed", "queued") in steps_back(path)
        assert db.events(mine.id)[-2:] == ["failed", "revived"]
        assert differences(path, Ledger(db.dsn)) == []


def test_a_device_that_had_dropped_a_failed_job_gets_it_back_with_its_revival(
    db: Database, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "till.db"
    with services.gateway() as url, JobClient(path, url, token(ANNA)) as till:
        mine, other = till.submit("sync", {"n": 1}), till.submit("sync", {"n": 2})
        till.sync(timeout=10)
        for one in (mine, other):
            db.do("update background_jobs set status = 'failed' where id = %s", one.id)
            till.wait(one.id, timeout=10)
        drop(path, mine.id)
        drop(path, other.id)
        db.rows("select from jobferry.reschedule_jobs(%s::uuid[])", [mine.id])
        eventually(lambda: [job.id for job in till.jobs()] == [mine.id])
        assert till.get(mine.id).payload == {"n": 1}


def drop(path: Path, job: UUID) -> None:
    with closing(Replica(path)) as replica, replica._database.conn as connection:
        connection.execute("DELETE FROM background_jobs WHERE id = ?", (str(job),))
