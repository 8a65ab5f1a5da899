"""The sync engine's half of the file: what is sent, and what becomes of the answers."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid1, uuid4

import pytest

from jobferry_client import Job, JobClient, NewJob, Status
from jobferry_client.outgoing import Batch, next_batch
from jobferry_client.replica import OtherOwner, Replica, UnknownJob
from jobferry_client.rows import utc_text
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Cancel,
    Change,
    ErrorDetail,
    Push,
    Rejection,
    StoredJob,
    Submit,
    encode,
)

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
LIMITS = Limits()


class Device:
    """One file from both sides: the application's and the engine's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.client = JobClient(path)
        self.replica = Replica(path)

    def close(self) -> None:
        self.replica.close()
        self.client.close()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What another program does."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def foreign(self, **columns: object) -> UUID:
        """A job that another program inserted."""
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        ((job,),) = self.sql(
            f"INSERT INTO background_jobs ({names}) VALUES ({marks}) RETURNING id",
            *columns.values(),
        )
        return UUID(job)

    @property
    def outbox(self) -> list[tuple[str, UUID]]:
        rows = self.sql("SELECT op, job_id FROM _jobferry_outbox ORDER BY seq")
        return [(op, UUID(job)) for op, job in rows]

    def next_batch(self, limits: Limits = LIMITS) -> Batch | None:
        """What the engine would send now; what can't be sent is rejected on the spot."""
        after = 0
        while entries := self.replica.outbox(after, limits.batch, limits.page_bytes):
            if batch := next_batch(entries, limits, self.replica.reject):
                return batch
            after = entries[-1]["seq"]
        return None

    def acknowledge(
        self, at: datetime = NOON, owner: str = "anna", rejected: Sequence[Rejection] = ()
    ) -> None:
        """The gateway has everything, but for the rejected."""
        batch = self.next_batch()
        assert batch is not None
        self.replica.acknowledge(batch.first, batch.last, at, owner, rejected)

    def apply(self, *changes: Change, cursor: str = "c") -> None:
        self.replica.apply(changes, cursor, NOON)


@pytest.fixture
def device(device_file: Callable[[str], Path]) -> Iterator[Device]:
    """A new device."""
    found = Device(device_file("till"))
    yield found
    found.close()


def change(job: Job | UUID, status: Status, **more: Any) -> Change:
    """What a gateway says of a job."""
    if status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        more = {"finished_at": NOON} | more
    found = job.id if isinstance(job, Job) else job
    return Change(id=str(found), status=status, **({"received_at": NOON, "run_at": NOON} | more))


def refusal(job: Job | UUID, code: str, message: str = "…") -> Rejection:
    found = job.id if isinstance(job, Job) else job
    return Rejection(seq=1, id=str(found), code=code, message=message)


# Acknowledged.


def test_an_acknowledged_job_is_queued_and_its_operation_gone(device: Device) -> None:
    job = device.client.submit("t", 1)
    device.acknowledge(NOON, "anna")
    found = device.client.get(job.id)
    assert (found.status, found.submitted_by, found.received_at) == (Status.QUEUED, "anna", NOON)
    assert found.run_at == NOON
    assert found.client_id == device.client.status().client_id
    assert device.outbox == []


@pytest.mark.parametrize(
    ("delay", "status"), [(timedelta(hours=1), Status.SCHEDULED), (-timedelta(1), Status.QUEUED)]
)
def test_an_acknowledged_job_is_scheduled_if_its_time_has_not_come_by_the_server_s_clock(
    device: Device, delay: timedelta, status: Status
) -> None:
    job = device.client.submit("t", run_at=NOON + delay)
    device.acknowledge(NOON)
    found = device.client.get(job.id)
    assert (found.status, found.run_at) == (status, NOON + delay)


def test_only_the_operations_of_the_batch_are_acknowledged(device: Device) -> None:
    first = device.client.submit()
    batch = device.next_batch()
    assert batch is not None
    second = device.client.submit()
    device.replica.acknowledge(batch.first, batch.last, NOON, "anna", [])
    assert device.client.get(first.id).status is Status.QUEUED
    assert device.client.get(second.id).status is Status.PENDING
    assert device.outbox == [("submit", second.id)]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED])
