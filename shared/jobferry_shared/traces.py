"""The trace that a job belongs to, from the submit on the device to the handler.

A job carries a ``traceparent``, as W3C Trace Context writes it. Spans are made with OpenTelemetry's API,
and only in a process where somebody has set OpenTelemetry up: elsewhere nobody would take them, and
nothing of it is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from jobferry_shared import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["SYSTEM", "TRACEPARENT", "attached", "context_of", "current_traceparent", "tracer"]

#: What a ``traceparent`` looks like.
TRACEPARENT = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
#: What we are among messaging systems, in OpenTelemetry's semantic conventions.
SYSTEM = "jobferry"


def tracer() -> "Tracer | None":
    """What makes our spans; ``None`` in a process that does not use OpenTelemetry."""
    if not _is_loaded():
        return None
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

    provider = get_tracer_provider()
    # The proxy stands for whatever may be set up later.
    if isinstance(provider, ProxyTracerProvider):
        return None
    return provider.get_tracer("jobferry", __version__)


def current_traceparent() -> str | None:
    """That of the span in whose context the caller runs; ``None`` outside of any."""
    carrier: dict[str, str] = {}
    if tracer() is not None:
        _propagator().inject(carrier)
    return carrier.get("traceparent")


def context_of(traceparent: str | None) -> "Context":
    """The context for a child of the span that a ``traceparent`` names; without one a root's."""
    from opentelemetry.context import Context

    carrier = {} if traceparent is None else {"traceparent": traceparent}
    return _propagator().extract(carrier, Context())


@contextmanager
def attached(traceparent: str | None) -> Iterator[None]:
    """Run the block as if it were within that span, which is another process's."""
    if traceparent is None or not _is_loaded():
        yield
        return
    from opentelemetry.context import attach, detach

    token = attach(context_of(traceparent))
    try:
        yield
    finally:
        detach(token)


def _is_loaded() -> bool:
    return "opentelemetry.trace" in sys.modules


@cache
def _propagator() -> "TraceContextTextMapPropagator":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()
