"""Devices drop what is no longer in the ledger, whenever they hear of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from integration.database import Database, Spec
from integration.test_prune import forget, prune
from integration.wire import Message, Wire, device, job, submit
from jobferry_client import ConnectionState, JobClient, JobNotFound, Status, Timing
from support.aging import age, finished
from support.facts import Ledger, local_rows, outbox
from support.processes import eventually
from support.services import Services, token

SOON = 20
PAGE = 500


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """A device's file."""
    return device_file("till")


@pytest.fixture
def facts(dsn: str) -> Ledger:
    """The test's database, to be asked."""
    return Ledger(dsn)


def gone(pages: list[Message]) -> list[str]:
    return [job for page in pages for job in page.get("gone", ())]


def prune_all(db: Database) -> None:
    age(db)
    prune(db)


@contextmanager
def till(path: Path, url: str, owner: str = "anna") -> Iterator[JobClient]:
    """A device, in step."""
    with JobClient(path, url, token(owner)) as client:
        client.sync(SOON)
        yield client


# -- on the wire


def test_a_connected_device_is_told_at_once(db: Database, url: str) -> None:
    jobs = finished(db, 3)
    with device(url) as wire:
        assert len(wire.rows()) == 3
        prune_all(db)
        page = wire.page()
        assert (page["rows"], sorted(page["gone"]), page["complete"]) == ([], sorted(jobs), True)


def test_a_device_that_was_away_is_told_with_its_rows_and_once(db: Database, url: str) -> None:
    jobs = finished(db, 3)
    with device(url) as first:
        first.walk()
    prune_all(db)
    (new,) = finished(db, 1)
    with device(url, before=first) as second:
        pages = second.walk()
        assert [row["id"] for page in pages for row in page["rows"]] == [new]
        assert sorted(gone(pages)) == sorted(jobs)
    with device(url, before=second) as third:
        assert gone(third.walk()) == []


def test_a_page_without_tombstones_does_not_speak_of_them(db: Database, url: str) -> None:
    finished(db, 1)
    with device(url) as wire:
        assert all("gone" not in page for page in wire.walk())


def test_a_new_device_is_not_told_of_what_it_never_had(db: Database, url: str) -> None:
    finished(db, 3)
    prune_all(db)
    with device(url) as wire:
        assert gone(wire.walk()) == []


def test_an_owner_s_device_hears_of_nobody_else_s(db: Database, url: str) -> None:
    ours, theirs = finished(db, 2), finished(db, 2, owner="bert")
    with device(url, "anna") as anna, device(url, "bert") as bert:
        anna.walk()
        bert.walk()
        prune_all(db)
        assert sorted(anna.page()["gone"]) == sorted(ours)
        assert sorted(bert.page()["gone"]) == sorted(theirs)


def test_more_than_a_page_of_tombstones_comes_in_pages_even_over_reconnects(
    db: Database, url: str
) -> None:
    jobs = finished(db, 2 * PAGE + 10)
    with device(url) as wire:
        wire.walk()
    prune_all(db)
    finished(db, PAGE + 3)
    pages: list[Message] = []
    before: Wire = wire
    while not pages or not pages[-1]["complete"]:
        with device(url, before=before) as wire:
            pages.append(wire.page())
            before = wire
    assert len(pages) == 4
    assert all(len(page["rows"]) + len(page.get("gone", ())) <= PAGE for page in pages)
    assert sorted(gone(pages)) == sorted(jobs)
    assert sum(len(page["rows"]) for page in pages) == PAGE + 3


def test_a_tombstone_that_commits_late_is_not_missed(
    db: Database, other: Database, url: str
) -> None:
    first, second = (UUID(job) for job in finished(db, 2))
    with device(url) as wire:
        wire.walk()
        with other.together():
            other.do("delete from background_jobs where id = %s", first)
            db.do("delete from background_jobs where id = %s", second)
            assert wire.page()["gone"] == [str(second)]
        assert wire.page()["gone"] == [str(first)]


def test_an_id_that_somebody_inserted_anew_is_not_gone(db: Database, url: str) -> None:
    again = UUID(finished(db, 1)[0])
    with device(url) as wire:
        wire.walk()
    db.do("delete from background_jobs where id = %s", again)
    db.insert(id=again, submitted_by="anna", task="again")
    with device(url, before=wire) as wire:
        (page,) = wire.walk()
    assert "gone" not in page
    assert [(row["id"], row["spec"]["task"]) for row in page["rows"]] == [(str(again), "again")]


