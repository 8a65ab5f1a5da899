"""From the outbox to the wire: what an operation says, once it is known to be sayable.

Any program may have written the row, so every column is looked at here, one row at a time: a row
that can't be sent is refused on the spot with the reason, and those behind it go on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from jobferry_client.replica import Entry
from jobferry_client.rows import parse_time
from jobferry_shared import strict_json
from jobferry_shared.errors import InvalidJob, InvalidJSON, JobferryError
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Cancel,
    JobSpec,
    Operation,
    Submit,
    encode,
    first_complaint,
)

__all__ = ["Batch", "Refuse", "next_batch"]

Refuse = Callable[[int, str, str, str], None]  #: Called with outbox number, id, code, message.

#: Names of fields, ids and times of one operation, in octets; generous.
_ENVELOPE = 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations for one push, and the outbox numbers they stand for."""

    first: int
    last: int
    ops: list[Operation]


def next_batch(entries: Iterable[Entry], limits: Limits, refuse: Refuse) -> Batch | None:
    """As many of these entries as one message may carry; ``None`` if none can be sent."""
    ops: list[Operation] = []
    first = last = 0
    room = 2 * limits.page_bytes
    for entry in entries:
        try:
            op = operation(entry, limits)
            size = _most_octets(entry)
            if size > limits.message_bytes:
                _check_fits(op, limits)
        except JobferryError as error:
            refuse(entry["seq"], entry["id"], error.code, str(error))
            continue
        if ops and size > room:
            break
        ops.append(op)
        room -= size
        first, last = first or entry["seq"], entry["seq"]
    return Batch(first, last, ops) if ops else None


def operation(entry: Entry, limits: Limits) -> Operation:
    """What one outbox entry asks the ledger to do, or the :class:`JobferryError` why it can't."""
    try:
        if entry["op"] == "cancel":
            return Cancel(id=entry["id"])
        return Submit(
            job=_spec(entry, limits),
            cancelled=bool(entry["cancelled"]),
            traceparent=entry["traceparent"],
        )
    except ValidationError as error:
        raise InvalidJob(first_complaint(error)) from error


def _most_octets(entry: Entry) -> int:
    """What an operation takes in a message, at most: any octet of a text may need an escape."""
    texts = (value for value in entry if isinstance(value, str))
    return _ENVELOPE + sum(2 * len(text.encode(errors="replace")) for text in texts)


def _check_fits(op: Operation, limits: Limits) -> None:
    size = len(encode(op).encode()) + _ENVELOPE
    if size > limits.message_bytes:
        raise InvalidJob(
            f"{size} octets to send, the limit of a message is {limits.message_bytes}",
            code="message_too_large",
        )


def _spec(entry: Entry, limits: Limits) -> JobSpec:
    if entry["payload"] is None:
        raise InvalidJob("the job was deleted before it could be sent")
    strict_json.parse(entry["payload"], max_bytes=limits.payload_bytes)
    return JobSpec(
        id=entry["id"],
        timestamp=_time("timestamp", entry["timestamp"]),
        payload=entry["payload"],
        task=entry["task"],
        queue_name=entry["queue_name"],
        priority=entry["priority"],
        run_at=_time("run_at", entry["run_at"]) if entry["run_at"] is not None else None,
        max_attempts=entry["max_attempts"],
        job_key=entry["job_key"],
        flags=_flags(entry["flags"]),
        database_id=entry["database_id"],
    )


def _time(column: str, text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise InvalidJob(f"{column}: {text[:40]!r} is not an ISO 8601 time") from error


def _flags(text: str | None) -> list[str] | None:
    if text is None:
        return None
    try:
        flags = strict_json.parse(text)
    except InvalidJSON as error:
        raise InvalidJob(f"flags: {error}") from error
    if not isinstance(flags, list):
        raise InvalidJob("flags: a JSON array of strings is wanted")
    return flags
