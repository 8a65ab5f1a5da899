"""A row of the feed as a message to a device.

Whoever wrote the row, a device gets what it can take: a public code and message for an error of any
shape, and no payload or result above the limit, which would end its connection again and again.
"""

import asyncpg

from jobferry_shared.job import JobError
from jobferry_shared.messages import Change, ErrorDetail, StoredJob
from jobferry_shared.states import Status

__all__ = ["change_of"]


def change_of(row: asyncpg.Record, most: int) -> Change:
    """The change in one row of queries/gateway_feed.sql; ``most`` octets of payload or result."""
    error = _public_error(row["error"])
    result: str | None = row["result"]
    if result is not None and len(result.encode()) > most:
        error = _too_large("result", len(result.encode()), most)
        result = None
    change = Change.model_construct(
        id=row["id"],
        status=Status(row["status"]),
        progress=row["progress"],
        attempts=row["attempts"],
        received_at=row["received_at"],
        run_at=row["run_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        result=result,
        error=error,
    )
    if row["payload"] is not None:
        change.spec = _spec(row, most)
        change.client_id = row["client_id"]
    return change


def _spec(row: asyncpg.Record, most: int) -> StoredJob:
    payload = row["payload"]
    if len(payload.encode()) > most:
        payload = _too_large("payload", len(payload.encode()), most).model_dump_json()
    return StoredJob.model_construct(
        id=row["id"],
        timestamp=row["timestamp"],
        payload=payload,
        task=row["task"],
        queue_name=row["queue_name"],
        priority=row["priority"],
        max_attempts=row["max_attempts"],
        job_key=row["job_key"],
        flags=row["flags"],
        database_id=row["database_id"],
    )


def _public_error(text: str | None) -> ErrorDetail | None:
    """Whoever wrote the row, a device gets a code and a message."""
    error = JobError.parse(text)
    return None if error is None else ErrorDetail(code=error.code, message=error.message)


def _too_large(what: str, size: int, most: int) -> ErrorDetail:
    return ErrorDetail(
        code="payload_too_large", message=f"the {what} has {size} octets, a device takes {most}"
    )
