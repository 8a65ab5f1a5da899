"""The span around a submit on the device."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobferry_shared.traces import SYSTEM, current_traceparent, tracer

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

__all__ = ["submitting"]


@contextmanager
def submitting(rows: Sequence[dict[str, Any]]) -> Iterator[None]:
    """A span, a child of the current one, whose ``traceparent`` these rows get to carry.

    Without OpenTelemetry in this process they carry none.
    """
    ours = tracer()
    if ours is None:
        yield
        return
    from opentelemetry.trace import SpanKind

    with ours.start_as_current_span(
        "jobferry.submit", kind=SpanKind.PRODUCER, attributes=_attributes(rows)
    ):
        traceparent = current_traceparent()
        for row in rows:
            row["traceparent"] = traceparent
        yield


def _attributes(rows: Sequence[dict[str, Any]]) -> "dict[str, AttributeValue]":
    found: dict[str, AttributeValue] = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "submit",
        "messaging.operation.type": "send",
    }
    tasks = {row["task"] for row in rows}
    if len(tasks) == 1:
        found["messaging.destination.name"] = tasks.pop()
    if len(rows) == 1:
        found["messaging.message.id"] = rows[0]["id"]
    else:
        found["messaging.batch.message_count"] = len(rows)
    return found