def test_a_change_that_came_before_the_acknowledgement_stands(
    device: Device, status: Status
) -> None:
    job = device.client.submit()
    device.apply(change(job, status, progress=0.5, attempts=1))
    device.acknowledge(NOON, "anna")
    found = device.client.get(job.id)
    assert (found.status, found.progress, found.attempts) == (status, 0.5, 1)
    assert (found.submitted_by, found.received_at) == ("anna", NOON)
    assert device.outbox == []


def test_a_job_cancelled_before_it_was_sent_travels_as_cancelled(device: Device) -> None:
    job = device.client.submit()
    device.client.cancel(job.id)
    batch = device.next_batch()
    assert batch is not None
    submit, cancel = batch.ops
    assert isinstance(submit, Submit)
    assert submit.cancelled
    assert cancel == Cancel(id=str(job.id))
    device.acknowledge()
    assert device.client.get(job.id).cancel_requested
    assert device.outbox == []


# Rejected.


def test_a_rejected_job_shows_code_and_reason_and_those_beside_it_go_on(device: Device) -> None:
    before, bad, behind = (device.client.submit("t", n) for n in range(3))
    device.acknowledge(rejected=[refusal(bad, "id_taken", "somebody else's")])
    found = device.client.get(bad.id)
    assert found.status is Status.REJECTED
    assert found.error is not None
    assert (found.error.code, found.error.message) == ("id_taken", "somebody else's")
    assert found.finished
    assert found.received_at is None
    assert found.state == "rejected (id_taken: somebody else's)"
    assert {device.client.get(job.id).status for job in (before, behind)} == {Status.QUEUED}
    assert device.outbox == []
    assert device.client.status().rejected == 1


def test_a_refused_cancel_leaves_the_job_as_it_is_and_says_why(device: Device) -> None:
    job = device.client.submit()
    device.acknowledge()
    device.apply(change(job, Status.RUNNING))
    device.client.cancel(job.id)
    device.acknowledge(rejected=[refusal(job, "not_found")])
    found = device.client.get(job.id)
    assert (found.status, found.cancel_requested) == (Status.RUNNING, False)
    assert found.error is not None
    assert found.error.code == "not_found"


def test_the_first_reason_of_a_rejected_job_is_not_hidden_by_that_of_its_cancel(
    device: Device,
) -> None:
    job = device.client.submit()
    device.client.cancel(job.id)
    reasons = [refusal(job, "payload_too_large", "too large"), refusal(job, "not_found")]
    device.acknowledge(rejected=reasons)
    found = device.client.get(job.id)
    assert found.status is Status.REJECTED
    assert found.error is not None
    assert (found.error.code, found.error.message) == ("payload_too_large", "too large")


def test_a_rejected_row_stays_visible_whatever_the_server_says_of_its_id(device: Device) -> None:
    job = device.client.submit("t", "mine")
    device.acknowledge(rejected=[refusal(job, "content_differs")])
    spec = StoredJob(id=str(job.id), timestamp=NOON, payload='"another"')
    device.apply(change(job, Status.COMPLETED, result="1", spec=spec))
    found = device.client.get(job.id)
    assert (found.status, found.payload, found.result) == (Status.REJECTED, "mine", None)


# Changes.


def test_a_change_brings_everything_the_server_has_to_say(device: Device) -> None:
    job = device.client.submit()
    device.acknowledge()
    device.apply(
        change(
            job,
            Status.COMPLETED,
            progress=1.0,
            attempts=3,
            started_at=NOON + timedelta(seconds=1),
            finished_at=NOON + timedelta(seconds=2),
            result='{"half": 320}',
        )
    )
    found = device.client.get(job.id)
    assert (found.status, found.progress, found.attempts) == (Status.COMPLETED, 1.0, 3)
    assert found.started_at == NOON + timedelta(seconds=1)
    assert found.finished_at == NOON + timedelta(seconds=2)
    assert (found.completed, found.cancelled, found.finished) == (True, False, True)
    assert found.result == {"half": 320}
    assert device.outbox == []


