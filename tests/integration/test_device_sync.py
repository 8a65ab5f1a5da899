"""The sync engine against a real gateway and a real Postgres."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from jobferry_client import (
    ClientError,
    ConnectionState,
    Job,
    JobClient,
    NewJob,
    Status,
    Timing,
)
from jobferry_server import Job as RunningJob
from jobferry_server import Processor
from jobferry_server.gateway import notes
from jobferry_server.tokens import issue
from jobferry_shared import __version__
from support.processes import eventually, part
from support.proxy import free_port
from support.services import SECRET, Services, token

Connection = psycopg.Connection[tuple[Any, ...]]

#: What "at once" means on a machine that does other things too, in seconds.
SOON = 20


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """The device's file."""
    return device_file("till")


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway."""
    with services.gateway() as found:
        yield found


@pytest.fixture
def client(path: Path, url: str) -> Iterator[JobClient]:
    """A connected device of anna's."""
    with JobClient(path, url, token("anna")) as found:
        found.sync(SOON)
        yield found


def is_connected(client: JobClient) -> bool:
    return client.status().state is ConnectionState.CONNECTED


def rows(ledger: Connection, what: str = "id::text, status, payload::text") -> list[Any]:
    return ledger.execute(f"select {what} from background_jobs order by 1").fetchall()


def insert(path: Path, **columns: object) -> None:
    """What another program does."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            f"INSERT INTO background_jobs ({names}) VALUES ({marks})", list(columns.values())
        )


class Tokens:
    """Gives these, one each time, and the last for ever."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


# In step.


def test_sync_returns_when_all_that_is_here_is_there(client: JobClient, ledger: Connection) -> None:
    jobs = client.submit_many(NewJob(task="t", payload={"n": n}) for n in range(1200))
    status = client.sync(SOON)
    assert (status.state, status.reason, status.pending) == (ConnectionState.CONNECTED, None, 0)
    assert status.owner == "anna"
    assert [row[0] for row in rows(ledger, "id::text")] == [str(job.id) for job in jobs]
    assert rows(ledger, "distinct submitted_by, client_id") == [("anna", status.client_id)]
    found = client.get(jobs[0].id)
    assert (found.status, found.submitted_by) == (Status.QUEUED, "anna")
    assert found.received_at is not None


def test_sync_returns_when_all_that_is_there_is_here(
    client: JobClient, url: str, device_file: Callable[[str], Path]
) -> None:
    mine = [client.submit("t", n) for n in range(3)]
    client.sync(SOON)
    with JobClient(device_file("second"), url, token("anna")) as second:
        second.sync(SOON)
        assert {(job.id, job.payload, job.client_id) for job in second.jobs()} == {
            (job.id, job.payload, client.status().client_id) for job in mine
        }
        job = second.submit("t", "second")
        second.sync(SOON)
        eventually(lambda: job.id in {found.id for found in client.jobs()}, SOON)


def test_sync_with_nothing_new_returns_promptly(client: JobClient) -> None:
    before = client.status().last_synced_at
    began = time.monotonic()
    for _ in range(20):
        client.sync(SOON)
    assert time.monotonic() - began < 2
    assert before is not None


def test_sync_gives_up_when_time_is_up_and_says_why(path: Path) -> None:
    with JobClient(path, f"ws://127.0.0.1:{free_port()}", token()) as client:
        client.submit()
        with pytest.raises(TimeoutError, match=r"not in step after 0\.2 s: .*1 operations unsent"):
            client.sync(0.2)


def test_what_another_process_writes_is_sent_and_its_answer_seen(
    client: JobClient, path: Path, ledger: Connection
) -> None:
    watch = client.watch()
    assert next(watch) == []
    insert(path, payload='{"n": 1}')
    eventually(lambda: [job.status for job in next(watch)] == [Status.QUEUED], SOON, every=0)
    assert rows(ledger, "payload::text, status") == [('{"n": 1}', "queued")]
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE background_jobs SET cancelled = 1")
    eventually(lambda: [job.status for job in next(watch)] == [Status.CANCELLED], SOON, every=0)
    assert rows(ledger, "status") == [("cancelled",)]


