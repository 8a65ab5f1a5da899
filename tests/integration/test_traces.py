"""One trace from the submit on the device through gateway and processor to the handler."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util._once import Once

from integration.database import Database
from integration.wire import device, job, submit
from jobferry_client import JobClient, JobRefused, NewJob
from jobferry_server import Processor
from support import traced
from support.processes import eventually
from support.services import Services, token
from support.stack import Stack

SOON = 20
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
#: Not sampled, and another trace.
OTHER = "00-11111111111111111111111111111111-2222222222222222-00"


class Spans:
    """What this process has exported since the test began."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def named(self, name: str, number: int = 1) -> list[ReadableSpan]:
        """All of that name, once there are so many."""
        eventually(lambda: len(self._named(name)) >= number, every=0.01)
        return self._named(name)

    def one(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = self.named(name)
        return found

    def _named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """As an application sets OpenTelemetry up: once for a process."""
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    yield found
    provider.shutdown()
    # A process can set it up but once. Other tests run as where nobody did.
    vars(trace).update(_TRACER_PROVIDER=None, _TRACER_PROVIDER_SET_ONCE=Once())


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    """None to begin with."""
    exporter.clear()
    return Spans(exporter)


def processing(**options: Any) -> Processor:
    """The handlers of :mod:`support.traced`, each a task of its name."""
    processor = Processor()
    for handler in (traced.on_thread, traced.on_loop, traced.fails_once):
        processor.task(handler.__name__, retry=lambda _: 0.0, **options)(handler)
    processor.task("in_process", executor="process")(traced.on_thread)
    return processor


@contextmanager
def served(services: Services, path: Path) -> Iterator[JobClient]:
    """A device in step with a gateway and a processor."""
    with (
        services.gateway() as url,
        services.processor(processing()),
        JobClient(path, url, token()) as client,
    ):
        yield client


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    number: int = span.context.span_id
    return number


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else int(span.parent.span_id)


def attribute(span: ReadableSpan, name: str) -> Any:
    """An attribute."""
    return (span.attributes or {}).get(name)


def plain_insert(path: Path, task: str, traceparent: str | None) -> str:
    """A submit by a program that knows SQL alone; the job's id."""
    JobClient(path).close()
    with sqlite3.connect(path) as file:
        row = file.execute(
            "INSERT INTO background_jobs (task, payload, traceparent) VALUES (?, '1', ?) RETURNING id",
            (task, traceparent),
        ).fetchone()
    file.close()
    return str(row[0])


def test_one_trace_from_the_submit_to_the_handler(
    services: Services, device_file: Callable[[str], Path], spans: Spans
) -> None:
    tasks = ("on_thread", "on_loop", "in_process")
    with served(services, device_file("till")) as client:
        with trace.get_tracer("app").start_as_current_span("sale") as sale:
            jobs = [client.submit(task, 1) for task in tasks]
        results = [client.wait(one.id, SOON).result for one in jobs]
    submits, accepts = spans.named("jobferry.submit", 3), spans.named("jobferry.accept", 3)
    runs = {
        attribute(run, "messaging.destination.name"): run for run in spans.named("jobferry.run", 3)
    }
    for task, result, sent in zip(tasks, results, submits, strict=True):
        run = runs[task]
        accept = next(one for one in accepts if parent_of(one) == id_of(sent))
        assert parent_of(sent) == sale.get_span_context().span_id
        assert parent_of(run) == id_of(sent)
        # The handler's own spans would be children of the attempt.
        assert result == {"trace": trace_of(sent), "span": f"{id_of(run):016x}"}
        assert {trace_of(one) for one in (sent, accept, run)} == {trace_of(sent)}
        assert [one.kind for one in (sent, accept, run)] == [
            SpanKind.PRODUCER,
            SpanKind.SERVER,
            SpanKind.CONSUMER,
        ]
        assert attribute(run, "messaging.system") == "jobferry"
        assert attribute(run, "messaging.message.id") == attribute(sent, "messaging.message.id")
        assert attribute(run, "jobferry.outcome") == "completed"


def test_jobs_submitted_together_share_a_span(
    services: Services, device_file: Callable[[str], Path], spans: Spans
) -> None:
    with served(services, device_file("till")) as client:
        for one in client.submit_many(NewJob(task="on_loop") for _ in range(3)):
            client.wait(one.id, SOON)
    sent = spans.one("jobferry.submit")
    assert attribute(sent, "messaging.batch.message_count") == 3
    assert {parent_of(run) for run in spans.named("jobferry.run", 3)} == {id_of(sent)}


def test_a_retry_is_a_span_of_its_own(
    services: Services, device_file: Callable[[str], Path], spans: Spans
) -> None:
    with served(services, device_file("till")) as client:
        done = client.wait(client.submit("fails_once").id, SOON)
    first, second = spans.named("jobferry.run", 2)
    assert done.result["span"] == f"{id_of(second):016x}"
    assert parent_of(first) == parent_of(second) == id_of(spans.one("jobferry.submit"))
    assert [attribute(one, "jobferry.attempt") for one in (first, second)] == [1, 2]
    assert (first.status.status_code, attribute(first, "error.type")) == (
        StatusCode.ERROR,
        "too_early",
    )
    assert [event.name for event in first.events] == ["exception"]
    assert second.status.status_code is StatusCode.UNSET
    assert [(event.name, dict(event.attributes or {})) for event in second.events] == [
        ("jobferry.retry", {"error.type": "too_early"})
    ]


def test_a_trace_waits_in_the_file_while_the_device_is_offline(
    services: Services, device_file: Callable[[str], Path], spans: Spans
) -> None:
    path = device_file("till")
    with JobClient(path) as offline:
        waiting = offline.submit("on_thread")
    with served(services, path) as client:
        result = client.wait(waiting.id, SOON).result
    assert result["trace"] == trace_of(spans.one("jobferry.submit"))


def test_a_program_that_speaks_sql_alone_may_say_a_trace_or_none(
    db: Database, services: Services, device_file: Callable[[str], Path], spans: Spans
) -> None:
    path = device_file("till")
    theirs, none = (plain_insert(path, "on_loop", said) for said in (PARENT, None))
    recipe = db.insert(task="on_loop")
    with served(services, path) as client:
        assert client.wait(theirs, SOON).result["trace"] == TRACE
        client.wait(none, SOON)
        eventually(lambda: not db.queue())
    runs = {attribute(run, "messaging.message.id"): run for run in spans.named("jobferry.run", 3)}
    assert parent_of(runs[theirs]) == int("b7ad6b7169203331", 16)
    assert parent_of(runs[none]) is parent_of(runs[str(recipe)]) is None
    assert db.rows("select job_id, traceparent from jobferry.traces") == [
        {"job_id": UUID(theirs), "traceparent": PARENT}
    ]


@pytest.mark.parametrize(
    "odd",
    ["", "00-0-0-00", PARENT.upper(), PARENT + "0", PARENT.replace("-", "_"), "01" + PARENT[2:]],
)
def test_what_is_no_trace_is_refused_at_every_door(
    odd: str, db: Database, device_file: Callable[[str], Path]
) -> None:
    path = device_file("till")
    with pytest.raises(sqlite3.IntegrityError, match="traceparent must be as W3C"):
        plain_insert(path, "t", odd)
    owner_s = db.insert()
    with pytest.raises(psycopg.errors.CheckViolation):
        db.do("insert into jobferry.traces values (%s, %s)", owner_s, odd)


def test_a_device_with_an_odd_trace_is_told_so(services: Services) -> None:
    with services.gateway() as url, device(url) as wire:
        wire.push(submit(job(), traceparent="00-nonsense"))
        assert wire.hear_error() == "protocol_error"


def test_the_trace_of_a_submitted_job_does_not_change(device_file: Callable[[str], Path]) -> None:
    path = device_file("till")
    found = plain_insert(path, "t", PARENT)
    with (
        sqlite3.connect(path) as file,
        pytest.raises(sqlite3.IntegrityError, match="does not change"),
    ):
        file.execute("UPDATE background_jobs SET traceparent = ? WHERE id = ?", (OTHER, found))
    file.close()


def test_the_first_trace_stays_and_nobody_traces_another_s_job(
    db: Database, services: Services, spans: Spans
) -> None:
    said, taken = job(), job(id=str(db.insert(submitted_by="bert")))
    with services.gateway() as url, device(url) as wire:
        assert wire.deliver(submit(said, traceparent=PARENT)) == []
        assert wire.deliver(submit(said, traceparent=OTHER)) == []
        assert wire.deliver(submit(taken, traceparent=PARENT)) == [(taken["id"], "id_taken")]
    assert db.column("select traceparent from jobferry.traces") == [PARENT]
    refused = spans.named("jobferry.accept", 2)[-1]
    assert (refused.status.status_code, attribute(refused, "error.type")) == (
        StatusCode.ERROR,
        "id_taken",
    )


def test_a_trace_goes_with_its_job(db: Database, services: Services) -> None:
    with services.gateway() as url, device(url) as wire:
        wire.deliver(submit(job(), traceparent=PARENT))
    db.do("delete from background_jobs")
    assert not db.column("select job_id from jobferry.traces")


def test_a_job_that_is_refused_leaves_a_span_that_says_so(
    device_file: Callable[[str], Path], spans: Spans
) -> None:
    with JobClient(device_file("till")) as client, pytest.raises(JobRefused):
        client.submit("t", priority="high")  # type: ignore[arg-type]  # what is refused
    assert spans.one("jobferry.submit").status.status_code is StatusCode.ERROR


def test_who_does_not_use_opentelemetry_does_not_load_it() -> None:
    program = """
import sys
from jobferry_client import JobClient
from jobferry_server import Processor
from jobferry_server.gateway import Gateway
from jobferry_server.processor.service import Service
with JobClient(sys.argv[1]) as client:
    client.submit("t", 1)
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    found = subprocess.run(
        [sys.executable, "-c", program, ":memory:"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_the_statements_of_the_document(db: Database, device_file: Callable[[str], Path]) -> None:
    document = Path(__file__).parents[2] / "docs" / "tracing.md"
    on_device, in_postgres = re.findall(r"```sql\n(.*?)```", document.read_text(), re.DOTALL)
    path = device_file("till")
    JobClient(path).close()
    with sqlite3.connect(path) as file:
        file.execute(on_device)
        said = file.execute("SELECT traceparent FROM background_jobs").fetchone()
    file.close()
    db.connection.execute(in_postgres.encode())
    assert db.column("select traceparent from jobferry.traces") == [said[0]] == [PARENT]


class Collector(HTTPServer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """The name of the service and of the span."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = {one.key: one.value.string_value for one in group.resource.attributes}
            for scope in group.scope_spans:
                self.server.spans += [(of["service.name"], span.name) for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    with Collector() as found:
        Thread(target=found.serve_forever).start()
        yield found
        found.shutdown()


def test_a_service_exports_where_the_environment_says(
    dsn: str, tmp_path: Path, collector: Collector
) -> None:
    environment = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_SERVICE_NAME": "harbour",
    }
    with Stack(dsn, tmp_path) as stack:
        gateway = stack.gateway(**environment)
        with device(gateway.url) as wire:
            wire.deliver(submit(job(), traceparent=PARENT))
        eventually(lambda: collector.spans)
    assert collector.spans == [("harbour", "jobferry.accept")]
