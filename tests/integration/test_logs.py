"""The log of a service: one event a line, as text or as JSON, and nobody's secret in it."""

import json
import logging
import signal
from pathlib import Path
from typing import Any

import pytest

from integration.database import Database
from integration.test_processor_handlers import finished, submitted
from integration.wire import device, job, submit
from jobferry_server.logs import CATALOGUE, events
from jobferry_server.logs.lines import OTHER, Json, Text
from support.processes import eventually
from support.services import SECRET, token
from support.stack import Running, Stack

NAMES = {found.name for found in CATALOGUE}
FORGED = "no\n2026-01-01 00:00:00,000 ERROR jobferry.gateway: forged\x1b[2J"


def lines(part: Running) -> list[dict[str, Any]]:
    """What a part has said, on standard output and in its log."""
    return [json.loads(line) for line in part.log.splitlines()]


def said(part: Running, event: str) -> list[dict[str, Any]]:
    """All of that event, once there is one."""
    eventually(lambda: any(line["event"] == event for line in lines(part)), every=0.02)
    return [line for line in lines(part) if line["event"] == event]


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """The folder of a module whose handler raises what somebody else chose."""
    (tmp_path / "failing.py").write_text(
        "from jobferry_server import Processor\n"
        "processor = Processor()\n"
        "@processor.task('t', max_attempts=1)\n"
        "def t(job):\n"
        f"    raise ValueError({FORGED!r})\n"
    )
    return tmp_path


def test_a_gateway_s_lines_are_objects_without_a_token(dsn: str, tmp_path: Path) -> None:
    with Stack(dsn, tmp_path) as stack:
        gateway = stack.gateway(JOBFERRY_LOG_FORMAT="json")
        with device(gateway.url) as wire:
            wire.deliver(submit(job(payload='"a secret payload"')))
        gateway.part.signal(signal.SIGTERM)
        gateway.part.wait()
        (found,) = said(gateway.part, "gateway.listening")
        assert (found["url"], found["level"]) == (gateway.url, "info")
        assert found["message"] == f"listening on {gateway.url}"
        assert found["logger"] == "jobferry.gateway"
        assert {line["event"] for line in lines(gateway.part)} <= NAMES
        for secret in (token(), SECRET, "a secret payload", "Bearer"):
            assert secret not in gateway.part.log


def test_a_handler_s_error_is_one_object(dsn: str, tmp_path: Path, failing: Path) -> None:
    with Stack(dsn, tmp_path) as stack, Database(dsn) as db:
        arguments = ("processor", "failing:processor", "--dsn", dsn, "--log-format", "json")
        found = stack.part(*arguments, PYTHONPATH=str(failing))
        id_ = submitted(db, {"x": "a secret payload"}, task="t")
        finished(db, id_)
        (line,) = said(found, "processor.handler_raised")
        assert (line["job"], line["task"], line["attempt"]) == (str(id_), "t", 1)
        assert line["error"] == FORGED
        assert "ValueError" in line["traceback"]
        assert "a secret payload" not in found.log


def test_nobody_s_text_begins_a_line(caplog: pytest.LogCaptureFixture) -> None:
    events.JOB_REFUSED(job="\ud800", error=FORGED)
    text = Text().format(caplog.records[-1])
    assert "\n" not in text
    assert "\x1b" not in text
    assert text.endswith(r"\x1b[2J")
    line = Json().format(caplog.records[-1])
    assert line.isascii()
    assert "\n" not in line


def test_nobody_s_exception_begins_a_line(caplog: pytest.LogCaptureFixture) -> None:
    events.HANDLER_RAISED(job="j", task="t", attempt=1, error="e", raised=ValueError(FORGED))
    record = caplog.records[-1]
    record.exc_text = None  # pytest's own formatter left it there
    line, *traceback = Text().format(record).splitlines()
    assert line.endswith("attempt 1: e")
    assert all(said.startswith("  ") and said.isprintable() for said in traceback)
    assert any("ERROR jobferry.gateway: forged" in said for said in traceback)


def test_what_a_library_says_is_an_object_too() -> None:
    found = logging.LogRecord("asyncio", logging.ERROR, "", 0, "%s was %d late", ("it", 3), None)
    assert json.loads(Json().format(found)) | {"at": ""} == {
        "at": "",
        "level": "error",
        "logger": "asyncio",
        "event": OTHER,
        "message": "it was 3 late",
    }