def test_a_failure_brings_its_code_and_message(device: Device) -> None:
    job = device.client.submit()
    device.acknowledge()
    error = ErrorDetail(code="handler_error", message="no such photo")
    device.apply(change(job, Status.FAILED, error=error))
    found = device.client.get(job.id)
    assert found.error is not None
    assert (found.error.code, found.error.message) == ("handler_error", "no such photo")
    assert found.state == "failed (handler_error: no such photo)"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.RETRYING])
def test_a_local_cancel_stays_visible_over_what_is_not_the_end(
    device: Device, status: Status
) -> None:
    job = device.client.submit()
    device.acknowledge()
    device.client.cancel(job.id)
    device.apply(change(job, status))
    found = device.client.get(job.id)
    assert (found.status, found.cancel_requested, found.cancelled) == (status, True, False)
    assert found.state.endswith(", cancelling")
    assert device.outbox == [("cancel", job.id)]


@pytest.mark.parametrize(
    ("status", "cancelled"),
    [(Status.COMPLETED, False), (Status.FAILED, False), (Status.CANCELLED, True)],
)
def test_a_local_cancel_yields_to_the_end_whichever_it_is(
    device: Device, status: Status, cancelled: bool
) -> None:
    job = device.client.submit()
    device.acknowledge()
    device.client.cancel(job.id)
    device.apply(change(job, status))
    found = device.client.get(job.id)
    assert (found.status, found.cancelled, found.cancel_requested) == (status, cancelled, cancelled)
    flags = device.sql("SELECT completed, cancelled FROM background_jobs")
    assert flags == [(status is Status.COMPLETED, cancelled)]


def spec_of(number: int) -> tuple[UUID, StoredJob]:
    job = uuid4()
    spec = StoredJob(
        id=str(job),
        timestamp=NOON + timedelta(seconds=number),
        payload=f'{{"n": {number}}}',
        task="t",
        queue_name="q",
        priority=3,
        max_attempts=2,
        job_key="k",
        flags=["a", "b"],
        database_id=str(uuid4()),
    )
    return job, spec


def test_a_job_of_another_device_is_learned_once_and_whole(device: Device) -> None:
    other = uuid4()
    job, spec = spec_of(1)
    learned = change(job, Status.RUNNING, spec=spec, client_id=str(other))
    device.replica.welcome("anna")
    device.apply(learned)
    found = device.client.get(job)
    assert (found.payload, found.task, found.queue_name) == ({"n": 1}, "t", "q")
    assert (found.priority, found.max_attempts, found.job_key) == (3, 2, "k")
    assert (found.flags, found.client_id, found.submitted_by) == (("a", "b"), other, "anna")
    assert (found.timestamp, found.received_at) == (NOON + timedelta(seconds=1), NOON)
    assert found.status is Status.RUNNING
    assert device.outbox == []
    device.apply(change(job, Status.COMPLETED))
    device.apply(learned.model_copy(update={"status": Status.COMPLETED, "finished_at": NOON}))
    assert device.client.get(job).payload == {"n": 1}
    assert len(device.client.jobs()) == 1


def test_a_job_that_is_told_again_keeps_the_very_payload_it_had_here(device: Device) -> None:
    job = device.foreign(payload='{ "b": 1,  "a": 2 }')
    device.acknowledge()
    spec = StoredJob(id=str(job), timestamp=NOON, payload='{"a": 2, "b": 1}')
    device.apply(change(job, Status.RUNNING, spec=spec))
    assert device.sql("SELECT payload FROM background_jobs") == [('{ "b": 1,  "a": 2 }',)]
    assert device.client.get(job).status is Status.RUNNING


