"""The spans of the group commit: one for each job that came with a trace."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobferry_server.gateway.device import Batch
from jobferry_shared.messages import Submit
from jobferry_shared.traces import SYSTEM, context_of, tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["trace_accepted"]


def trace_accepted(group: Sequence[Batch], began: int) -> None:
    """These were committed, from that moment (ns since 1970) until now. Nothing is traced of what is held."""
    if (ours := tracer()) is None:
        return
    for batch in group:
        if not batch.held:
            _trace_batch(ours, batch, began)


def _trace_batch(ours: "Tracer", batch: Batch, began: int) -> None:
    codes = {refusal.id: refusal.code for refusal in batch.rejected}
    for op in batch.ops:
        if isinstance(op, Submit) and op.traceparent is not None:
            _trace(ours, op, began, codes.get(op.job.id))


def _trace(ours: "Tracer", op: Submit, began: int, rejected: str | None) -> None:
    from opentelemetry.trace import SpanKind, StatusCode

    span = ours.start_span(
        "jobferry.accept",
        context_of(op.traceparent),
        SpanKind.SERVER,
        {
            "messaging.system": SYSTEM,
            "messaging.operation.name": "accept",
            "messaging.destination.name": op.job.task,
            "messaging.message.id": op.job.id,
        },
        start_time=began,
    )
    if rejected is not None:
        span.set_attribute("error.type", rejected)
        span.set_status(StatusCode.ERROR, rejected)
    span.end()
