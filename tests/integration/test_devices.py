"""``jobferry.devices`` and ``jobferry devices``: who is connected, what is unsent, what was rejected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from integration.database import Database
from integration.wire import device, job, submit
from jobferry_client import JobClient, NewJob, Timing
from jobferry_server.gateway import notes
from support.commands import Run
from support.processes import eventually
from support.services import Services, token
from support.stack import Stack

Row = dict[str, Any]

SEEN = "select *, connected_until > now() is true as connected from jobferry.devices"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "EVERY_SECONDS", 0.05)


@pytest.fixture
def becomes(db: Database) -> Callable[..., Row]:
    """Waits until the one device is so; its row."""

    def wait(**wanted: object) -> Row:
        eventually(lambda: any(wanted.items() <= row.items() for row in db.rows(SEEN)), every=0.02)
        return db.row(SEEN)

    return wait


# -- what is unsent


def test_what_was_acknowledged_is_unsent_no_longer(
    services: Services,
    device_file: Callable[[str], Path],
    becomes: Callable[..., Row],
    other: Database,
) -> None:
    path = device_file("till")
    with JobClient(path) as offline:
        offline.submit_many([NewJob()] * 3)
    with services.gateway() as url:
        with other.together():
            other.do("lock table background_jobs in exclusive mode")
            client = JobClient(path, url, token(), timing=Timing(heartbeat=3600))
            becomes(pending=3)
        with client:
            becomes(pending=0, oldest_pending_at=None, connected=True)


# -- who is connected


def test_a_device_is_connected_until_it_leaves(
    services: Services, becomes: Callable[..., Row]
) -> None:
    with services.gateway() as url:
        with device(url, pending=2) as wire:
            first = becomes(connected=True, pending=2)
        gone = becomes(connected=False)
        assert (gone["last_seen"], gone["pending"]) == (first["last_seen"], 2)
        with device(url, before=wire, pending=1):
            back = becomes(connected=True, pending=1)
        assert back["first_seen"] == first["first_seen"]
        assert back["last_seen"] > gone["last_seen"]


def test_a_gateway_that_ends_says_who_has_left(
    services: Services, becomes: Callable[..., Row], db: Database
) -> None:
    with services.gateway() as url, device(url, pending=4) as wire:
        becomes(connected=True)
        wire.socket.close()
        # Too soon for the regular notes, were they as rare as usual.
        notes.EVERY_SECONDS = 3600
    row = db.row(SEEN)
    assert (row["connected"], row["pending"]) == (False, 4)


def test_a_gateway_that_is_killed_leaves_nobody_connected_for_long(
    dsn: str, tmp_path: Path, becomes: Callable[..., Row]
) -> None:
    with Stack(dsn, tmp_path) as stack:
        gateway = stack.gateway(JOBFERRY_SILENCE_SECONDS="2")
        with device(gateway.url, pending=5):
            becomes(connected=True)
            gateway.part.kill()
        # Nobody is there who could write it.
        becomes(connected=False, pending=5)


def test_the_end_of_an_old_connection_is_not_that_of_the_device(
    services: Services, becomes: Callable[..., Row], db: Database
) -> None:
    with services.gateway() as url, services.gateway() as other:
        with device(url) as old:
            first = becomes(connected=True)
            with device(other, before=old, pending=1):
                assert becomes(pending=1)["connection"] != first["connection"]
                old.socket.close()
                # Whoever comes now is written with the end of the old one, or later.
                with device(url, "bert"):
                    eventually(lambda: len(db.rows(SEEN)) == 2)
                    assert _of(db, "anna")["connected"]
        eventually(lambda: not _of(db, "anna")["connected"])


def _of(db: Database, owner: str) -> Row:
    return next(row for row in db.rows(SEEN) if row["owner"] == owner)


# -- what was rejected


def test_the_last_rejection_is_kept_with_its_reason_and_its_time(
    services: Services, becomes: Callable[..., Row]
) -> None:
    with services.gateway(payload_bytes=1000) as url, device(url) as wire:
        large, nan = job(payload='"' + "x" * 2000 + '"'), job(payload="[NaN]")
        assert wire.deliver(submit(large), submit(job())) == [(large["id"], "payload_too_large")]
        first = becomes(rejected_code="payload_too_large", rejected_job=large["id"])
        assert first["rejected_message"] == "2002 bytes, the limit is 1000"
        wire.say("heartbeat", pending=8)
        assert becomes(pending=8)["rejected_at"] == first["rejected_at"]
        wire.deliver(submit(nan))
        second = becomes(rejected_code="invalid_json", rejected_job=nan["id"])
        assert second["rejected_at"] > first["rejected_at"]


def test_a_rejection_outlives_a_database_that_can_not_write_it(
    services: Services,
    becomes: Callable[..., Row],
    db: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with services.gateway() as url, device(url) as wire:
        becomes(connected=True)
        db.do("alter table jobferry.devices rename to away")
        nan = job(payload="[NaN]")
        wire.deliver(submit(nan))
        eventually(lambda: "could not be written" in caplog.text)
        db.do("alter table jobferry.away rename to devices")
        becomes(rejected_code="invalid_json", rejected_job=nan["id"])


def test_what_a_rejection_quotes_is_erased_with_its_owner_s_jobs(
    services: Services, becomes: Callable[..., Row], db: Database, any_command: Run
) -> None:
    with services.gateway() as url, device(url) as wire:
        wire.deliver(submit(job(payload='{"secret": 1, "secret": 2}')))
        assert "secret" in becomes(rejected_code="invalid_json")["rejected_message"]
        assert any_command("erase", "--dsn", db.dsn, "--owner", "anna", "--yes").code == 0
        becomes(rejected_code="invalid_json", rejected_message="erased")


# -- the command


@pytest.fixture
def fleet(db: Database) -> dict[str, UUID]:
    """Devices of two owners, each with another fate."""
    ids = {name: uuid4() for name in ("connected", "lost", "stuck", "long gone")}
    insert = (
        "insert into jobferry.devices (client_id, owner, pending, oldest_pending_at, first_seen, last_seen,"
        " connected_until, client_version) values (%s, %s, %s, now() - %s::interval, now() - interval '9 days',"
        " now() - %s::interval, now() + %s::interval, '1.2.3')"
    )
    db.do(insert, ids["connected"], "anna", 0, None, "1 s", "30 s")
    db.do(insert, ids["lost"], "anna", 0, None, "2 h", "-2 h")
    db.do(insert, ids["stuck"], "bert", 3, "5 h", "3 s", "30 s")
    db.do(insert, ids["long gone"], "bert", 1, "3 days", "2 days", None)
    db.do(
        "update jobferry.devices set rejected_at = now(), rejected_job = 'j', rejected_code = 'gone',"
        " rejected_message = %s where client_id = %s",
        "it \x1b[31mwas here",
        ids["lost"],
    )
    return ids


FILTERS: list[tuple[list[str], list[str]]] = [
    ([], ["long gone", "stuck", "connected", "lost"]),
    (["--owner", "anna"], ["connected", "lost"]),
    (["--pending"], ["long gone", "stuck"]),
    (["--offline-for", "1h"], ["long gone", "lost"]),
    (["--offline-for", "1d", "--owner", "anna"], []),
    (["--limit", "1"], ["long gone"]),
]


def test_each_filter_finds_its_own_the_longest_waiting_first(
    db: Database, fleet: dict[str, UUID], any_command: Run
) -> None:
    def run(*options: str) -> list[Row]:
        return any_command("devices", "--dsn", db.dsn, "--json", *options).lines

    names = {str(client_id): name for name, client_id in fleet.items()}
    for options, wanted in FILTERS:
        found = run(*options)
        assert [names[row["client_id"]] for row in found] == wanted, options
    stuck = next(row for row in run() if row["client_id"] == str(fleet["stuck"]))
    assert stuck["connected"]
    assert 5 * 3600 <= stuck["oldest_pending_seconds"] < 6 * 3600


def test_a_table_says_it_in_words_and_does_no_harm(
    db: Database, fleet: dict[str, UUID], any_command: Run
) -> None:
    said = any_command("devices", "--dsn", db.dsn).out
    lines = {
        name: next(line for line in said.splitlines() if str(client_id) in line)
        for name, client_id in fleet.items()
    }
    assert "  connected" in lines["connected"]
    assert "nothing" in lines["connected"]
    assert "offline, last heard of 2 h ago" in lines["lost"]
    assert "gone: it \\x1b[31mwas here (job j)" in lines["lost"]
    assert "3, the oldest for 5 h" in lines["stuck"]
    assert "1.2.3" in lines["long gone"]
    assert "\x1b" not in said
