"""A row of the local table as a :class:`Job`."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from jobferry_shared.job import Job, JobError
from jobferry_shared.states import Status

__all__ = ["job_of", "parse_time", "utc_text"]

Row = Mapping[str, Any]

_starts_with_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]|$)").match


def job_of(row: Row) -> Job:
    """The job in a row. What a foreign program wrote oddly is shown as ``None``, not raised."""
    return Job(
        id=UUID(row["id"]),
        task=row["task"],
        payload=_json(row["payload"]),
        status=Status(row["status"]),
        progress=row["progress"],
        result=_json(row["result"]),
        error=_error(row),
        cancel_requested=bool(row["cancelled"]),
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        priority=row["priority"],
        queue_name=row["queue_name"],
        job_key=row["job_key"],
        flags=_flags(row["flags"]),
        timestamp=_time(row["timestamp"]),
        run_at=_time(row["run_at"]),
        received_at=_time(row["received_at"]),
        started_at=_time(row["started_at"]),
        finished_at=_time(row["finished_at"]),
        submitted_by=row["submitted_by"],
        client_id=UUID(row["client_id"]) if row["client_id"] else None,
    )


def parse_time(text: str) -> datetime:
    """A time as a program wrote it; without a zone it is UTC, as SQLite's own clock is.

    ``ValueError`` if it is no ISO 8601 time, or one that UTC's calendar does not have.
    """
    # Milliseconds since 1970 would pass for a date without dashes, in the year 1711.
    if not _starts_with_date(text):
        raise ValueError(f"{text[:40]!r} is not an ISO 8601 time")
    time = datetime.fromisoformat(text)
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is outside of the calendar") from error


def utc_text(time: datetime) -> str:
    """A time as the local table keeps it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None


def _flags(text: str | None) -> tuple[str, ...]:
    flags = _json(text)
    if not isinstance(flags, list):
        return ()
    return tuple(str(flag) for flag in flags if flag is not None)


def _error(row: Row) -> JobError | None:
    if row["rejected_code"]:
        return JobError(row["rejected_code"], row["rejected_message"])
    return JobError.parse(row["error"])
