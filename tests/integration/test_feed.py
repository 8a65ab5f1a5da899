"""What comes down: everything once, whoever committed when, and nothing of anybody else's."""

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Json

from integration.database import Beside, Database, Row, Spec
from integration.wire import Message, cancel, device, job, submit, wired
from jobferry_client import Job as LocalJob
from jobferry_client import JobClient, JobNotFound, NewJob, Status
from jobferry_server import Job, Processor
from jobferry_server.errors import TaskError
from jobferry_shared.versions import PROTOCOL
from support.processes import eventually
from support.services import Services, token

PAGE = 500


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


def fill(db: Database, count: int, owner: str = "anna") -> list[UUID]:
    """Waiting jobs of an owner, by another device than any of the test's."""
    specs = [Spec(owner=owner, payload=f'{{"n": {n}}}') for n in range(count)]
    with db.together():
        for first in range(0, count, PAGE):
            db.submit(*specs[first : first + PAGE])
    return [spec.id for spec in specs]


def ids(rows: list[Message]) -> list[str]:
    return [row["id"] for row in rows]


# -- the query by itself


class Reader:
    """A device's cursor, held by the test: each read is one page of the query."""

    def __init__(self, db: Database, owner: str = "anna", client_id: UUID | None = None) -> None:
        self.db = db
        self.owner = owner
        self.client_id = client_id or uuid4()
        self.since: str | None = None

    def read(
        self,
        rows: int = PAGE,
        size: int = 10**6,
        *,
        after: Row | None = None,
        active: bool | None = None,
    ) -> list[Row]:
        with self.db.together():
            self.now = self.db.value("select pg_current_snapshot()::text")
            return self.db.rows(
                "select (job).*, room from jobferry.changes_page(%s, %s, %s::pg_snapshot,"
                " pg_current_snapshot(), %s::xid8, %s::uuid, %s, %s, %s)",
                self.owner,
                self.client_id,
                self.since,
                after and after["version"],
                after and after["id"],
                active,
                rows,
                size,
            )

    def catch_up(self) -> list[UUID]:
        found = [row["id"] for row in self.read()]
        self.since = self.now
        return found


def test_a_row_that_commits_after_a_younger_one_is_not_missed(
    db: Database, other: Database
) -> None:
    reader = Reader(db)
    assert reader.catch_up() == []
    with other.together():
        late = other.insert(submitted_by="anna")
        young = db.insert(submitted_by="anna")
        assert reader.catch_up() == [young]
        assert reader.catch_up() == []
        younger = db.insert(submitted_by="anna")
        assert reader.catch_up() == [younger]
    assert reader.catch_up() == [late]
    assert reader.catch_up() == []


def test_an_update_that_commits_late_is_not_missed(db: Database, other: Database) -> None:
    first, second = (db.insert(submitted_by="anna") for _ in range(2))
    reader = Reader(db)
    reader.catch_up()
    with other.together():
        other.do("update background_jobs set progress = 0.5 where id = %s", first)
        for progress in (0.1, 0.2):
            db.do("update background_jobs set progress = %s where id = %s", progress, second)
            assert reader.catch_up() == [second]
    assert reader.catch_up() == [first]


def test_what_was_rolled_back_was_never_there(db: Database, other: Database) -> None:
    reader = Reader(db)
    with other.together():
        other.insert(submitted_by="anna")
        reader.catch_up()
        other.do("savepoint s")
        other.insert(submitted_by="anna")
        other.do("rollback to s")
        kept = other.insert(submitted_by="anna")
        other.do("delete from background_jobs where id <> %s", kept)
    assert reader.catch_up() == [kept]


