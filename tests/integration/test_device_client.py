"""The application's API on one file, without a gateway."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobferry_client import (
    ClientClosed,
    ClientError,
    ConnectionState,
    InvalidJob,
    InvalidJSON,
    Job,
    JobClient,
    JobNotFound,
    JobRefused,
    NewJob,
    Status,
)
from jobferry_client.replica import Replica
from jobferry_shared.messages import Change
from support.processes import eventually

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@pytest.fixture
def path(device_file: Callable[[str], Path]) -> Path:
    """Where the client's file is."""
    return device_file("till")


@pytest.fixture
def client(path: Path) -> Iterator[JobClient]:
    """A purely local client."""
    with JobClient(path) as found:
        yield found


def server_says(path: Path, job: Job, status: Status, **more: Any) -> None:
    """What the sync engine would write, on a connection of its own."""
    finished = NOON if status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED) else None
    with closing(Replica(path)) as replica:
        times = {"received_at": NOON, "run_at": NOON, "finished_at": finished}
        change = Change(id=str(job.id), status=status, **(times | more))
        replica.apply([change], "c", NOON)


def in_another_process(path: Path, statement: str) -> None:
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    )
    subprocess.run([sys.executable, "-c", code, str(path), statement], check=True)


def aside(call: Callable[[], Any]) -> "Future[Any]":
    """The call, on a thread."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


# Submit.


def test_a_submitted_job_has_its_defaults_and_waits_to_be_sent(client: JobClient) -> None:
    before = datetime.now(UTC)
    job = client.submit()
    assert (job.task, job.payload, job.status) == ("default", None, Status.PENDING)
    assert (job.priority, job.max_attempts, job.attempts, job.progress) == (0, 25, 0, 0)
    assert (job.queue_name, job.job_key, job.flags, job.run_at) == (None, None, (), None)
    assert (job.result, job.error, job.submitted_by, job.client_id) == (None, None, None, None)
    assert job.timestamp is not None
    assert abs(job.timestamp - before) < timedelta(seconds=5)
    assert job.state == "waiting to send"
    assert not job.finished
    assert client.get(job.id) == job


def test_a_submitted_job_has_everything_it_was_given(client: JobClient) -> None:
    job = client.submit(
        "thumbnail",
        {"é": [1, 2.5, None, True, 10**30]},
        run_at=NOON,
        priority=-5,
        queue_name="photos",
        max_attempts=3,
        job_key="k",
        flags=("gpu", "big"),
    )
    assert (job.task, job.payload) == ("thumbnail", {"é": [1, 2.5, None, True, 10**30]})
    assert (job.run_at, job.priority, job.queue_name) == (NOON, -5, "photos")
    assert (job.max_attempts, job.job_key, job.flags) == (3, "k", ("gpu", "big"))


@pytest.mark.parametrize(
    ("run_at", "moment"),
    [
        (NOON, NOON),
        (NOON.replace(tzinfo=None), NOON),
        (NOON.astimezone(timezone(timedelta(hours=-7))), NOON),
        (datetime.min, datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(
    client: JobClient, run_at: datetime, moment: datetime
) -> None:
    assert client.submit(run_at=run_at).run_at == moment


def test_a_delay_counts_from_now(client: JobClient) -> None:
    before = datetime.now(UTC)
    job = client.submit(run_at=timedelta(hours=2))
    assert job.run_at is not None
    assert abs(job.run_at - before - timedelta(hours=2)) < timedelta(seconds=5)


def test_a_job_is_durable_when_submit_returns(client: JobClient, path: Path) -> None:
    job = client.submit()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT job_id FROM _jobferry_outbox").fetchall() == [(str(job.id),)]


@pytest.mark.parametrize(
    "payload",
    [
        float("nan"),
        "\0",
        "\ud800",
        {1, 2},
        pytest.param(object(), id="object"),
    ],
    ids=repr,
)
def test_a_payload_that_json_can_not_say_is_refused_and_nothing_stored(
    client: JobClient, payload: object
) -> None:
    with pytest.raises(InvalidJSON):
        client.submit("t", payload)
    assert client.jobs() == []


def test_a_row_that_the_table_does_not_take_is_refused_with_a_reason(client: JobClient) -> None:
    with pytest.raises(JobRefused, match="cannot store TEXT value in INTEGER column") as refusal:
        client.submit(priority="high")  # type: ignore[arg-type]
    assert refusal.value.code == "invalid_job"
    assert refusal.value.hint
    assert client.jobs() == []
    client.submit()


def test_many_jobs_are_submitted_in_order(client: JobClient) -> None:
    jobs = client.submit_many(NewJob(payload=n) for n in range(50))
    assert [job.payload for job in jobs] == list(range(50))
    assert client.submit_many([]) == []
    assert client.status().pending == 50


@pytest.mark.parametrize("bad", [NewJob(payload=float("nan")), NewJob(priority="high")])  # type: ignore[arg-type]
def test_many_jobs_are_submitted_all_or_none(client: JobClient, bad: NewJob) -> None:
    with pytest.raises((InvalidJSON, JobRefused)):
        client.submit_many([NewJob(), bad, NewJob()])
    assert client.jobs() == []
    assert client.status().pending == 0


def test_threads_may_submit_at_once(client: JobClient) -> None:
    start = Barrier(8)

    def submit(thread: int) -> list[UUID]:
        start.wait(10)
        return [client.submit("t", [thread, n]).id for n in range(15)]

    with ThreadPoolExecutor(8) as threads:
        ids = [job for jobs in threads.map(submit, range(8)) for job in jobs]
    assert len(set(ids)) == 8 * 15
    assert {job.id for job in client.jobs(limit=1000)} == set(ids)
    assert client.status().pending == 8 * 15


def test_two_processes_may_use_one_file(client: JobClient, path: Path) -> None:
    with JobClient(path) as other:
        job = other.submit("t", 1)
        assert client.get(job.id) == job


# Look.


def test_an_id_may_be_text_or_uuid(client: JobClient) -> None:
    job = client.submit()
    assert client.get(str(job.id)) == client.get(job.id) == job


@pytest.mark.parametrize("method", ["get", "cancel", "wait"])
def test_a_job_that_is_not_here_is_not_found(client: JobClient, method: str) -> None:
    stranger = uuid4()
    with pytest.raises(JobNotFound, match=str(stranger)) as refusal:
        getattr(client, method)(stranger)
    assert refusal.value.code == "not_found"


@pytest.mark.parametrize("method", ["get", "cancel", "wait"])
@pytest.mark.parametrize(
    "bad",
    [
        "1",
        "",
        "44C6D80C-1939-4D92-82B2-776D7E4A1212",
        "8bdced74-e647-11f1-8da3-02fc00000001",
        "2209b8ea-f595-4e20-9795-3e84a867b78c\n",
    ],
)
def test_what_is_no_job_id_is_refused(client: JobClient, method: str, bad: str | UUID) -> None:
    with pytest.raises(InvalidJob, match="not a lower-case UUID"):
        getattr(client, method)(bad)


def test_jobs_are_listed_newest_first(client: JobClient) -> None:
    ids = [client.submit("t", n).id for n in range(12)]
    assert [job.id for job in client.jobs()] == ids[:1:-1]
    assert [job.id for job in client.jobs(limit=3)] == ids[:8:-1]
    assert [job.id for job in client.jobs(limit=100)] == ids[::-1]


def test_jobs_are_listed_by_status_and_task(client: JobClient, path: Path) -> None:
    first, second, third = (client.submit(task) for task in ("a", "b", "a"))
    server_says(path, first, Status.COMPLETED)
    assert [job.id for job in client.jobs(task="a")] == [third.id, first.id]
    assert [job.id for job in client.jobs(status=Status.PENDING)] == [third.id, second.id]
    assert [job.id for job in client.jobs(status="completed", task="a")] == [first.id]
    assert client.jobs(status="completed", task="b") == []


# Cancel.


def test_a_cancelled_job_is_told_to_the_server_once(client: JobClient) -> None:
    job = client.submit()
    for _ in range(2):
        assert client.cancel(job.id).cancel_requested
    assert client.status().pending == 2
    assert client.get(job.id).state == "waiting to send, cancelling"


def test_a_cancel_after_the_end_has_no_effect(client: JobClient, path: Path) -> None:
    job = client.submit()
    server_says(path, job, Status.COMPLETED, result="1")
    found = client.cancel(job.id)
    assert (found.status, found.cancel_requested, found.result) == (Status.COMPLETED, False, 1)


# Wait.


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_wait_returns_once_the_job_has_ended(client: JobClient, path: Path, status: Status) -> None:
    job = client.submit()
    waiting = aside(lambda: client.wait(job.id, timeout=20))
    server_says(path, job, Status.RUNNING)
    assert not waiting.done()
    server_says(path, job, status)
    assert waiting.result(10).status is status


def test_wait_returns_once_the_job_was_rejected(client: JobClient, path: Path) -> None:
    job = client.submit()
    waiting = aside(lambda: client.wait(job.id, timeout=20))
    with closing(Replica(path)) as replica:
        replica.reject(1, str(job.id), "invalid_json", "…")
    assert waiting.result(10).status is Status.REJECTED


def test_wait_returns_at_once_for_what_has_ended(client: JobClient, path: Path) -> None:
    job = client.submit()
    server_says(path, job, Status.COMPLETED)
    assert client.wait(job.id, timeout=0).completed


@pytest.mark.parametrize("timeout", [0, 0.05, -1])
def test_wait_gives_up_when_time_is_up(client: JobClient, timeout: float) -> None:
    job = client.submit()
    with pytest.raises(TimeoutError, match=f"job {job.id} is still waiting to send after"):
        client.wait(job.id, timeout)


# Watch.


def test_watch_shows_what_is_there_and_again_when_it_changes(client: JobClient) -> None:
    watch = client.watch()
    assert next(watch) == []
    job = client.submit()
    assert next(watch) == [job]
    client.cancel(job.id)
    assert [found.cancel_requested for found in next(watch)] == [True]


def test_watch_shows_what_another_process_has_changed(client: JobClient, path: Path) -> None:
    watch = client.watch()
    assert next(watch) == []
    following = aside(lambda: next(watch))
    in_another_process(path, "INSERT INTO background_jobs (payload) VALUES ('\"theirs\"')")
    assert [job.payload for job in following.result(10)] == ["theirs"]


def test_watch_is_silent_about_what_it_does_not_show(client: JobClient, path: Path) -> None:
    watch = client.watch(limit=2, task="a")
    assert next(watch) == []
    following = aside(lambda: next(watch))
    client.submit("b")
    in_another_process(path, "INSERT INTO background_jobs (payload) VALUES (1)")
    with pytest.raises(TimeoutError):
        following.result(0.2)
    job = client.submit("a")
    assert following.result(10) == [job]


def test_several_watches_see_the_same_change(client: JobClient) -> None:
    watches = [client.watch() for _ in range(4)]
    for watch in watches:
        next(watch)
    following = [aside(lambda watch=watch: next(watch)) for watch in watches]  # type: ignore[misc]
    job = client.submit()
    assert [future.result(10) for future in following] == [[job]] * 4


def test_a_closed_watch_ends_for_whoever_waits_for_it(client: JobClient) -> None:
    watch = client.watch()
    next(watch)
    following = aside(lambda: list(watch))
    watch.close()
    assert following.result(10) == []
    assert list(watch) == []
    assert client.jobs() == []


# Without a gateway.


def test_a_client_without_a_gateway_is_a_local_outbox_and_says_so(client: JobClient) -> None:
    client.submit()
    status = client.status()
    assert (status.state, status.reason) == (
        ConnectionState.DISCONNECTED,
        "no gateway was given",
    )
    assert (status.pending, status.rejected, status.stalled) == (1, 0, False)
    assert (status.owner, status.last_synced_at) == (None, None)
    assert status.oldest_pending_age is not None
    assert 0 <= status.oldest_pending_age < 10


@pytest.mark.parametrize("method", ["sync", "connect", "disconnect"])
def test_a_client_without_a_gateway_can_not_connect(client: JobClient, method: str) -> None:
    with pytest.raises(ClientError, match="was given no gateway") as refusal:
        getattr(client, method)()
    assert refusal.value.hint == "JobClient(path, url, token)"


def test_status_of_an_empty_file(client: JobClient) -> None:
    status = client.status()
    assert (status.pending, status.oldest_pending_age, status.rejected) == (0, None, 0)


# Close.


def test_a_client_may_be_closed_twice(path: Path) -> None:
    client = JobClient(path)
    client.close()
    client.close()


def test_leaving_the_block_closes_even_when_it_fails(path: Path) -> None:
    client = JobClient(path)
    with pytest.raises(ZeroDivisionError), client:
        _ = 1 / 0
    with pytest.raises(ClientClosed):
        client.jobs()


CALLS: dict[str, Callable[[JobClient], object]] = {
    "submit": lambda client: client.submit(),
    "submit_many": lambda client: client.submit_many([NewJob()]),
    "cancel": lambda client: client.cancel(uuid4()),
    "get": lambda client: client.get(uuid4()),
    "jobs": lambda client: client.jobs(),
    "wait": lambda client: client.wait(uuid4()),
    "watch": lambda client: client.watch(),
    "status": lambda client: client.status(),
    "sync": lambda client: client.sync(),
    "connect": lambda client: client.connect(),
    "disconnect": lambda client: client.disconnect(),
}


def test_these_are_all_the_methods() -> None:
    methods = {name for name in vars(JobClient) if not name.startswith("_")}
    assert methods == {*CALLS, "close"}


@pytest.mark.parametrize("method", CALLS)
def test_a_closed_client_says_so(path: Path, method: str) -> None:
    client = JobClient(path)
    client.close()
    with pytest.raises(ClientClosed, match="was closed"):
        CALLS[method](client)


def test_closing_ends_a_watch_that_another_thread_waits_for(path: Path) -> None:
    client = JobClient(path)
    watch = client.watch()
    next(watch)
    following = aside(lambda: list(watch))
    client.close()
    assert following.result(10) == []


def test_closing_raises_for_a_thread_that_waits_for_a_job(path: Path) -> None:
    client = JobClient(path)
    job = client.submit()
    waiting = aside(lambda: client.wait(job.id))
    client.close()
    with pytest.raises(ClientClosed):
        waiting.result(10)


def test_threads_that_use_a_client_while_it_is_closed_are_told_so(path: Path) -> None:
    client = JobClient(path)
    submitted: list[Job] = []

    def submit_on() -> None:
        while True:
            submitted.append(client.submit())

    working = [aside(submit_on) for _ in range(4)]
    eventually(lambda: len(submitted) > 8, every=0.001)
    client.close()
    for future in working:
        with pytest.raises(ClientClosed):
            future.result(10)
    with JobClient(path) as again:
        assert {job.id for job in again.jobs(limit=10_000)} == {job.id for job in submitted}


def test_jobs_outlive_the_client(path: Path) -> None:
    with JobClient(path) as client:
        job = client.submit("t", 1)
    with JobClient(str(path)) as again:
        assert again.get(job.id) == job
        assert again.status().pending == 1
