"""A job that leaves the ledger between its acknowledgement and the first page of a new file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from integration.database import Database
from integration.test_gateway_life import away
from integration.test_prune import forget
from integration.wire import device, job, submit
from jobferry_client import JobClient, Status
from jobferry_server.gateway.upkeep import SWEEPS_PER_SILENCE
from support.facts import Ledger, differences, local_rows, outbox
from support.postgres import TestServer
from support.processes import eventually
from support.services import Services, token

Locked = Callable[[str], AbstractContextManager[None]]

NO_PAGES = "jobferry.retention in access exclusive mode"
NO_SUBMITS = "background_jobs in share row exclusive mode"
WAITING = "select from pg_locks where relation = 'background_jobs'::regclass and not granted"


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


@pytest.fixture
def locked(dsn: str) -> Locked:
    """What keeps pages from being read, or submits from being done."""

    @contextmanager
    def lock(what: str) -> Iterator[None]:
        with Database(dsn) as other, other.together():
            other.do(f"lock table {what}")
            yield

    return lock


def test_it_leaves_the_file_too(
    db: Database, url: str, device_file: Callable[[str], Path], locked: Locked, dsn: str
) -> None:
    path = device_file("till")
    with JobClient(path) as offline:
        gone, kept = offline.submit("nobody's"), offline.submit("nobody's")
    with ExitStack() as connected:
        with locked(NO_PAGES):
            client = connected.enter_context(JobClient(path, url, token()))
            eventually(lambda: outbox(path) == 0)
            db.do("delete from background_jobs where id = %s", gone.id)
            assert client.get(gone.id).status is Status.QUEUED, "it has seen no page yet"
        eventually(lambda: differences(path, Ledger(dsn), "anna") == [])
    assert set(local_rows(path)) == {str(kept.id)}


def test_a_device_is_told_to_read_anew_once_its_pushes_are_answered(
    db: Database, url: str, locked: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    """What is acknowledged after that word is done after it, and after where its walk ends."""
    with device(url) as first:
        first.walk()
    db.insert(submitted_by="anna")
    db.do("delete from background_jobs")
    eventually(lambda: forget(db) == 1)
    with ExitStack() as connected:
        with locked(NO_SUBMITS):
            with locked(NO_PAGES):
                wire = connected.enter_context(device(url, before=first))
                wire.push(submit(job()))
                eventually(lambda: db.rows(WAITING))
            eventually(lambda: "reads everything anew" in caplog.text)
        assert [wire.hear()["type"], wire.hear()["type"]] == ["pushed", "reset"]
        wire.cursor = None
        assert wire.walk()[-1]["complete"]


def test_a_new_device_is_let_in_though_the_database_is_away_and_answered_once_it_is_back(
    server: TestServer, services: Services, dsn: str
) -> None:
    with services.gateway(silence_seconds=1.5) as url, ExitStack() as connected:
        with away(server, dsn):
            wire = connected.enter_context(device(url))
            wire.push(submit(job()))
            # It is not heard meanwhile, and not taken for silent: it is told that we live.
            for _ in range(SWEEPS_PER_SILENCE + 3):
                wire.expect("heartbeat")
        assert wire.expect("pushed")["rejected"] == []
        assert wire.walk()[-1]["complete"]
