"""Spans of a service that runs as a process of its own go where OpenTelemetry's environment says."""

import os

from jobferry_server.errors import ConfigurationError

__all__ = ["export_spans"]

VARIABLE = "OTEL_TRACES_EXPORTER"


def export_spans() -> None:
    """Send this process's spans by OTLP over HTTP, if ``OTEL_TRACES_EXPORTER`` is ``otlp``.

    Endpoint, headers, sampler and batches are by OpenTelemetry's own variables. An application that
    has set up exporting keeps what it has. :class:`ConfigurationError` for what we can't do.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted in ("", "none"):
        return
    if wanted != "otlp":
        raise ConfigurationError(f"{VARIABLE} is {wanted!r}: only otlp and none are known")
    try:
        _export_by_otlp()
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{VARIABLE} is set and {error.name} is not installed",
            hint="pip install 'jobferry[otel]'",
        ) from error


def _export_by_otlp() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    name = os.environ.get("OTEL_SERVICE_NAME", "jobferry")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