def test_two_gateways_tell_the_same(db: Database, services: Services) -> None:
    jobs = finished(db, PAGE + 5)
    with services.gateway() as one, services.gateway() as other:
        with device(one) as here, device(other) as there:
            here.walk()
            there.walk()
            prune_all(db)
            assert sorted(gone(here.walk())) == sorted(gone(there.walk())) == sorted(jobs)
        more = finished(db, PAGE + 5)
        with device(one, before=here) as here:
            here.walk()
        prune_all(db)
        with device(one, before=here) as here:
            first = here.page()
        # The other one goes on where the first was left.
        with device(other, before=here) as there:
            rest = there.walk()
        assert sorted(gone([first, *rest])) == sorted(more)


# -- older than the tombstones


def test_a_device_older_than_the_tombstones_is_told_to_read_anew(db: Database, url: str) -> None:
    finished(db, 3)
    with device(url) as wire:
        wire.walk()
    prune_all(db)
    # A transaction elsewhere in the cluster may put it off.
    eventually(lambda: forget(db) == 3)
    kept = finished(db, 2)
    with device(url, before=wire) as wire:
        wire.expect("reset")
        wire.cursor = None
        pages = wire.walk()
        assert sorted(row["id"] for page in pages for row in page["rows"]) == sorted(kept)
        # And not once more.
        (late,) = finished(db, 1)
        assert wire.row()["id"] == late
    with device(url, before=wire) as wire:
        assert wire.hear()["type"] == "changes"


def test_a_device_that_had_read_the_tombstones_goes_on(db: Database, url: str) -> None:
    finished(db, 3)
    with device(url) as wire:
        wire.walk()
        prune_all(db)
        wire.walk()
        forget(db)
        (new,) = finished(db, 1)
        assert wire.row()["id"] == new
    with device(url, before=wire) as wire:
        assert wire.hear()["type"] == "changes"


def test_a_connected_device_whose_tombstones_are_forgotten_under_it_reads_anew(
    db: Database, url: str
) -> None:
    finished(db, PAGE + 5)
    with device(url) as wire:
        wire.walk()
        prune_all(db)
        half = wire.expect("changes")
        # Somebody else's database in the same cluster may have a snapshot open.
        eventually(lambda: forget(db) == 100)
        wire.apply(half)
        wire.expect("reset")


# -- devices


def test_a_connected_device_drops_the_rows(
    db: Database, url: str, path: Path, facts: Ledger
) -> None:
    jobs = finished(db, 3)
    waiting = db.insert(submitted_by="anna")
    with till(path, url) as client:
        assert len(client.jobs()) == 4
        prune_all(db)
        eventually(lambda: len(client.jobs()) == 1, every=0.01)
        assert [job.id for job in client.jobs()] == [waiting]
        with pytest.raises(JobNotFound):
            client.get(jobs[0])
    assert set(local_rows(path)) == set(facts.rows())


def test_its_own_jobs_too(db: Database, url: str, path: Path, facts: Ledger) -> None:
    with till(path, url) as client:
        job = client.submit("t", 1)
        kept = client.submit("t", 2)
        client.sync(SOON)
        db.do("update background_jobs set completed = true where id = %s", job.id)
        assert client.wait(job.id, SOON).completed
        prune_all(db)
        eventually(lambda: len(client.jobs()) == 1, every=0.01)
        assert client.get(kept.id).status is Status.QUEUED
    assert set(local_rows(path)) == set(facts.rows())


def test_a_device_that_was_offline_through_it_drops_them_and_sends_what_it_has(
    db: Database, url: str, path: Path, facts: Ledger
) -> None:
    finished(db, PAGE + 20)
    with till(path, url) as client:
        client.disconnect()
        unsent = client.submit("t", {"while": "away"})
        prune_all(db)
        client.connect()
        client.sync(SOON)
        eventually(lambda: [job.id for job in client.jobs()] == [unsent.id], every=0.01)
    assert set(local_rows(path)) == set(facts.rows())