def test_what_the_server_has_revised_is_taken(device: Device) -> None:
    job, spec = spec_of(1)
    for payload in ({"n": 2}, {"n": 2.0}, True, 1, [1], "x"):
        revised = {"payload": json.dumps(payload), "task": "revised", "priority": 9}
        again = spec.model_copy(update=revised)
        for told in (spec, again):
            device.apply(change(job, Status.QUEUED, spec=told))
        shown = device.client.get(job)
        assert (shown.payload, type(shown.payload)) == (payload, type(payload))
        assert (shown.task, shown.priority) == ("revised", 9)


def test_a_job_that_is_still_to_be_sent_or_was_refused_keeps_what_it_says(device: Device) -> None:
    """Its id may be another job's by mistake: then it must be refused, not changed."""
    job = device.client.submit("t", {"n": 1})
    spec = StoredJob(id=str(job.id), timestamp=NOON, payload='{"n": 2}', task="t")
    device.apply(change(job, Status.QUEUED, spec=spec))
    assert device.client.get(job.id).payload == {"n": 1}
    other = device.client.submit("t", {"n": 1})
    device.acknowledge(
        rejected=[Rejection(seq=1, id=str(other.id), code="content_differs", message="")]
    )
    device.apply(change(other, Status.QUEUED, spec=spec.model_copy(update={"id": str(other.id)})))
    shown = device.client.get(other.id)
    assert (shown.payload, shown.status) == ({"n": 1}, Status.REJECTED)


@pytest.mark.parametrize("stranger", [uuid1(), UUID(int=0)], ids=["version 1", "nil"])
def test_a_job_of_an_id_that_no_device_would_give_is_shown_and_found(
    device: Device, stranger: UUID
) -> None:
    spec = StoredJob(
        id=str(stranger), timestamp=NOON, payload="1", task="", priority=99999, flags=["", None]
    )
    device.apply(change(stranger, Status.COMPLETED, spec=spec))
    assert [job.id for job in device.client.jobs()] == [stranger]
    found = device.client.wait(stranger, timeout=0)
    assert (found.payload, found.task, found.priority, found.flags) == (1, "", 99999, ("",))
    assert not device.client.cancel(stranger).cancel_requested


def test_rows_and_cursor_are_stored_together_or_not_at_all(device: Device) -> None:
    job = device.client.submit()
    device.acknowledge()
    device.apply(change(job, Status.QUEUED), cursor="c1")
    with pytest.raises(UnknownJob):
        device.apply(change(job, Status.RUNNING), change(uuid4(), Status.RUNNING), cursor="c2")
    assert device.client.get(job.id).status is Status.QUEUED
    assert device.replica.identity().cursor == "c1"
    # In the middle of the statement that stores the rows.
    with pytest.raises(sqlite3.IntegrityError):
        device.apply(
            change(job, Status.RUNNING), change(job, Status.RUNNING, progress=2.0), cursor="c2"
        )
    assert device.client.get(job.id).status is Status.QUEUED
    assert device.replica.identity().cursor == "c1"
    assert device.sql("SELECT syncing FROM _jobferry_state") == [(0,)]
    device.apply(change(job, Status.RUNNING), cursor="c2")
    assert device.client.get(job.id).status is Status.RUNNING
    assert device.replica.identity().cursor == "c2"
    assert device.client.status().last_synced_at == NOON


def test_an_unknown_job_is_named(device: Device) -> None:
    stranger = uuid4()
    with pytest.raises(UnknownJob, match=str(stranger)):
        device.apply(change(stranger, Status.RUNNING))


def test_an_empty_page_moves_the_cursor(device: Device) -> None:
    device.apply(cursor="c9")
    assert device.replica.identity().cursor == "c9"


def test_forgetting_the_cursor_keeps_rows_and_outbox(device: Device) -> None:
    known = device.client.submit()
    device.acknowledge()
    device.apply(change(known, Status.RUNNING), cursor="c1")
    unsent = device.client.submit()
    device.replica.forget_cursor()
    assert device.replica.identity().cursor is None
    assert device.client.get(known.id).status is Status.RUNNING
    assert device.outbox == [("submit", unsent.id)]


