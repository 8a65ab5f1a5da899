"""Erasing an owner's content: in the ledger, in the audit log, and on every device."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Ear, Spec, held_row
from integration.wire import device, job, submit
from jobferry_client import JobClient, Status
from support.aging import finished
from support.commands import jobferry
from support.facts import local_rows
from support.processes import eventually
from support.services import Services, token

SOON = 20
SECRET = "secret-of-anna"


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A device's file."""
    return device_file("till")


def erase(db: Database, owner: str = "anna") -> dict[str, Any]:
    done = jobferry("erase", "--dsn", db.dsn, "--owner", owner, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert "Out of reach: archives" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def everything(db: Database) -> str:
    """All that the database can still tell."""
    return "\n".join(
        db.column("select to_jsonb(b)::text from background_jobs b")
        + db.column("select to_jsonb(e)::text from background_job_events e")
        + db.column("select to_jsonb(q)::text from jobferry.queue q")
    )


def history(db: Database) -> dict[str, UUID]:
    """Jobs of anna's in every state, each with the secret wherever a text can be."""
    payload = json.dumps({"say": SECRET})
    specs = {
        name: Spec(payload=payload, job_key=f"{SECRET}-{name}")
        for name in ("done", "failed", "retrying", "running", "queued")
    }
    db.submit(*specs.values())
    db.register("p", "default")
    held = {one.id: one for one in db.take()}
    error = {"error": {"code": "x", "message": SECRET}, "detail": json.dumps({"trace": SECRET})}
    db.flush(
        done=[(held[specs["done"].id], json.dumps(SECRET))],
        failed=[
            (held[specs["failed"].id], error | {"final": True}),
            (held[specs["retrying"].id], error),
        ],
        released=[held[specs["queued"].id]],
    )
    return {name: spec.id for name, spec in specs.items()}


def test_nothing_that_the_owner_said_is_left(db: Database) -> None:
    jobs = history(db)
    db.insert(submitted_by="bert", payload=Json({"say": "bert"}), result=Json(1), completed=True)
    assert SECRET in everything(db)
    assert erase(db) == {"owner": "anna", "erased": 5, "cancelled": 3}
    assert SECRET not in everything(db)
    for name, status in {
        "done": "completed",
        "failed": "failed",
        "retrying": "cancelled",
        "running": "cancelled",
        "queued": "cancelled",
    }.items():
        row = db.job(jobs[name])
        assert (row["status"], row["payload"], row["result"]) == (status, {}, None), name
        assert row["error"]["code"] == "erased"
    bert = db.row("select * from background_jobs where submitted_by = 'bert'")
    assert (bert["payload"], bert["result"], bert["error"]) == ({"say": "bert"}, 1, None)


def test_the_audit_log_keeps_what_happened_and_says_who_erased(db: Database) -> None:
    jobs = history(db)
    erase(db)
    assert db.events(jobs["retrying"]) == [
        "submitted",
        "started",
        "retrying",
        "cancelled",
        "erased",
    ]
    assert db.events(jobs["done"]) == ["submitted", "started", "completed", "erased"]
    actors = db.column("select distinct actor from background_job_events where event = 'erased'")
    assert actors == [db.value("select session_user")]


def test_a_processor_that_runs_one_of_them_can_write_nothing_more(db: Database) -> None:
    spec = Spec()
    db.submit(spec)
    db.register("p", "default")
    (held,) = db.take()
    erase(db)
    assert db.flush(running=[held]) == {spec.id: "cancelled"}
    db.flush(done=[(held, json.dumps(SECRET))])
    assert SECRET not in everything(db)
    db.assert_sound()


def test_erasing_twice_is_erasing_once(db: Database) -> None:
    jobs = history(db)
    erase(db)
    version = db.job(jobs["done"])["version"]
    assert erase(db)["erased"] == 0
    assert db.job(jobs["done"])["version"] == version
    assert db.events(jobs["done"]).count("erased") == 1


def test_a_handler_s_own_error_does_not_pass_for_an_erasure(db: Database) -> None:
    db.submit(Spec(payload=json.dumps(SECRET)))
    db.register("p", "default")
    (held,) = db.take()
    mark = db.value("select jobferry.erasure()")
    db.flush(failed=[(held, {"final": True, "error": mark})])
    assert erase(db)["erased"] == 1
    assert SECRET not in everything(db)


def test_it_goes_in_batches(db: Database) -> None:
    finished(db, 7)
    for left in (True, True, False):
        (row,) = db.rows("select * from jobferry.erase_batch('anna', now(), 3)")
        assert row["left_over"] is left


def test_a_row_that_somebody_holds_is_waited_for_and_the_others_are_not(db: Database) -> None:
    held, *others = finished(db, 3)
    with held_row(db.dsn, UUID(held)):
        erasing = Beside(lambda: erase(db))
        eventually(
            lambda: db.value("select count(*) from background_jobs where error is not null") == 2
        )
        assert erasing.is_alive()
    assert erasing.result()["erased"] == 1 + len(others)


def test_it_asks_first(db: Database) -> None:
    (kept,) = finished(db, 1)
    done = jobferry("erase", "--dsn", db.dsn, "--owner", "anna")
    assert done.returncode == 1
    assert db.job(UUID(kept))["error"] is None


def test_the_owners_devices_are_rung_for(db: Database, ear: Ear) -> None:
    finished(db, 2)
    ear.heard()
    erase(db)
    assert ear.heard() == [("jobferry_changes", "anna")]


# -- devices


def test_the_emptied_payload_travels_to_every_device_once(db: Database, url: str) -> None:
    ours = job(payload=json.dumps(SECRET))
    with device(url) as sender, device(url) as reader:
        assert sender.deliver(submit(ours)) == []
        sender.walk()
        reader.walk()
        erase(db)
        for wire in (sender, reader):
            # What it was before may come once more.
            while (row := wire.row())["status"] != "cancelled":
                pass
            assert row["spec"]["payload"] == "{}"
            assert row["error"]["code"] == "erased"
    with device(url, before=sender) as sender:
        assert sender.rows() == []


def test_a_device_that_is_connected_forgets_and_so_does_one_that_was_not(
    db: Database, url: str, device_file: Callable[[str], Path]
) -> None:
    mine, other = device_file("mine"), device_file("other")
    with JobClient(mine, url, token()) as sender, JobClient(other, url, token()) as reader:
        done = sender.submit("t", {"say": SECRET}, job_key=SECRET)
        sender.sync(SOON)
        db.do(
            "update background_jobs set completed = true, result = %s where id = %s",
            Json(SECRET),
            done.id,
        )
        waiting = sender.submit("t", {"say": SECRET})
        sender.sync(SOON)
        for client in (sender, reader):
            eventually(lambda client=client: len(client.jobs()) == 2, every=0.01)  # type: ignore[misc]
        reader.disconnect()
        erase(db)
        eventually(lambda: SECRET not in str(local_rows(mine)), every=0.01)
        assert SECRET in str(local_rows(other))
        reader.connect()
        eventually(lambda: SECRET not in str(local_rows(other)), every=0.01)
        for client in (sender, reader):
            assert client.get(done.id).status is Status.COMPLETED
            assert client.get(waiting.id).status is Status.CANCELLED
            found = client.get(done.id)
            assert (found.payload, found.result, found.job_key) == ({}, None, None)
            assert found.error is not None
            assert found.error.code == "erased"


def test_what_moved_out_of_a_walk_s_sight_still_brings_its_payload(db: Database, url: str) -> None:
    """Erased, and written once more before its page came: the walk shows it at its end."""
    finished(db, 1200)
    with device(url) as wire:
        wire.walk()
    erase(db)
    with device(url, before=wire) as wire:
        pages = [wire.page()]
        (last,) = db.rows("select id from background_jobs order by version desc, id desc limit 1")
        with db.together():
            db.do("set local role jobferry_engine")
            db.do(
                "update public.background_jobs set version = pg_current_xact_id() where id = %s",
                last["id"],
            )
        while not pages[-1]["complete"]:
            pages.append(wire.page())
    rows = {row["id"]: row for page in pages for row in page["rows"] if "spec" in row}
    assert len(rows) == 1200
    assert all(row["spec"]["payload"] == "{}" for row in rows.values())


def test_a_submit_that_comes_once_more_brings_nothing_back(db: Database, url: str) -> None:
    spec = job(payload=json.dumps(SECRET))
    with device(url) as wire:
        wire.deliver(submit(spec))
        erase(db)
        assert wire.deliver(submit(spec)) == []
    assert SECRET not in everything(db)


def test_an_erased_job_is_not_revived(db: Database) -> None:
    jobs = history(db)
    erase(db)
    assert db.rows("select * from jobferry.reschedule_jobs(%s)", list(jobs.values())) == []
    db.assert_sound()
