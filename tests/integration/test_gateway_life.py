"""The gateway's own life: its health pages, a database that goes away, and its end."""

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from integration.database import Database
from integration.wire import device, job, submit
from support.postgres import TestServer
from support.processes import Part, eventually, part
from support.services import Services


def get(url: str, path: str) -> tuple[int, str]:
    address = urlsplit(url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def away(server: TestServer, dsn: str) -> Iterator[None]:
    """The database takes no connections within, and has dropped those it had."""
    with Database(dsn) as one:
        name = one.connection.info.dbname
    with Database(server.dsn) as superuser:
        superuser.do(f"alter database {name} allow_connections false")
        try:
            superuser.do(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", name
            )
            yield
        finally:
            superuser.do(f"alter database {name} allow_connections true")


def test_the_health_pages(services: Services) -> None:
    with services.gateway() as url:
        assert get(url, "/healthz") == (200, "ok\n")
        eventually(lambda: get(url, "/readyz") == (200, "ready\n"), 10)


def test_ready_says_no_while_postgres_is_away_and_yes_when_it_is_back(
    server: TestServer, services: Services, dsn: str
) -> None:
    with services.gateway() as url:
        eventually(lambda: get(url, "/readyz")[0] == 200, 10)
        with away(server, dsn):
            status, reason = get(url, "/readyz")
            assert status == 503
            assert reason
            assert get(url, "/healthz")[0] == 200
        eventually(lambda: get(url, "/readyz")[0] == 200, 10)


def test_devices_stay_and_go_on_when_postgres_was_away(
    server: TestServer, services: Services, dsn: str
) -> None:
    with services.gateway() as url, device(url) as wire:
        wire.walk()
        with away(server, dsn):
            wire.push(submit(job()))
            wire.say("heartbeat")
            wire.expect("heartbeat")
        answer = wire.expect("pushed")
        assert (answer["through"], answer["rejected"]) == (1, [])
        with Database(dsn) as db:
            new = db.insert(submitted_by="anna")
            arrived: set[str] = set()
            while str(new) not in arrived:
                arrived |= {row["id"] for row in wire.rows()}


# -- its end

GATEWAY = ("gateway", "--port", "0")


@contextmanager
def process(tmp_path: Path, dsn: str, **environment: str) -> Iterator[tuple[Part, str]]:
    """A gateway as a process of its own, and where it listens."""
    with part(tmp_path / "gateway.log", *GATEWAY, "--dsn", dsn, **environment) as found:
        eventually(lambda: "listening on ws://" in found.log, 20)
        yield found, found.log.partition("listening on ")[2].split()[0]


@pytest.fixture
def few_files() -> Iterator[None]:
    """Processes started within may open few files, unless they say otherwise."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, allowed[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


@pytest.mark.usefixtures("few_files")
def test_a_gateway_takes_all_the_files_it_may_have(dsn: str, tmp_path: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = {"JOBFERRY_CONNECTIONS": str(most + 1)}
    with process(tmp_path, dsn, **limit) as (gateway, _):
        assert f"only {most} files may be open" in gateway.log
        if sys.platform == "linux":
            found = Path(f"/proc/{gateway.pid}/limits").read_text()
            (line,) = (one for one in found.splitlines() if one.startswith("Max open files"))
            assert line.split()[3] == str(most)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_the_end_what_was_sent_is_answered_and_everybody_sent_away(
    db: Database, tmp_path: Path, number: signal.Signals
) -> None:
    with (
        process(tmp_path, db.dsn) as (gateway, url),
        device(url) as wire,
        device(url, "bert") as idle,
    ):
        wire.walk()
        with Database(db.dsn) as holder, holder.together():
            holder.do("lock table background_jobs in share row exclusive mode")
            wire.push(submit(job()))
            eventually(
                lambda: db.value("select count(*) from pg_locks where not granted") > 0, 10, 0.01
            )
            gateway.signal(number)
        assert wire.expect("pushed")["through"] == 1
        assert wire.closed() == 1012
        assert idle.closed() == 1012
        assert gateway.wait(10) == 0
    assert db.value("select count(*) from background_jobs") == 1


def test_a_database_that_does_not_answer_keeps_no_gateway_from_ending(
    db: Database, tmp_path: Path
) -> None:
    with (
        process(tmp_path, db.dsn, JOBFERRY_DRAIN_SECONDS="0.3") as (gateway, url),
        device(url) as wire,
    ):
        wire.walk()
        with Database(db.dsn) as holder, holder.together():
            holder.do("lock table background_jobs in share row exclusive mode")
            wire.push(submit(job()))
            eventually(
                lambda: db.value("select count(*) from pg_locks where not granted") > 0, 10, 0.01
            )
            gateway.signal(signal.SIGTERM)
            assert wire.closed(3) == 1012
            assert gateway.wait(10) == 0