def test_a_file_is_of_one_owner_for_good(device: Device) -> None:
    for _ in range(2):
        device.replica.welcome("anna")
    with pytest.raises(OtherOwner, match="this file holds anna's jobs and the token is bob's"):
        device.replica.welcome("bob")
    assert device.client.status().owner == "anna"


def test_what_the_server_says_rings_for_other_connections(device: Device) -> None:
    seen = device.replica.version()
    job = device.client.submit()
    assert device.replica.version() != seen
    watch = device.client.watch()
    assert [found.status for found in next(watch)] == [Status.PENDING]
    device.acknowledge()
    assert [(found.id, found.status) for found in next(watch)] == [(job.id, Status.QUEUED)]


# What can't be sent.

BAD_UTF8 = b'"\xff"'


def test_bad_utf8_is_rejected_by_itself_and_does_not_hide_the_rows_beside_it(
    device: Device,
) -> None:
    before = device.client.submit("t", "before")
    ((bad,),) = device.sql(
        "INSERT INTO background_jobs (payload) VALUES (CAST(? AS TEXT)) RETURNING id", BAD_UTF8
    )
    behind = device.client.submit("t", "behind")
    assert len(device.client.jobs()) == 3
    batch = device.next_batch()
    assert batch is not None
    assert [op.job.id for op in batch.ops if isinstance(op, Submit)] == [
        str(before.id),
        str(behind.id),
    ]
    device.acknowledge()
    found = device.client.get(bad)
    assert found.status is Status.REJECTED
    assert found.error is not None
    assert (found.error.code, found.error.message) == (
        "invalid_json",
        "not valid UTF-8 at character 1",
    )
    assert device.outbox == []
    assert device.sql("SELECT CAST(payload AS BLOB) FROM background_jobs WHERE id = ?", bad) == [
        (BAD_UTF8,)
    ]


def test_bad_utf8_in_any_other_column_is_rejected_by_itself(device: Device) -> None:
    for column in ("task", "queue_name", "job_key", "flags", "timestamp", "run_at", "database_id"):
        device.sql(
            f'INSERT INTO background_jobs (payload, "{column}") VALUES (1, CAST(? AS TEXT))',
            b"a\xff",
        )
    good = device.client.submit()
    batch = device.next_batch()
    assert batch is not None
    assert [op.job.id for op in batch.ops if isinstance(op, Submit)] == [str(good.id)]
    rejected = device.client.jobs(status=Status.REJECTED)
    assert [job.error.code for job in rejected if job.error] == ["invalid_job"] * 7


