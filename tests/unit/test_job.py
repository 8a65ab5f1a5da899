"""A job says how it stands, in words and in flags."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from jobferry_shared.job import Job, JobError
from jobferry_shared.states import Status

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
NOTHING: dict[str, Any] = dict.fromkeys(
    ("result", "error", "queue_name", "job_key", "received_at", "started_at", "finished_at")
)
JOB = Job(
    id=UUID("019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"),
    task="t",
    payload=None,
    status=Status.PENDING,
    progress=0.0,
    cancel_requested=False,
    attempts=0,
    max_attempts=25,
    priority=0,
    flags=(),
    timestamp=NOON,
    run_at=NOON,
    submitted_by=None,
    client_id=None,
    **NOTHING,
)
FAILED = JobError("handler_error", "no {such} photo")


@pytest.mark.parametrize(
    ("status", "more", "words"),
    [
        (Status.PENDING, {}, "waiting to send"),
        (Status.REJECTED, {"error": FAILED}, "rejected (handler_error: no {such} photo)"),
        (Status.REJECTED, {}, "rejected (unknown: no reason was given)"),
        (Status.SCHEDULED, {}, "scheduled for 2026-02-03 12:00:00"),
        (Status.QUEUED, {}, "queued"),
        (Status.RUNNING, {"progress": 0.424}, "running 42 %"),
        (Status.RETRYING, {}, "failed (will retry at 12:00:00)"),
        (Status.COMPLETED, {}, "done"),
        (Status.FAILED, {"error": FAILED}, "failed (handler_error: no {such} photo)"),
        (Status.CANCELLED, {}, "cancelled"),
    ],
)
def test_the_state_in_words(status: Status, more: dict[str, Any], words: str) -> None:
    assert replace(JOB, status=status, **more).state == words


@pytest.mark.parametrize("status", Status)
def test_a_cancel_that_is_under_way_is_said_until_the_end(status: Status) -> None:
    job = replace(JOB, status=status, cancel_requested=True)
    assert job.state.endswith(", cancelling") is not job.finished


def test_it_is_finished_completed_or_cancelled_by_its_status() -> None:
    jobs = [replace(JOB, status=status) for status in Status]
    assert {job.status for job in jobs if job.finished} == {
        Status.REJECTED,
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
    }
    assert [job.status for job in jobs if job.completed] == [Status.COMPLETED]
    assert [job.status for job in jobs if job.cancelled] == [Status.CANCELLED]


def test_it_is_a_picture_and_not_a_handle() -> None:
    with pytest.raises(FrozenInstanceError):
        JOB.status = Status.COMPLETED  # type: ignore[misc]