def test_a_page_ends_at_its_rows_or_its_octets(db: Database) -> None:
    sizes = [100, 3000, 100, 100]
    jobs = [db.insert(submitted_by="anna", payload=Json("x" * size)) for size in sizes]
    reader = Reader(db)
    assert [row["id"] for row in reader.read(rows=3)] == jobs[:3]
    assert reader.read(rows=3)[-1]["room"] > 0
    page = reader.read(size=2000)
    assert [row["id"] for row in page] == jobs[:2]
    assert page[-1]["room"] <= 0
    rest = reader.read(size=2000, after=page[-1])
    assert [row["id"] for row in rest] == jobs[2:]


def test_results_count_as_payloads_do(db: Database) -> None:
    jobs = [db.insert(submitted_by="anna") for _ in range(3)]
    db.do("update background_jobs set completed = true, result = %s", Json("r" * 1000))
    assert len(Reader(db).read(size=1500)) == 2
    assert len(jobs) == 3


def test_rows_of_one_transaction_are_walked_by_their_ids(db: Database) -> None:
    jobs = sorted(fill(db, 20))
    reader = Reader(db)
    found: list[UUID] = []
    page: list[Row] = []
    while page := reader.read(rows=6, after=page[-1] if page else None):
        found += [row["id"] for row in page]
    assert found == jobs


def test_the_index_finds_a_change_among_many_old_rows(db: Database) -> None:
    """What a device in step costs does not grow with its history."""
    fill(db, 3000)
    db.do("analyze background_jobs")
    reader = Reader(db)
    reader.since = db.value("select pg_current_snapshot()::text")
    changed = db.insert(submitted_by="anna")
    # How far back xmin is depends on everybody in the cluster, and so does the planner's choice.
    db.do("set enable_seqscan = off")
    plan = db.column(
        "explain select * from background_jobs b where b.submitted_by = 'anna'"
        " and b.version >= pg_snapshot_xmin(%s::pg_snapshot)"
        " and not pg_visible_in_snapshot(b.version, %s::pg_snapshot)",
        reader.since,
        reader.since,
    )
    assert any("background_jobs_cursor" in line for line in plan)
    assert reader.catch_up() == [changed]


# -- through the gateway


def test_a_first_sync_sends_unfinished_jobs_first(db: Database, url: str) -> None:
    jobs = fill(db, 8)
    for finished in jobs[:5]:
        db.cancel(finished)
    with device(url) as wire:
        rows = wire.rows()
    assert set(ids(rows[:3])) == set(map(str, jobs[5:]))
    assert set(ids(rows[3:])) == set(map(str, jobs[:5]))
    assert all(row["spec"]["payload"] for row in rows)


def test_a_new_device_of_an_empty_owner_is_told_that_there_is_nothing(url: str) -> None:
    with device(url) as wire:
        pages = wire.walk()
    assert [page["rows"] for page in pages] == [[]] * len(pages)
    assert pages[-1]["complete"] is True


def test_late_commits_reach_a_connected_device_and_one_that_comes_back(
    db: Database, other: Database, url: str
) -> None:
    with device(url) as wire:
        wire.walk()
        with other.together():
            late = other.insert(submitted_by="anna")
            young = db.insert(submitted_by="anna")
            assert wire.row()["id"] == str(young)
        assert wire.row()["id"] == str(late)
        with other.together():
            later = other.insert(submitted_by="anna")
            young = db.insert(submitted_by="anna")
            assert wire.row()["id"] == str(young)
            wire.socket.close()
    with device(url, before=wire) as again:
        assert again.row()["id"] == str(later)


def test_an_open_write_transaction_elsewhere_delays_nobody(
    db: Database, other: Database, empty_dsn: str, url: str
) -> None:
    with Database(empty_dsn) as stranger, device(url) as wire:
        wire.walk()
        db.do("create table elsewhere (n integer)")
        stranger.do("create table elsewhere (n integer)")
        with stranger.together(), other.together():
            for writer in (stranger, other):
                writer.do("insert into elsewhere values (1)")
            for _ in range(3):
                new = db.insert(submitted_by="anna")
                assert wire.row()["id"] == str(new)
        new = db.insert(submitted_by="anna")
        assert wire.row()["id"] == str(new)


