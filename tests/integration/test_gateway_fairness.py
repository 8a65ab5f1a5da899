"""A flood of one owner's: the others' operations and changes do not wait behind it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest

from integration.database import Database, Spec
from integration.wire import Message, Wire, device, job, submit
from jobferry_server.gateway.pushes import LITTLE
from support.processes import eventually
from support.services import Services

WINDOW = 4
PUSH = 500
DEVICES = 3


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


def submits(number: int) -> list[Message]:
    return [submit(job()) for _ in range(number)]


@contextmanager
def nobody_can_insert(db: Database) -> Iterator[None]:
    """Within, what is pushed waits: the first groups for a lock, the others for their turn."""
    with db.together():
        db.do("lock table background_jobs in share row exclusive mode")
        yield


def flood(stack: ExitStack, url: str, owner: str, size: int = PUSH) -> list[Wire]:
    """Devices with as much under way as they may have."""
    wires = [stack.enter_context(device(url, owner)) for _ in range(DEVICES)]
    for wire in wires:
        for _ in range(WINDOW):
            wire.push(*submits(size))
    return wires


def answered(wires: list[Wire]) -> None:
    """Wait until all pushes are."""
    for wire in wires:
        while wire.expect("pushed", 30)["through"] < wire.pushes:
            pass


def arrived(wire: Wire, ops: list[Message]) -> None:
    """A push that the gateway has."""
    wire.push(*ops)
    wire.say("heartbeat")
    wire.expect("heartbeat")


def commits(db: Database) -> list[str]:
    """The owners in the order in which their transactions were begun, each as often as it had one."""
    return db.column(
        "select owner from (select distinct created, submitted_by as owner from background_jobs) c"
        " order by created, owner"
    )


def under_way(db: Database, number: int) -> None:
    """Wait until so many commits wait for the lock."""
    eventually(
        lambda: db.value("select count(*) from pg_locks where not granted") >= number,
        every=0.01,
    )


def test_a_handful_does_not_wait_for_a_flood(db: Database, other: Database, url: str) -> None:
    with ExitStack() as stack:
        others = [stack.enter_context(device(url, f"owner {n}")) for n in range(3)]
        with nobody_can_insert(db):
            wires = flood(stack, url, "flood")
            under_way(other, 1)
            for wire in others:
                wire.push(*submits(1))
            under_way(other, 2)
        answered(others + wires)
    order = commits(db)
    assert order.count("flood") >= DEVICES * WINDOW * PUSH / 1000
    # The flood's first group was under way before they came.
    assert set(order[:5]) >= {"owner 0", "owner 1", "owner 2"}
    assert order[:5].count("flood") <= 2


def test_those_who_have_much_take_turns(db: Database, other: Database, url: str) -> None:
    with ExitStack() as stack:
        late = stack.enter_context(device(url, "late"))
        with nobody_can_insert(db):
            wires = flood(stack, url, "flood")
            under_way(other, 1)
            arrived(late, submits(LITTLE + 1))
        answered([late, *wires])
    assert "late" in commits(db)[:3]


def test_many_devices_are_no_more_turns(db: Database, url: str) -> None:
    """An owner whose many devices have little each has much."""
    with ExitStack() as stack:
        late = stack.enter_context(device(url, "late"))
        with nobody_can_insert(db):
            wires = flood(stack, url, "flood", size=LITTLE)
            arrived(late, submits(1))
        answered([late, *wires])
    # The flood's first push came alone, and all it had was little.
    assert "late" in commits(db)[:3]


def test_news_do_not_wait_for_walks(db: Database, url: str) -> None:
    number = 4 * PUSH
    with db.together():
        for _ in range(0, number, PUSH):
            db.submit(*(Spec(owner="walker") for _ in range(PUSH)))
    with device(url) as wire, ExitStack() as stack:
        wire.walk()
        walkers = [stack.enter_context(device(url, "walker")) for _ in range(3)]
        pages = [walker.page() for walker in walkers]
        db.insert(submitted_by="anna")
        assert wire.row()
        # Between the pages of three walks; none of them has come to its end.
        assert not any(page["complete"] for page in pages)
        for walker in walkers:
            assert len(walker.known) < number
            walker.walk()
            assert len(walker.known) == number


def test_a_device_that_has_much_to_read_gets_it_all_however_small_the_pages(
    db: Database, services: Services
) -> None:
    """Many at once get small pages; nothing is left out between them."""
    number = 300
    with db.together():
        db.submit(*(Spec(owner="anna") for _ in range(number)))
    with services.gateway() as url, ExitStack() as stack:
        wires = [stack.enter_context(device(url)) for _ in range(25)]
        for wire in wires:
            assert len({row["id"] for row in wire.rows()}) == number


def test_what_follows_a_held_job_waits_for_it_though_a_push_is_written_in_turns(
    db: Database, other: Database, url: str
) -> None:
    older, newer = job(job_key="k"), job(job_key="k")
    with device(url, "anna") as anna, device(url, "bert") as bert:
        with other.together():
            other.do("select pg_advisory_xact_lock(jobferry.key_lock('anna', 'k'))")
            # Somebody with little was just here.
            bert.push(*submits(1))
            answered([bert])
            anna.push(submit(older), *submits(3 * LITTLE), submit(newer))
            eventually(lambda: len(commits(db)) > 1)
        answered([anna])
    assert db.status(UUID(str(older["id"]))) == "cancelled"
    assert db.status(UUID(str(newer["id"]))) == "queued"