CAN_NOT_BE_SENT: dict[str, tuple[dict[str, object], str, str]] = {
    "a payload above the limit": (
        {"payload": '"' + "x" * LIMITS.payload_bytes + '"'},
        "payload_too_large",
        "1048578 bytes, the limit is 1048576",
    ),
    "NUL": ({"payload": '"\\u0000"'}, "invalid_json", "\\u0000 can't be stored"),
    "a lone surrogate": ({"payload": '"\\ud800"'}, "invalid_json", "\\ud800 can't be stored"),
    "1e999": ({"payload": "1e999"}, "invalid_json", "1e999 is more than a double can hold"),
    "a duplicate key": ({"payload": '{"a":1,"a":2}'}, "invalid_json", "duplicate key 'a'"),
    "too deep": ({"payload": "[" * 65 + "]" * 65}, "invalid_json", "nested deeper than 64"),
    "very deep": ({"payload": "[" * 990 + "]" * 990}, "invalid_json", "nested deeper than 64"),
    "milliseconds since 1970": (
        {"payload": "1", "timestamp": 1770120000000},
        "invalid_job",
        "timestamp: '1770120000000' is not an ISO 8601 time",
    ),
    "milliseconds that look like a date": (
        {"payload": "1", "timestamp": 1711111112345},
        "invalid_job",
        "timestamp: '1711111112345' is not an ISO 8601 time",
    ),
    "a time in words": (
        {"payload": "1", "run_at": "tomorrow"},
        "invalid_job",
        "run_at: 'tomorrow' is not an ISO 8601 time",
    ),
    "a time outside of the calendar": (
        {"payload": "1", "run_at": "0001-01-01T00:00:00+14:00"},
        "invalid_job",
        "run_at: '0001-01-01T00:00:00+14:00' is not an ISO 8601 time",
    ),
    "flags that are no array": (
        {"payload": "1", "flags": '"gpu"'},
        "invalid_job",
        "flags: a JSON array of strings is wanted",
    ),
    "flags that are a number": (
        {"payload": "1", "flags": "5"},
        "invalid_job",
        "flags: a JSON array of strings is wanted",
    ),
    "flags that are no JSON": (
        {"payload": "1", "flags": "gpu"},
        "invalid_job",
        "flags: Expecting value: line 1 column 1 (char 0)",
    ),
    "a flag that is no text": (
        {"payload": "1", "flags": "[1]"},
        "invalid_job",
        "flags.0: Input should be a valid string",
    ),
    "a priority beyond smallint": (
        {"payload": "1", "priority": 40000},
        "invalid_job",
        "priority: Input should be less than or equal to 32767",
    ),
    "no attempt": (
        {"payload": "1", "max_attempts": 0},
        "invalid_job",
        "max_attempts: Input should be greater than or equal to 1",
    ),
    "an empty task": (
        {"payload": "1", "task": ""},
        "invalid_job",
        "task: String should have at least 1 character",
    ),
    "a tenant that is no UUID": (
        {"payload": "1", "database_id": "acme"},
        "invalid_job",
        "database_id: String should match pattern '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'",
    ),
}


@pytest.mark.parametrize(
    ("columns", "code", "message"), CAN_NOT_BE_SENT.values(), ids=CAN_NOT_BE_SENT.keys()
)
def test_what_can_not_be_sent_is_rejected_here_and_what_stands_behind_it_goes_on(
    device: Device, columns: dict[str, object], code: str, message: str
) -> None:
    bad = device.foreign(**columns)
    good = device.client.submit()
    batch = device.next_batch()
    assert batch is not None
    assert [op.job.id for op in batch.ops if isinstance(op, Submit)] == [str(good.id)]
    found = device.client.get(bad)
    assert found.status is Status.REJECTED
    assert found.error is not None
    assert (found.error.code, found.error.message) == (code, message)
    assert device.outbox == [("submit", good.id)]
    assert len(device.client.jobs()) == 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-03 12:00:00", NOON),
        ("2026-02-03T12:00:00", NOON),
        ("2026-02-03T12:00:00Z", NOON),
        ("2026-02-03T12:00:00.000Z", NOON),
        ("2026-02-03T14:00:00+02:00", NOON),
        ("2026-02-03T14:00:00+0200", NOON),
        ("2026-02-03T06:30:00-05:30", NOON),
        ("2026-02-03 12:00", NOON),
        ("2026-02-03T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-02-03", NOON - timedelta(hours=12)),
    ],
)
def test_times_in_many_forms_mean_what_they_say(
    device: Device, text: str, moment: datetime
) -> None:
    job = device.foreign(payload="1", timestamp=text, run_at=text)
    batch = device.next_batch()
    assert batch is not None
    (op,) = batch.ops
    assert isinstance(op, Submit)
    assert (op.job.timestamp, op.job.run_at) == (moment, moment)
    assert device.client.get(job).timestamp == moment


def test_sqlite_s_own_current_timestamp_is_a_time(device: Device) -> None:
    device.sql('INSERT INTO background_jobs (payload, "timestamp") VALUES (1, CURRENT_TIMESTAMP)')
    batch = device.next_batch()
    assert batch is not None
    (op,) = batch.ops
    assert isinstance(op, Submit)
    assert abs(datetime.now(UTC) - op.job.timestamp) < timedelta(seconds=10)


