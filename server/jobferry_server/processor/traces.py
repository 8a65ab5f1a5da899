"""The span of an attempt, in whose context the handler runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobferry_server.processor.job import Job
from jobferry_server.processor.outcome import Failed, Outcome, in_a_word
from jobferry_shared.traces import SYSTEM, context_of, tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

__all__ = ["attempt_span", "note_failure"]


@contextmanager
def attempt_span(ours: "Tracer", job: Job) -> Iterator[Callable[[Outcome], None]]:
    """The attempt is under way within the block; call what is yielded with what came of it."""
    from opentelemetry.trace import SpanKind

    with ours.start_as_current_span(
        "jobferry.run",
        context_of(job.traceparent),
        SpanKind.CONSUMER,
        {
            "messaging.system": SYSTEM,
            "messaging.operation.name": "run",
            "messaging.operation.type": "process",
            "messaging.destination.name": job.task,
            "messaging.message.id": str(job.id),
            "jobferry.attempt": job.attempt,
        },
    ) as span:
        _tell_of_retry(span, job)
        yield lambda outcome: _end(span, job, outcome)


def note_failure(error: BaseException) -> None:
    """The attempt under way has failed with this."""
    if tracer() is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().record_exception(error)


def _tell_of_retry(span: "Span", job: Job) -> None:
    if job.attempt > 1:
        error = job.earlier.error
        span.add_event("jobferry.retry", {"error.type": error.code} if error else None)


def _end(span: "Span", job: Job, outcome: Outcome) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("jobferry.outcome", in_a_word(outcome, job))
    if job.stop_reason:
        span.set_attribute("jobferry.stop_reason", job.stop_reason)
    if isinstance(outcome, Failed):
        span.set_attribute("error.type", outcome.code)
        span.set_status(StatusCode.ERROR, outcome.message)