def test_progress_and_result_come_back_as_they_happen(
    services: Services, client: JobClient
) -> None:
    processor = Processor()

    @processor.task("steps")
    def steps(job: RunningJob) -> object:
        job.progress(0.25)
        eventually(lambda: client.get(job.id).progress == 0.25, SOON)
        return {"seen": job.payload}

    with services.processor(processor):
        job = client.submit("steps", "é" * 100_000)
        seen: list[Job] = []
        for jobs in client.watch():
            seen += jobs
            if jobs and jobs[0].finished:
                break
    assert {found.progress for found in seen} >= {0.25, 1.0}
    assert [found.status for found in seen] == sorted(
        (found.status for found in seen), key=list(Status).index
    )
    assert client.get(job.id).result == {"seen": "é" * 100_000}


# The switch.


def test_the_switch_takes_a_device_offline_and_back(client: JobClient, ledger: Connection) -> None:
    client.disconnect()
    eventually(lambda: not is_connected(client), SOON)
    assert client.status().reason == "switched off"
    job = client.submit()
    client.disconnect()
    assert client.status().pending == 1
    assert rows(ledger) == []
    client.connect()
    client.sync(SOON)
    assert [row[0] for row in rows(ledger, "id::text")] == [str(job.id)]


def test_connecting_a_connected_device_leaves_its_connection_alone(path: Path, url: str) -> None:
    tokens = Tokens(token())
    with JobClient(path, url, tokens) as client:
        client.sync(SOON)
        client.connect()
        client.submit()
        client.sync(SOON)
    assert tokens.asked == 1


def test_a_job_cancelled_offline_never_runs(client: JobClient, ledger: Connection) -> None:
    client.disconnect()
    job = client.submit()
    client.cancel(job.id)
    client.connect()
    assert client.wait(job.id, SOON).status is Status.CANCELLED
    client.sync(SOON)
    assert rows(ledger, "status, attempts") == [("cancelled", 0)]


