"""A database that is replaced under a gateway, before anybody has noticed and when they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import pytest

from integration.database import Database
from integration.test_revocations import is_let_in
from integration.wire import Wire, device, job, submit
from support.processes import eventually
from support.services import Services, token

#: Long enough that no gateway finds out by its rounds while a test runs.
UNNOTICED = 900.0


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    with services.gateway(silence_seconds=UNNOTICED) as url:
        yield url


#: As a dump does that is loaded in place: no trigger runs.
LOSE_JOBS: tuple[LiteralString, ...] = (
    "set local session_replication_role = replica",
    "delete from background_jobs",
)
LOSE_REVOCATIONS: tuple[LiteralString, ...] = (
    "alter table jobferry.revocations disable trigger user",
    "delete from jobferry.revocations",
)


def replace(db: Database, *lacks: LiteralString) -> None:
    """Be another database, all at once."""
    with db.together():
        for statement in (*lacks, "select jobferry.begin_epoch(jobferry.epoch())"):
            db.do(statement)


@contextmanager
def came_back(url: str, before: Wire) -> Iterator[Wire]:
    """The same device again, once the gateway knows which database it has."""
    with device(url, before=before) as wire:
        assert wire.page()["cursor"].partition("/")[0] != (before.cursor or "").partition("/")[0]
        yield wire


def assert_sent_away(wire: Wire) -> None:
    error = wire.expect_error()
    assert (error["code"], error["message"]) == ("unavailable", "the database was replaced")


def test_a_first_walk_does_not_end_in_another_database_than_it_began(
    db: Database, url: str
) -> None:
    """The device would take for gone what that one lacks."""
    with device(url) as wire:
        page = wire.expect("changes")
        assert not page["complete"]
        assert wire.deliver(submit(job())) == []
        replace(db, *LOSE_JOBS)
        wire.apply(page)
        assert_sent_away(wire)
        with came_back(url, wire):
            pass


def test_a_first_walk_does_not_begin_in_a_database_that_nobody_knows_yet(
    db: Database, url: str
) -> None:
    with device(url) as known:
        known.walk()
        replace(db)
        with device(url) as wire:
            assert_sent_away(wire)
        # Those that were in step are told with it.
        assert_sent_away(known)
        with came_back(url, known):
            pass


def test_what_was_revoked_is_the_new_database_s_word(db: Database, services: Services) -> None:
    db.do("select jobferry.revoke_owner('anna', now() + interval '10 seconds', 'by mistake')")
    with services.gateway(silence_seconds=3) as url, device(url, "bert") as bert:
        replace(db, *LOSE_REVOCATIONS)
        assert_sent_away(bert)
        eventually(lambda: is_let_in(url, token("anna")), every=0.01)