def test_a_device_older_than_the_tombstones_drops_what_it_is_not_shown_again(
    db: Database, url: str, path: Path, facts: Ledger
) -> None:
    old = finished(db, PAGE + 20)
    (kept,) = finished(db, 1)
    with till(path, url):
        pass
    age(db)
    with db.together():
        db.do("set local role jobferry_engine")
        db.do("update public.background_jobs set finished_at = now() where id = %s", UUID(kept))
    prune(db, "--forget-after", "0s")
    with JobClient(path) as offline:
        unsent = offline.submit("t", {"while": "away"})
        assert len(local_rows(path)) == len(old) + 2
    with till(path, url) as client:
        eventually(lambda: len(local_rows(path)) == 2, every=0.01)
        assert client.get(kept).completed
        assert client.get(unsent.id).status is Status.QUEUED
    assert set(local_rows(path)) == set(facts.rows())


def test_jobs_submitted_while_it_reads_anew_stay(
    db: Database, url: str, path: Path, facts: Ledger
) -> None:
    """They are in no page of that walk: it ended, for the server, before they were there."""
    finished(db, 30)
    with till(path, url):
        pass
    age(db)
    prune(db, "--forget-after", "0s")
    finished(db, 4 * PAGE)
    with JobClient(path, url, token()) as client:
        for number in range(200):
            client.submit("t", number)
        client.sync(SOON)
        eventually(lambda: len(local_rows(path)) == 4 * PAGE + 200, every=0.01)
    assert set(local_rows(path)) == set(facts.rows())


def test_an_interrupted_walk_is_ended_by_the_next(
    db: Database, services: Services, path: Path, facts: Ledger
) -> None:
    with services.gateway() as url:
        finished(db, 30)
        with till(path, url):
            pass
        age(db)
        prune(db, "--forget-after", "0s")
        finished(db, 6 * PAGE)
        with JobClient(path, url, token()) as client:
            eventually(lambda: len(local_rows(path)) > PAGE, every=0.001)
            client.disconnect()
            interrupted = len(local_rows(path)) < 6 * PAGE
            client.connect()
            client.sync(SOON)
    print("interrupted", interrupted)
    assert set(local_rows(path)) == set(facts.rows())


def test_another_database_in_its_place_takes_no_row_from_a_device(
    db: Database, url: str, path: Path
) -> None:
    """It may have lost jobs; then this file has what is left of them."""
    lost = finished(db, 2)
    with till(path, url):
        pass
    prune_all(db)
    db.do("truncate jobferry.tombstones")
    db.do("update jobferry.identity set id = gen_random_uuid()")
    with JobClient(path, url, token(), timing=Timing()) as client:
        eventually(lambda: client.status().state is ConnectionState.CONNECTED)
        (new,) = finished(db, 1)
        eventually(lambda: new in local_rows(path), SOON, every=0.05)
    assert set(local_rows(path)) == {new, *lost}


# -- what is unsent


def test_a_cancel_that_is_unsent_keeps_its_row_until_it_is_answered(
    db: Database, url: str, path: Path
) -> None:
    with till(path, url) as client:
        job = client.submit("t")
        client.sync(SOON)
    with JobClient(path) as offline:
        offline.cancel(job.id)
    db.do("update background_jobs set completed = true where id = %s", job.id)
    prune_all(db)
    assert outbox(path) == 1
    with till(path, url) as client:
        eventually(lambda: not client.jobs(), every=0.01)
    assert outbox(path) == 0


def test_a_submit_whose_answer_was_lost_and_whose_job_was_pruned_is_not_run_again(
    db: Database, url: str, path: Path, facts: Ledger
) -> None:
    with JobClient(path) as offline:
        lost = offline.submit("t", {"n": 1})
        device_id = offline.status().client_id
    # It arrived once: this is what the gateway did before the line was cut.
    db.submit(Spec(id=lost.id, client_id=device_id, task="t", payload='{"n": 1}', cancelled=True))
    prune_all(db)
    with till(path, url) as client:
        found = client.get(lost.id)
    assert (found.status, found.error and found.error.code) == (Status.REJECTED, "gone")
    assert facts.count() == 0


def test_a_resent_submit_is_answered_on_the_wire(db: Database, url: str) -> None:
    spec = job()
    with device(url) as wire:
        assert wire.deliver(submit(spec, cancelled=True)) == []
        prune_all(db)
        assert wire.deliver(submit(spec)) == [(spec["id"], "gone")]