def test_many_rows_come_in_pages(db: Database, url: str) -> None:
    jobs = fill(db, 2 * PAGE + 200)
    with device(url) as wire:
        pages = wire.walk()
    assert max(len(page["rows"]) for page in pages) == PAGE
    assert [page["complete"] for page in pages] == [False] * (len(pages) - 1) + [True]
    assert sorted(ids([row for page in pages for row in page["rows"]])) == sorted(map(str, jobs))


def test_a_walk_goes_on_where_it_was_interrupted(db: Database, url: str) -> None:
    jobs = fill(db, 2 * PAGE + 200)
    with device(url) as wire:
        first = wire.page()["rows"]
        second = wire.expect("changes")["rows"]
    # The second page was not applied, so it comes again.
    with device(url, before=wire) as again:
        rest = again.rows()
    assert ids(rest)[:PAGE] == ids(second)
    assert sorted(ids(first) + ids(rest)) == sorted(map(str, jobs))


def test_large_rows_make_small_pages(db: Database, services: Services) -> None:
    payload = Json("x" * 60_000)
    jobs = [db.insert(submitted_by="anna", payload=payload) for _ in range(12)]
    with services.gateway(message_bytes=800_000, payload_bytes=100_000) as url, device(url) as wire:
        pages = wire.walk()
    rows = [row for page in pages for row in page["rows"]]
    assert sorted(ids(rows)) == sorted(map(str, jobs))
    assert 1 < len(max(pages, key=lambda page: len(page["rows"]))["rows"]) < 13
    assert all(len(row["spec"]["payload"]) == 60_002 for row in rows)


def test_rows_that_change_during_a_walk_come_again_and_the_walk_ends(
    db: Database, url: str
) -> None:
    jobs = fill(db, 2 * PAGE + 200)
    with device(url) as wire:
        first = wire.expect("changes")
        sent, unsent = first["rows"][0]["id"], str(max(jobs))
        assert unsent not in ids(first["rows"])
        for changed in (sent, unsent):
            db.do("update background_jobs set progress = 0.5 where id = %s", changed)
        wire.apply(first)
        rest = [row for page in wire.walk() for row in page["rows"]]
        assert sorted(set(ids(first["rows"] + rest))) == sorted(map(str, jobs))
        again = wire.rows()
    assert {row["id"]: row["progress"] for row in again} == {sent: 0.5, unsent: 0.5}
    assert all("spec" not in row for row in again)


def test_a_row_that_changes_before_its_page_comes_brings_its_payload(
    db: Database, other: Database, url: str
) -> None:
    """Also when an older transaction changed it, whose number the walk has passed already."""
    with device(url) as wire:
        wire.walk()
        with other.together():
            other.value("select pg_current_xact_id()")
            jobs = fill(db, 2 * PAGE)
            first = wire.expect("changes")
            unsent = next(one for one in jobs if str(one) not in ids(first["rows"]))
            other.do("update background_jobs set progress = 0.5 where id = %s", unsent)
        wire.apply(first)
        rest = [row for page in wire.walk() for row in page["rows"]]
        assert {row["id"]: row["progress"] for row in rest}[str(unsent)] == 0.5
        assert sorted(set(ids(first["rows"] + rest))) == sorted(map(str, jobs))


def test_a_revised_row_that_changes_before_its_page_comes_brings_what_is_new(
    db: Database, url: str
) -> None:
    """Though the device knows the row, and the walk has its old version in sight no more."""
    jobs = fill(db, 2 * PAGE + 200)
    with device(url) as wire:
        wire.walk()
        db.do("update background_jobs set priority = 1")
        first = wire.expect("changes")
        unsent = next(one for one in jobs if str(one) not in ids(first["rows"]))
        db.do("update background_jobs set progress = 0.5 where id = %s", unsent)
        wire.apply(first)
        rest = [row for page in wire.walk() for row in page["rows"]]
    told = {row["id"]: row["spec"]["priority"] for row in first["rows"] + rest if "spec" in row}
    assert told == {str(job): 1 for job in jobs}


