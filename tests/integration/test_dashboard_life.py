"""The dashboard when something is slow, away or crowded; live; mounted in another application."""

import asyncio
import http.client
import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection

from integration.database import Database, Spec
from jobferry_server.dashboard import dashboard as mountable
from jobferry_server.dashboard import source
from support.dashboard import ask, dashboard, send
from support.processes import eventually, part
from support.services import Services

DOCUMENT = Path(__file__).parents[2] / "docs" / "dashboard.md"


@contextmanager
def hearing(url: str) -> Iterator[http.client.HTTPResponse]:
    """A browser's stream of changes, after its first word."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("GET", "/changes")
        answer = connection.getresponse()
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard(answer)
        yield answer
    finally:
        connection.close()


def heard(answer: http.client.HTTPResponse) -> None:
    """Wait for the word that something changed."""
    while answer.readline() != b"event: changed\n":
        pass


def test_a_change_is_told(
    db: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobferry_server.dashboard.changes.APART_SECONDS", 0.01)
    monkeypatch.setattr("jobferry_server.dashboard.changes.SLOW_SECONDS", 1000.0)
    with dashboard(services) as url, hearing(url) as stream:
        listening = "select 1 from pg_stat_activity where query like 'LISTEN%%'"
        eventually(lambda: db.rows(listening))
        db.submit(Spec())
        heard(stream)


def test_browsers_that_hear_of_changes_are_bounded(services: Services) -> None:
    with dashboard(services, browsers=1) as url:
        with hearing(url):
            assert ask(url, "/changes").status == 503
            assert ask(url, "/jobs").status == 200
        eventually(lambda: _is_heard(url))


def _is_heard(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("GET", "/changes")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def test_one_connection_listens_for_all_browsers(db: Database, services: Services) -> None:
    with dashboard(services) as url, hearing(url), hearing(url), hearing(url):
        eventually(lambda: db.rows("select 1 from pg_stat_activity where query like 'LISTEN%%'"))
        connections = db.value(
            "select count(*) from pg_stat_activity where application_name = 'jobferry_auditor'"
            " and datname = current_database()"
        )
        assert connections <= source.POOL + 1


def test_what_takes_too_long_ends_with_a_page(
    db: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BOUNDS", "set local statement_timeout = '100ms'")
    with dashboard(services) as url, db.together():
        assert ask(url, "/jobs").status == 200
        db.do("lock table public.background_jobs in access exclusive mode")
        answer = ask(url, "/jobs")
    assert answer.status == 503
    assert "Postgres was not done with this" in answer.text


@contextmanager
def serving(services: Services, app: Starlette) -> Iterator[str]:
    """Any application, on the services' loop."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))

    async def begin() -> "asyncio.Task[None]":
        return asyncio.ensure_future(server.serve())

    async def end(work: "asyncio.Task[None]") -> None:
        server.should_exit = True
        await work

    work = services.run(begin())
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        services.run(end(work))


@pytest.mark.parametrize("way", ["away", "empty"])
def test_a_database_that_is_wrong_is_said_on_a_page(
    way: str, empty_dsn: str, services: Services
) -> None:
    """Where it is mounted: nobody's start waits for it."""
    dsn, words = {
        "away": ("postgresql://nobody@127.0.0.1:1/nothing", "Postgres does not answer"),
        "empty": (empty_dsn, "jobferry migrate"),
    }[way]
    with serving(services, mountable(dsn)) as url:
        answer = ask(url, "/jobs")
        assert (answer.status, words in answer.text) == (503, True)


class ByHeader(AuthenticationBackend):
    """Believes what a header says, as only a test may."""

    async def authenticate(
        self, asked: HTTPConnection
    ) -> tuple[AuthCredentials, SimpleUser] | None:
        """Who it is."""
        name = asked.headers.get("x-me")
        return (AuthCredentials(), SimpleUser(name)) if name else None


def documented(dsn: str) -> Starlette:
    """The application in the documents, on this database."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("postgresql://…", dsn), names)
    app: Starlette = names["app"]
    app.add_middleware(AuthenticationMiddleware, backend=ByHeader())
    return app


def test_it_is_mounted_in_another_application(db: Database, services: Services) -> None:
    spec = Spec()
    db.submit(spec)
    with serving(services, documented(services.dsn)) as url:
        page = ask(url, "/ops/jobs/jobs", x_me="carla").text
        paths = re.findall(r'(?:href|src|action|hx-get|data-changes)="(/[^"]*)"', page)
        assert len(paths) > 10
        assert all(path.startswith("/ops/jobs/") for path in paths)
        for path in {path for path in paths if "/changes" not in path}:
            if "/cancel" not in path and "/retry" not in path:
                assert ask(url, path.replace("&amp;", "&"), x_me="carla").status == 200, path
        assert ask(url, "/ops/jobs/jobs").status == 401
        form = ("id", str(spec.id))
        answer = send(url, "/ops/jobs/jobs/cancel", form, ("back", "/ops/jobs/jobs"), x_me="carla")
        assert answer.location == "/ops/jobs/jobs?did=cancel&changed=1&left=0"
    assert db.status(spec.id) == "cancelled"
    actor = db.value("select actor from background_job_events where event = 'cancelled'")
    assert actor.endswith(" for carla")


def test_up_brings_it_along_and_ends_with_it(dsn: str, tmp_path: Path) -> None:
    arguments = ("--dsn", dsn, "--port", "0", "--dashboard-port", "0", "--app", "", "--json")
    with part(tmp_path / "log", "up", "--data", str(tmp_path / "data"), *arguments) as running:
        eventually(lambda: '"dashboard"' in running.log)
        (line,) = [line for line in running.log.splitlines() if line.startswith("{")]
        url = json.loads(line)["dashboard"].rstrip("/")
        page = ask(url, "/").text
        assert "nothing sent" in page  # the lag of the feed is this process' own to know
        assert "read-only" in page
        with hearing(url):
            running.signal(signal.SIGTERM)
            assert running.wait() == 0