def test_the_engine_opens_the_file_it_was_given_wherever_the_process_is_by_then(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with JobClient("till.db", url, token()) as client:
        client.sync(SOON)
        client.disconnect()
        monkeypatch.chdir(tmp_path / "there")
        client.submit()
        client.connect()
        client.sync(SOON)
    assert os.listdir(tmp_path / "there") == []  # noqa: PTH208


def test_closing_is_quick_and_lets_the_file_go(path: Path, url: str) -> None:
    for _ in range(3):
        with JobClient(path, url, token()) as client:
            client.submit()
            client.sync(SOON)
            began = time.monotonic()
        assert time.monotonic() - began < 2


# Gateways come and go.


def test_without_a_gateway_it_is_disconnected_with_a_reason_and_connects_when_one_comes(
    services: Services, path: Path, ledger: Connection
) -> None:
    port = free_port()
    with JobClient(path, f"ws://127.0.0.1:{port}", token()) as client:
        job = client.submit()
        eventually(lambda: client.status().state is ConnectionState.DISCONNECTED, SOON)
        eventually(lambda: str(port) in (client.status().reason or ""), SOON, every=0.001)
        assert client.get(job.id).status is Status.PENDING
        for _ in range(2):
            with services.gateway(port=port):
                client.sync(SOON)
                assert client.get(job.id).status is Status.QUEUED
            eventually(lambda: not is_connected(client), SOON)
    assert len(rows(ledger)) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ws://", "nonsense", "ws://127.0.0.1:0"])
def test_an_address_that_is_no_gateway_s_is_refused(path: Path, url: str) -> None:
    with pytest.raises(ClientError, match="no gateway's address") as refused:
        JobClient(path, url, token())
    assert refused.value.code == "configuration"
    assert not path.exists()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1#fragment", "ws://nobody@127.0.0.1:1"])
def test_an_address_that_is_none_is_not_tried_again_and_again(path: Path, url: str) -> None:
    with JobClient(path, url, token()) as client:
        eventually(lambda: "isn't a valid URI" in (client.status().reason or ""), SOON)
        assert client.status().state is ConnectionState.DISCONNECTED


def test_a_row_that_waits_while_connected_is_a_stall(
    path: Path, url: str, ledger: Connection
) -> None:
    with JobClient(path, url, token(), timing=Timing(stalled=0.1)) as client:
        client.sync(SOON)
        assert not client.status().stalled
        with ledger.transaction():
            ledger.execute("lock table background_jobs in exclusive mode")
            client.submit()
            eventually(lambda: client.status().stalled, SOON)
            assert is_connected(client)
        client.sync(SOON)
        assert not client.status().stalled


DEVICES = "select owner, pending from jobferry.devices"


@pytest.fixture
def noted(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A gateway that writes down at once what devices say."""
    monkeypatch.setattr(notes, "EVERY_SECONDS", 0.05)
    with services.gateway() as found:
        yield found


def test_hello_says_what_waits_here_and_which_version_it_is(
    path: Path, noted: str, dsn: str, ledger: Connection
) -> None:
    with JobClient(path) as offline:
        offline.submit_many([NewJob()] * 3)
    with psycopg.connect(dsn) as other:
        # Else it would soon be sent, and the device say so.
        other.execute("lock table background_jobs in exclusive mode")
        with JobClient(path, noted, token("anna")):
            eventually(lambda: ledger.execute(DEVICES).fetchall() == [("anna", 3)], SOON)
            other.rollback()
    ((version,),) = ledger.execute("select client_version from jobferry.devices").fetchall()
    assert version == __version__


def test_heartbeats_say_what_waits_here(
    path: Path, noted: str, dsn: str, ledger: Connection
) -> None:
    with JobClient(path, noted, token("anna"), timing=Timing(heartbeat=0.05)) as client:
        client.sync(SOON)
        with psycopg.connect(dsn) as other:
            other.execute("lock table background_jobs in exclusive mode")
            client.submit()
            eventually(lambda: ledger.execute(DEVICES).fetchall() == [("anna", 1)], SOON)
        eventually(lambda: ledger.execute(DEVICES).fetchall() == [("anna", 0)], SOON)


# Tokens.


@pytest.mark.parametrize("bad", ["nonsense", None])
def test_a_token_that_is_not_believed_needs_a_person(path: Path, url: str, bad: str | None) -> None:
    with JobClient(path, url, bad) as client:
        client.submit()
        for _ in range(3):
            with pytest.raises(ClientError, match=r"the gateway wants a token: .*token") as refusal:
                client.sync(SOON)
            assert refusal.value.code == "unauthenticated"
            assert client.status().state is ConnectionState.NEEDS_AUTH
            client.connect()
        assert client.status().pending == 1


def test_a_callable_is_asked_for_a_fresh_token_when_one_is_refused(path: Path, url: str) -> None:
    tokens = Tokens(issue(SECRET, "anna", timedelta(seconds=-60)), token("anna"))
    with JobClient(path, url, tokens) as client:
        client.sync(SOON)
        assert client.status().owner == "anna"
    assert tokens.asked == 2


def test_a_callable_that_has_no_good_token_is_asked_twice_and_then_a_person(
    path: Path, url: str
) -> None:
    tokens = Tokens("nonsense")
    with JobClient(path, url, tokens) as client:
        eventually(lambda: client.status().state is ConnectionState.NEEDS_AUTH, SOON)
        assert tokens.asked == 2
        tokens.tokens = [token()]
        client.connect()
        client.sync(SOON)
        assert tokens.asked == 3


def test_a_callable_that_fails_is_asked_again_and_its_reason_shown(path: Path, url: str) -> None:
    errors = [OSError("the keyring is locked"), ValueError("no keyring")]

    def keyring() -> str:
        if errors:
            raise errors.pop(0)
        return token()

    with JobClient(path, url, keyring) as client:
        reason = "no token was given: the keyring is locked"
        eventually(lambda: client.status().reason == reason, SOON, every=0.001)
        client.sync(SOON)


def test_a_token_that_expires_while_connected_is_replaced(services: Services, path: Path) -> None:
    tokens = Tokens(issue(SECRET, "anna", timedelta(seconds=1)), token("anna"))
    with services.gateway(silence_seconds=3) as url, JobClient(path, url, tokens) as client:
        client.sync(SOON)
        eventually(lambda: tokens.asked == 2, SOON)
        client.submit()
        client.sync(SOON)


def test_a_file_does_not_change_hands(path: Path, url: str, ledger: Connection) -> None:
    """What its owner has not sent must not go up as somebody else's."""
    with JobClient(path, url, token("anna")) as anna:
        anna.sync(SOON)
    with JobClient(path) as anna:
        anna.submit("t", "anna's")
    with JobClient(path, url, token("bob")) as client:
        with pytest.raises(ClientError, match="holds anna's jobs and the token is bob's"):
            client.sync(SOON)
        assert client.status().state is ConnectionState.NEEDS_AUTH
    assert rows(ledger, "payload") == []
    with JobClient(path, url, token("anna")) as anna:
        anna.sync(SOON)
    assert rows(ledger, "submitted_by") == [("anna",)]


# Rejected.


def test_a_payload_above_the_gateway_s_limit_is_rejected_and_those_behind_it_go_on(
    services: Services, path: Path, ledger: Connection
) -> None:
    with (
        services.gateway(payload_bytes=1000, message_bytes=16_000) as url,
        JobClient(path, url, token()) as client,
    ):
        bad = client.submit("t", "x" * 1000)
        good = client.submit("t", "y")
        client.sync(SOON)
        found = client.get(bad.id)
        assert found.status is Status.REJECTED
        assert found.error is not None
        assert found.error.code == "payload_too_large"
        assert found.error.message == "1002 bytes, the limit is 1000"
        assert client.status().rejected == 1
    assert [row[0] for row in rows(ledger, "id::text")] == [str(good.id)]


def test_a_foreign_program_s_bad_rows_are_rejected_each_by_itself(
    client: JobClient, path: Path, ledger: Connection
) -> None:
    client.disconnect()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO background_jobs (payload) VALUES (CAST(? AS TEXT))", [b'"\xff"'])
        other.execute("INSERT INTO background_jobs (payload) VALUES ('\"\\u0000\"')")
        other.execute("INSERT INTO background_jobs (payload) VALUES ('1e999')")
        other.execute("INSERT INTO background_jobs (payload) VALUES ('0e99999999999')")
        other.execute("INSERT INTO background_jobs (payload, flags) VALUES (1, '5')")
        other.execute("INSERT INTO background_jobs (payload) VALUES ('\"good\"')")
    client.connect()
    assert client.sync(SOON).rejected == 5
    assert rows(ledger, "payload") == [("good",)]


def test_an_id_of_somebody_else_s_job_is_rejected_and_does_them_no_harm(
    client: JobClient, path: Path, ledger: Connection
) -> None:
    taken, used = uuid4(), uuid4()
    ledger.execute(
        "insert into background_jobs (id, payload, submitted_by) values"
        " (%s, '1', 'bob'), (%s, '1', 'anna')",
        [taken, used],
    )
    # Anna's other job comes down; this device has an own row of that id before it does.
    client.disconnect()
    insert(path, id=str(taken), payload="2")
    with closing(sqlite3.connect(path)) as other:
        known = other.execute("SELECT 1 FROM background_jobs WHERE id = ?", [str(used)]).fetchone()
    if known is None:
        insert(path, id=str(used), payload="2")
    client.connect()
    client.sync(SOON)
    found = client.get(taken)
    assert found.status is Status.REJECTED
    assert found.error is not None
    assert found.error.code == "id_taken"
    if known is None:
        other_found = client.get(used)
        assert other_found.error is not None
        assert (other_found.status, other_found.error.code) == (Status.REJECTED, "content_differs")
    assert sorted(rows(ledger, "payload, submitted_by")) == [(1, "anna"), (1, "bob")]


# What was lost or replaced.


def cursor_of(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as other:
        found: str | None = other.execute("SELECT cursor FROM _jobferry_state").fetchone()[0]
        return found


def test_a_cursor_of_another_database_is_forgotten_and_the_outbox_kept(
    path: Path, url: str, device_file: Callable[[str], Path], ledger: Connection
) -> None:
    with JobClient(device_file("second"), url, token()) as second:
        there = second.submit("t", "there")
        second.sync(SOON)
    with JobClient(path) as offline:
        here = offline.submit("t", "here")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE _jobferry_state SET cursor = 'another-epoch/1:1:////'")
    with JobClient(path, url, token()) as client:
        client.sync(SOON)
        assert {job.id for job in client.jobs()} == {there.id, here.id}
    assert len(rows(ledger)) == 2
    assert not (cursor_of(path) or "").startswith("another")


def test_a_cursor_ahead_of_the_database_is_forgotten(
    client: JobClient, path: Path, url: str, device_file: Callable[[str], Path]
) -> None:
    job = client.submit()
    client.sync(SOON)
    client.close()
    epoch = (cursor_of(path) or "").partition("/")[0]
    copy = device_file("copy")
    JobClient(copy).close()
    with closing(sqlite3.connect(copy)) as other, other:
        ahead = f"{epoch}/9000000000:9000000000:////"
        other.execute("UPDATE _jobferry_state SET cursor = ?", [ahead])
    with JobClient(copy, url, token("anna")) as again:
        eventually(lambda: [found.id for found in again.jobs()] == [job.id], SOON)
        again.sync(SOON)


def test_a_file_put_back_from_a_backup_reads_what_it_misses(
    client: JobClient, path: Path, url: str, device_file: Callable[[str], Path], ledger: Connection
) -> None:
    backup = device_file("backup")
    with closing(sqlite3.connect(path)) as other:
        other.execute("VACUUM INTO ?", [str(backup)])
    job = client.submit("t", "after the backup")
    client.sync(SOON)
    client.close()
    # A file whose cursor is ahead of its rows, as after a partial repair.
    with closing(sqlite3.connect(backup)) as other, other:
        other.execute("UPDATE _jobferry_state SET cursor = ?", [cursor_of(path)])
    ledger.execute("update background_jobs set progress = 0.5")
    with JobClient(backup, url, token("anna")) as again:
        eventually(lambda: again.jobs() != [], SOON)
        found = again.get(job.id)
        assert (found.payload, found.progress) == ("after the backup", 0.5)


# One engine per file.


@contextmanager
def engine_elsewhere(path: Path, url: str, log: Path) -> Iterator[Callable[[], None]]:
    """Another process that keeps the file in step; call what is yielded to kill -9 it."""
    with part(log, "client", "sync", str(path), "--url", url, "--token", token("anna")) as found:
        eventually(lambda: "connected" in found.log.split(), SOON)
        yield found.kill


def test_a_second_process_stands_by_and_takes_over_when_the_first_is_killed(
    path: Path, url: str, tmp_path: Path, ledger: Connection
) -> None:
    with (
        engine_elsewhere(path, url, tmp_path / "first.log") as kill_first,
        JobClient(path, url, token("anna")) as client,
    ):
        eventually(lambda: client.status().reason == "another process syncs this file", SOON)
        assert client.status().state is ConnectionState.DISCONNECTED
        # The other engine sends what is submitted here.
        job = client.submit("t", "here")
        eventually(lambda: client.status().pending == 0, SOON)
        assert client.get(job.id).status is Status.QUEUED
        kill_first()
        client.submit("t", "later")
        client.sync(SOON)
        assert is_connected(client)
    assert sorted(rows(ledger, "payload")) == [("here",), ("later",)]


def test_two_clients_of_one_process_share_an_engine_too(
    client: JobClient, path: Path, url: str
) -> None:
    with JobClient(path, url, token("anna")) as second:
        eventually(lambda: second.status().reason == "another process syncs this file", SOON)
        job = second.submit()
        client.sync(SOON)
        assert second.get(job.id).status is Status.QUEUED
        client.close()
        second.sync(SOON)


def test_one_that_stands_by_may_be_closed_and_switched_off(
    client: JobClient, path: Path, url: str
) -> None:
    with JobClient(path, url, token("anna")) as second:
        eventually(lambda: second.status().reason == "another process syncs this file", SOON)
        second.disconnect()
        eventually(lambda: second.status().reason == "switched off", SOON)
    client.sync(SOON)
    assert is_connected(client)


def test_the_local_clock_plays_no_part_in_order_or_outcome(
    client: JobClient, path: Path, ledger: Connection
) -> None:
    for year in (1999, 2026, 2050):
        insert(path, payload=str(year), timestamp=f"{year}-01-01T00:00:00Z")
    eventually(lambda: len(rows(ledger)) == 3, SOON)
    client.sync(SOON)
    assert {job.status for job in client.jobs()} == {Status.QUEUED}
    (away,) = rows(ledger, "max(abs(extract(epoch from now() - received_at)))")[0]
    assert away < 60
    assert {
        job.run_at and job.run_at < datetime.now(UTC) + timedelta(1) for job in client.jobs()
    } == {True}