def test_rows_that_never_stop_changing_keep_no_walk_from_ending(db: Database, url: str) -> None:
    jobs = fill(db, 2 * PAGE)
    stop = threading.Event()

    def keep_writing() -> None:
        with Database(db.dsn) as mine:
            while not stop.is_set():
                mine.do("update background_jobs set priority = 1 - priority")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with device(url) as wire:
            walks = [wire.walk() for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    # Every row at most twice, and the ends of the two halves of a first walk.
    assert max(map(len, walks)) <= 8
    assert {one for walk in walks for page in walk for one in ids(page["rows"])} == set(
        map(str, jobs)
    )


def test_a_device_among_restless_writers_ends_where_the_ledger_is(db: Database, url: str) -> None:
    """Short and long transactions change everything while a device walks, again and again."""
    jobs = fill(db, 3 * PAGE)
    stop = threading.Event()

    def keep_writing(seed: int) -> None:
        chance = random.Random(seed)
        with Database(db.dsn) as mine:
            while not stop.is_set():
                with mine.together():
                    for _ in range(chance.choice([1, 1, 1, 40])):
                        mine.do(
                            "update background_jobs set progress = 0.001 * (%s + attempts),"
                            " attempts = attempts + 1 where id = %s and attempts < 900",
                            seed,
                            chance.choice(jobs[seed::2]),
                        )

    writers = [Beside(lambda seed=seed: keep_writing(seed)) for seed in (0, 1)]  # type: ignore[misc]
    latest: dict[str, Message] = {}
    try:
        with device(url) as wire:
            for walk in range(12):
                latest |= {row["id"]: row for row in wire.rows()}
                assert len(latest) == len(jobs), walk
            stop.set()
            for writer in writers:
                writer.result()
            last = str(db.insert(submitted_by="anna"))
            while last not in latest:
                latest |= {row["id"]: row for row in wire.rows()}
    finally:
        stop.set()
    ledger = db.rows("select id, progress, attempts from background_jobs")
    assert {str(row["id"]): row["attempts"] for row in ledger} == {
        one: row["attempts"] for one, row in latest.items()
    }


def test_a_payload_travels_once(db: Database, url: str) -> None:
    with device(url) as wire:
        wire.walk()
        new = db.insert(submitted_by="anna", payload=Json({"n": 1}))
        row = wire.row()
        assert row["spec"]["payload"] == '{"n": 1}'
        db.do("update background_jobs set progress = 0.5 where id = %s", new)
        row = wire.row()
        assert (row["progress"], "spec" in row) == (0.5, False)
    db.do("update background_jobs set completed = true, result = '2' where id = %s", new)
    with device(url, before=wire) as wire:
        row = wire.row()
        assert (row["status"], row["result"], "spec" in row) == ("completed", "2", False)
    # Another device has seen nothing yet.
    with device(url) as wire:
        assert wire.row()["spec"]["payload"] == '{"n": 1}'


def test_a_device_s_own_submits_are_not_echoed(db: Database, url: str) -> None:
    with device(url) as wire, device(url) as another:
        wire.walk()
        another.walk()
        mine = job(payload='{"n": 1}')
        assert wire.deliver(submit(mine)) == []
        assert another.row()["spec"]["payload"] == '{"n": 1}'
        sentinel = db.insert(submitted_by="anna")
        assert wire.row()["id"] == str(sentinel)
        db.register("p", "default")
        db.take("p", 1)
        row = wire.row()
        assert (row["id"], row["status"], "spec" in row) == (mine["id"], "running", False)


def test_a_job_that_the_server_submits_for_an_owner_arrives(db: Database, url: str) -> None:
    """It has no device, and nothing has happened to it since."""
    with device(url) as wire:
        wire.walk()
        new = db.insert(submitted_by="anna", payload=Json({"n": 1}))
        row = wire.row()
        assert (row["id"], row["status"]) == (str(new), "queued")
        assert row["spec"]["payload"] == '{"n": 1}'


def test_a_job_cancelled_before_it_was_sent_is_confirmed(url: str) -> None:
    with device(url) as wire:
        wire.walk()
        mine = job()
        assert wire.deliver(submit(mine, cancelled=True)) == []
        row = wire.row()
        assert (row["id"], row["status"], "spec" in row) == (mine["id"], "cancelled", False)


def test_a_day_of_progress_comes_as_one_row(db: Database, url: str) -> None:
    db.register("p", "default")
    new = fill(db, 1)[0]
    with device(url) as wire:
        wire.walk()
    (held,) = db.take()
    updates = 10_000
    db.do("set synchronous_commit = off")
    db.connection.execute(
        f"do $$ begin for n in 1..{updates} loop"
        f" perform jobferry.progress_batch('p', '{{{new}}}', '{{1}}', array[n / {updates}.0]::real[]);"
        " commit; end loop; end $$".encode()
    )
    with device(url, before=wire) as wire:
        row = wire.row()
        assert (row["id"], row["progress"]) == (str(new), 1)
        db.flush(done=[(held, None)])
        assert wire.row()["status"] == "completed"


# -- owners


def test_another_owner_sees_nothing(db: Database, url: str) -> None:
    with device(url, "anna") as anna, device(url, "bert") as bert:
        anna.walk()
        bert.walk()
        hers = job()
        anna.deliver(submit(hers))
        db.do("update background_jobs set progress = 0.5")
        his = db.insert(submitted_by="bert")
        assert bert.row()["id"] == str(his)
        assert bert.deliver(cancel(hers)) == [(hers["id"], "not_found")]
        assert db.status(UUID(hers["id"])) == "running"
        server_s = db.insert()
        sentinel = db.insert(submitted_by="bert")
        assert bert.row()["id"] == str(sentinel) != str(server_s)


def test_owners_of_any_spelling_are_served(db: Database, url: str) -> None:
    for owner in ("anna", "o'brien", "ÄÖÜ 世", "a" * 255, "世" * 255):
        with device(url, owner) as wire:
            wire.walk()
            new = db.insert(submitted_by=owner)
            assert wire.row()["id"] == str(new)
            assert wire.deliver(submit(mine := job())) == []
            assert db.job(UUID(mine["id"]))["submitted_by"] == owner


# -- another database under the same cursor


def test_a_cursor_of_another_epoch_is_answered_by_reset(db: Database, url: str) -> None:
    jobs = fill(db, 3)
    with device(url) as wire:
        wire.walk()
    assert wire.cursor is not None
    foreign = uuid4().hex + wire.cursor[32:]
    with device(url, before=wire, cursor=foreign) as wire:
        assert wire.hear()["type"] == "reset"
        rows = wire.rows()
    assert sorted(ids(rows)) == sorted(map(str, jobs))
    assert all("spec" in row for row in rows)


def test_a_restored_database_has_another_epoch(db: Database) -> None:
    """Cluster, timeline, database and the identity it was given: any of them tells."""
    before = db.value("select jobferry.epoch()")
    assert db.value("select jobferry.epoch()") == before
    db.do("update jobferry.identity set id = gen_random_uuid()")
    assert db.value("select jobferry.epoch()") != before


def test_a_copy_of_a_database_has_another_epoch(dsn: str, server: Any) -> None:
    with Database(dsn) as one, server.database() as copy, Database(copy) as another:
        assert one.value("select id from jobferry.identity") == another.value(
            "select id from jobferry.identity"
        )
        assert one.value("select jobferry.epoch()") != another.value("select jobferry.epoch()")


def test_connected_devices_learn_of_another_database(db: Database, services: Services) -> None:
    fill(db, 1)
    with services.gateway(silence_seconds=3) as url:
        with device(url) as wire:
            wire.walk()
            db.do("update jobferry.identity set id = gen_random_uuid()")
            error = wire.hear()
            assert (error["type"], error["code"], error["retry_after"]) == (
                "error",
                "unavailable",
                0,
            )
        with device(url, before=wire) as wire:
            assert wire.hear()["type"] == "reset"
            assert len(wire.rows()) == 1


def test_a_cursor_ahead_of_the_database_is_answered_by_reset(db: Database, url: str) -> None:
    jobs = fill(db, 3)
    with device(url) as wire:
        wire.walk()
    assert wire.cursor is not None
    epoch, since, *rest = wire.cursor.split("/")
    far = int(since.split(":")[1]) + 1_000_000
    ahead = "/".join([epoch, f"{far}:{far}:", *rest])
    with device(url, before=wire, cursor=ahead) as wire:
        assert wire.expect("reset")
        rows = wire.rows()
    assert sorted(ids(rows)) == sorted(map(str, jobs))


CURSORS = [
    "",
    "nonsense",
    "{epoch}",
    "{epoch}/////",
    "{epoch}/1:2:/a///",
    "{epoch}/0:0:////",
    "{epoch}/5:1:////",
    "{epoch}/1:5:4,3////",
    "{epoch}/1:5:9////",
    "{epoch}/1:99999999999999999999:////",
    "{epoch}/////x",
    "{epoch}///a/1/",
    "{epoch}///a/1/not-an-id",
    "{epoch}///a/-1/00000000-0000-0000-0000-000000000000",
    "{epoch}/'; drop table background_jobs; --////",
    "{epoch}/1:1:\x00////",
    # Digits to Python, not to Postgres.
    "{epoch}/\u0661:\u0661:////",
    "{epoch}///a/\u00b2/00000000-0000-0000-0000-000000000000",
    "{epoch}///a/\u0661/00000000-0000-0000-0000-000000000000",
    # An end of line where a pattern's $ lets it pass.
    "{epoch}/1:1:\n////",
    "{epoch}///a/1/00000000-0000-0000-0000-000000000000\n",
]


def test_a_cursor_that_is_none_harms_nobody(db: Database, url: str) -> None:
    """Devices send it back, so anything may stand in it; the query it goes to serves everybody."""
    epoch = db.value("select jobferry.epoch()")
    new = db.insert(submitted_by="anna")
    with device(url, "bert") as bystander:
        bystander.walk()
        for cursor in CURSORS:
            with wired(url, Authorization=f"Bearer {token('anna')}") as wire:
                wire.say(
                    "hello",
                    protocol=PROTOCOL,
                    client_id=str(wire.client_id),
                    cursor=cursor.replace("{epoch}", epoch),
                )
                answer = wire.hear()
                if answer["type"] == "welcome" and (answer := wire.hear())["type"] == "reset":
                    assert str(new) in ids(wire.rows()), cursor
                else:
                    assert answer["type"] == "changes" or answer["code"] == "protocol_error"
                his = db.insert(submitted_by="bert")
                assert bystander.row()["id"] == str(his), cursor


# -- two real devices of one owner


def everything() -> Processor:
    processor = Processor()

    @processor.task()
    def default(work: Job) -> object:
        match work.payload:
            case {"fail": words}:
                raise TaskError(words)
            case {"hold": _}:
                while True:
                    work.progress(0.5)
            case payload:
                return {"got": payload}

    return processor


def synced(path: Path) -> dict[str, dict[str, Any]]:
    """Every column of every row. What is JSON by its value: the device that submitted a job keeps its
    own text, the others have what Postgres makes of it."""
    with sqlite3.connect(path) as file:
        file.row_factory = sqlite3.Row
        found = [dict(row) for row in file.execute("select * from background_jobs")]
    file.close()
    for row in found:
        for name in ("payload", "result", "flags", "error"):
            row[name] = row[name] and json.loads(row[name])
    return {row["id"]: row for row in found}


def seen(client: JobClient, wanted: UUID, what: Callable[[LocalJob], bool]) -> bool:
    try:
        return what(client.get(wanted))
    except JobNotFound:
        return False


def test_two_devices_of_one_owner_converge_and_a_third_owner_sees_nothing(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    till, phone, stranger = (device_file(name) for name in ("till", "phone", "stranger"))
    with (
        services.gateway() as url,
        services.processor(everything(), concurrency=4),
        JobClient(till, url, token("anna")) as one,
        JobClient(phone, url, token("anna")) as two,
        JobClient(stranger, url, token("bert")) as third,
    ):
        jobs = [one.submit("default", {"n": n}) for n in range(20)]
        jobs += two.submit_many(NewJob(payload={"n": n, "ä": ["世"]}) for n in range(20))
        failing = one.submit("default", {"fail": "no such file"}, max_attempts=1)
        held = two.submit("default", {"hold": True}, priority=-1, queue_name="q", flags=["a"])
        later = one.submit("default", {}, max_attempts=3)
        server_s = db.insert(submitted_by="anna", payload=Json({"from": "the server"}))
        eventually(lambda: seen(one, held.id, lambda found: found.progress == 0.5))
        one.cancel(held.id)
        for wanted in (*(job.id for job in (*jobs, failing, held, later)), server_s):
            for client in (one, two):
                eventually(partial(seen, client, wanted, lambda found: found.finished))
        for client in (one, two):
            client.sync(10)
        third.sync(10)
        assert third.jobs() == []
    here, there = synced(till), synced(phone)
    assert len(here) == len(there) == 44
    for job_id in here:
        assert here[job_id] == there[job_id]
    ledger = {str(row["id"]): row for row in db.rows("select * from background_jobs")}
    with sqlite3.connect(till) as file:
        for id_, status, result in file.execute("select id, status, result from background_jobs"):
            assert status == ledger[id_]["status"]
            assert (result is None) == (ledger[id_]["result"] is None)
    file.close()
    assert synced(stranger) == {}


def test_both_devices_know_when_a_job_was_received(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    with (
        services.gateway() as url,
        JobClient(device_file("till"), url, token()) as one,
        JobClient(device_file("phone"), url, token()) as two,
    ):
        submitted = one.submit("default", {}).id
        eventually(partial(seen, two, submitted, lambda found: found.status is Status.QUEUED))
        one.sync(10)
        received_at = db.job(submitted)["received_at"]
        for client in (two, one):
            shown = client.get(submitted).received_at
            assert shown is not None
            assert abs(shown - received_at) < timedelta(milliseconds=1)


UNUSUAL: list[dict[str, Any]] = [
    {"id": UUID(int=1)},
    {"id": UUID("c232ab00-9414-11ec-b3c8-9f6bdeced846")},
    {"task": "t" * 300},
    {"task": ""},
    {"queue_name": "two\nlines"},
    {"job_key": ""},
    {"flags": ["", "x" * 300]},
    {"flags": [f"f{n}" for n in range(100)]},
    {"payload": Json("\u0085\u2028\x7f")},
    {"payload": Json("x" * 1_200_000)},
    {"payload": Json(json.loads("[" * 200 + "]" * 200))},
]


def test_an_unusual_row_of_the_server_s_stops_nobody_s_device(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    """A plain INSERT may use any uuid and name anything; what comes after it must still arrive."""
    with services.gateway() as url, JobClient(device_file("till"), url, token()) as client:
        client.sync(10)
        for row in UNUSUAL:
            db.insert(submitted_by="anna", **row)
            normal = db.insert(submitted_by="anna")
            eventually(
                partial(seen, client, normal, lambda found: found.status is Status.QUEUED), 5
            )