def test_odd_rows_of_other_programs_are_shown_and_hide_nothing(device: Device) -> None:
    odd = [
        {"flags": "5"},
        {"flags": "true"},
        {"flags": '{"a": 1}'},
        {"flags": "["},
        {"timestamp": "then"},
        {"timestamp": "0001-01-01T00:00:00+14:00"},
        {"payload": "[" * 990 + "]" * 990},
        {"run_at": ""},
    ]
    for columns in odd:
        device.foreign(**({"payload": "1"} | columns))
    jobs = device.client.jobs(limit=20)
    assert len(jobs) == len(odd)
    assert {job.flags for job in jobs} == {()}
    assert all(job.state for job in jobs)


# How much is sent at once.


def test_a_batch_has_no_more_operations_than_the_gateway_allows(device: Device) -> None:
    device.client.submit_many(NewJob(payload=n) for n in range(10))
    batch = device.next_batch(Limits(batch=4))
    assert batch is not None
    assert len(batch.ops) == 4
    entries = device.replica.outbox(batch.last, 4, 10**6)
    assert entries[0]["seq"] == batch.last + 1


@pytest.mark.parametrize("letter", ["x", '"', "é", "\\"])
def test_a_batch_fits_in_a_message_whatever_is_in_it(device: Device, letter: str) -> None:
    limits = Limits(message_bytes=80_000, payload_bytes=10_000)
    device.client.submit_many(
        NewJob(payload=letter * 500, flags=[letter * 250] * 10) for _ in range(30)
    )
    sent = 0
    while batch := device.next_batch(limits):
        size = len(encode(Push(seq=1, ops=batch.ops)).encode())
        assert size <= limits.message_bytes
        sent += len(batch.ops)
        device.replica.acknowledge(batch.first, batch.last, NOON, "anna", [])
    assert (sent, device.outbox) == (30, [])


def test_a_row_that_no_message_can_carry_is_rejected_and_those_behind_it_go_on(
    device: Device,
) -> None:
    limits = Limits(message_bytes=16_000, payload_bytes=2000)
    bad = device.client.submit(payload=1, flags=["é" * 255] * 60)
    good = device.client.submit()
    batch = device.next_batch(limits)
    assert batch is not None
    assert [op.job.id for op in batch.ops if isinstance(op, Submit)] == [str(good.id)]
    found = device.client.get(bad.id)
    assert found.error is not None
    assert found.error.code == "message_too_large"
    assert found.error.message.endswith("the limit of a message is 16000")


def test_no_more_is_read_of_the_file_than_a_message_can_carry(device: Device) -> None:
    device.client.submit_many(NewJob(payload="x" * 50_000) for _ in range(40))
    assert len(device.replica.outbox(0, 500, 120_000)) == 3
    assert len(device.replica.outbox(0, 500, 1)) == 1
    assert len(device.replica.outbox(0, 500, 10**9)) == 40


def test_a_cancel_is_sent_without_the_payload(device: Device) -> None:
    job = device.client.submit(payload="x" * 1000)
    device.acknowledge()
    device.client.cancel(job.id)
    (entry,) = device.replica.outbox(0, 10, 10**6)
    assert (entry["op"], entry["payload"]) == ("cancel", None)


def test_a_job_deleted_before_it_could_be_sent_is_dropped_and_blocks_nothing(
    device: Device,
) -> None:
    gone = device.client.submit()
    with closing(sqlite3.connect(device.path)) as connection, connection:
        connection.execute("UPDATE _jobferry_state SET syncing = 1")
        connection.execute("DELETE FROM background_jobs WHERE id = ?", [str(gone.id)])
        connection.execute("UPDATE _jobferry_state SET syncing = 0")
    good = device.client.submit()
    assert device.next_batch() is not None
    assert device.outbox == [("submit", good.id)]


def test_what_waits_is_counted_with_the_age_of_the_oldest(device: Device) -> None:
    assert device.replica.pending() == (0, None)
    device.client.submit()
    ((oldest,),) = device.sql("SELECT at FROM _jobferry_outbox")
    device.client.submit()
    assert device.replica.pending() == (2, oldest)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(oldest)) < timedelta(seconds=10)
    assert utc_text(datetime.fromisoformat(oldest)) == oldest
