"""What a gateway allows: each limit is answered with a code and a time, and nobody else feels it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from websockets.exceptions import InvalidStatus

from integration.database import Beside, Database
from integration.wire import Message, Wire, cancel, device, job, submit, wired
from jobferry_client import ConnectionState, JobClient, NewJob
from jobferry_client.file import sqlite3
from jobferry_server.gateway import places
from support.processes import eventually
from support.proxy import Proxy
from support.services import Services, token


def refusal(wire: Wire) -> Message:
    """The error that ends the session, for now."""
    while (message := wire.hear())["type"] != "error":
        pass
    assert wire.closed() == 1013
    assert message["message"]
    return message


def submits(number: int) -> list[Message]:
    return [submit(job()) for _ in range(number)]


# -- connections


@contextmanager
def knocking(url: str, owner: str = "anna", **hello: object) -> Iterator[Wire]:
    """A device that has asked to be let in and not heard the answer."""
    with wired(url, Authorization=f"Bearer {token(owner)}") as wire:
        wire.say("hello", protocol=1, cursor=None, **{"client_id": str(wire.client_id)} | hello)
        yield wire


def test_an_owner_has_so_many_devices_connected_and_another_owner_his_own(
    services: Services,
) -> None:
    with services.gateway(owner_connections=2) as url, ExitStack() as stack:
        first, _ = (stack.enter_context(device(url)) for _ in range(2))
        with knocking(url) as third:
            answer = refusal(third)
            assert answer["code"] == "too_many_connections"
            assert answer["retry_after"] > 0
        with device(url, "bert") as other:
            other.walk()
        first.walk()
        first.socket.close()
        eventually(lambda: _let_in(url))


def _let_in(url: str) -> bool:
    with knocking(url) as wire:
        return bool(wire.hear()["type"] == "welcome")


def test_a_device_takes_the_place_of_its_own_earlier_connection(services: Services) -> None:
    with services.gateway(owner_connections=1) as url, device(url) as dead:
        dead.walk()
        with device(url, before=dead) as again:
            assert dead.closed() == 1001
            assert again.deliver(*submits(1)) == []
            with knocking(url) as another:
                assert refusal(another)["code"] == "too_many_connections"


def test_a_full_gateway_says_so_before_there_is_a_websocket(services: Services) -> None:
    with services.gateway(connections=1) as url:
        with device(url), pytest.raises(InvalidStatus) as answer, device(url, "bert"):
            pass
        assert answer.value.response.status_code == 503
        assert int(answer.value.response.headers["Retry-After"]) > 0
        eventually(lambda: _let_in(url))


@pytest.mark.parametrize("limit", ["connections", "owner_connections"])
def test_a_device_that_found_no_place_says_so_and_asks_again_when_it_was_told_to(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    device_file: Callable[[str], Path],
    limit: str,
) -> None:
    monkeypatch.setattr(places, "RETRY_SECONDS", 1)
    monkeypatch.setattr("jobferry_server.gateway.server.RETRY_SECONDS", 1)
    with (
        services.gateway(None, **{limit: 1}) as url,
        Proxy(("127.0.0.1", urlsplit(url).port or 0)) as proxy,
        device(url) as there,
        JobClient(device_file("late"), proxy.url, token()) as client,
    ):
        said = "503" if limit == "connections" else "too_many_connections"
        eventually(lambda: said in (client.status().reason or ""))
        began = time.monotonic()
        proxy.reach(2)
        assert time.monotonic() - began > 0.8
        there.socket.close()
        client.submit("default", {})
        client.sync(20)


# -- operations a second


def test_who_is_too_fast_is_answered_late_and_nobody_else(services: Services) -> None:
    with (
        services.gateway(owner_rate=100, owner_burst=10) as url,
        device(url) as fast,
        device(url, "bert") as other,
    ):
        began = time.monotonic()
        for _ in range(4):
            fast.push(*submits(20))
        assert other.deliver(*submits(1)) == []
        told = fast.expect("waiting")
        assert (told["code"], told["retry_after"] > 0) == ("rate_limited", True)
        fast.say("heartbeat")
        fast.expect("heartbeat")
        assert time.monotonic() - began < 0.4
        while fast.expect("pushed")["through"] < 4:
            pass
        # The last of them left once what came before it was paid for, but for the burst.
        assert time.monotonic() - began > (60 - 10) / 100 - 0.05


def test_a_device_shows_that_it_waits_and_that_it_does_not_any_more(
    services: Services, device_file: Callable[[str], Path]
) -> None:
    with (
        services.gateway(owner_rate=500, owner_burst=1) as url,
        JobClient(device_file("fast"), url, token()) as client,
    ):
        client.submit_many(NewJob() for _ in range(600))
        eventually(lambda: "rate_limited" in (client.status().reason or ""), every=0.001)
        assert client.status().state is ConnectionState.CONNECTED
        client.sync(20)
        eventually(lambda: client.status().reason is None)


def test_who_only_chatters_is_sent_away_for_a_while(services: Services) -> None:
    with services.gateway(chatter=0.2) as url, device(url) as wire, device(url, "bert") as other:
        for _ in range(30):
            wire.say("heartbeat")
        answer = refusal(wire)
        assert answer["code"] == "rate_limited"
        assert answer["retry_after"] > 0
        other.say("heartbeat")
        other.expect("heartbeat")
        with device(url, before=wire) as again:
            again.say("heartbeat")
            assert refusal(again)["code"] == "rate_limited"


# -- unfinished jobs


def codes(rejected: list[tuple[str, str]]) -> list[str]:
    return [code for _, code in rejected]


def unfinished(db: Database) -> int:
    found: int = db.value("select count(*) from jobferry.queue")
    return found


def test_what_is_over_the_limit_is_rejected_and_the_rest_is_not(
    db: Database, services: Services
) -> None:
    ops = submits(8)
    with services.gateway(owner_jobs=5) as url, device(url) as wire:
        rejected = wire.deliver(*ops)
        assert rejected == [(op["job"]["id"], "too_many_jobs") for op in ops[5:]]
        assert unfinished(db) == 5
        with device(url, "bert") as other:
            assert other.deliver(*submits(5)) == []
        # What is finished from the start takes no place, and a cancel gives one back.
        assert wire.deliver(submit(job(), cancelled=True)) == []
        assert wire.deliver(cancel(ops[0]["job"])) == []
        assert codes(wire.deliver(*submits(2))) == ["too_many_jobs"]


def test_what_was_let_in_is_never_refused_when_it_is_sent_again(
    db: Database, services: Services
) -> None:
    ops = submits(5)
    with services.gateway(owner_jobs=5) as url:
        with device(url) as wire:
            assert wire.deliver(*ops) == []
        with device(url, before=wire) as again:
            assert again.deliver(*ops) == []
            assert codes(again.deliver(*ops, *submits(1))) == ["too_many_jobs"]
    assert unfinished(db) == 5


def test_jobs_that_finish_make_room(db: Database, services: Services) -> None:
    with services.gateway(owner_jobs=5) as url, device(url) as wire:
        assert wire.deliver(*submits(5)) == []
        assert codes(wire.deliver(*submits(1))) == ["too_many_jobs"]
        db.do("update background_jobs set completed = true, progress = 1")
        assert wire.deliver(*submits(5)) == []
        assert codes(wire.deliver(*submits(1))) == ["too_many_jobs"]


def test_jobs_that_came_by_other_ways_count_too(db: Database, services: Services) -> None:
    with services.gateway(owner_jobs=5) as url, device(url) as wire:
        for _ in range(3):
            db.insert(submitted_by="anna")
        assert wire.deliver(*submits(2)) == []
        db.do("select jobferry.count_owner_jobs()")
        assert codes(wire.deliver(*submits(1))) == ["too_many_jobs"]


def test_two_gateways_let_in_no_more_than_one(db: Database, services: Services) -> None:
    with (
        services.gateway(owner_jobs=100) as here,
        services.gateway(owner_jobs=100) as there,
        ExitStack() as stack,
    ):
        wires = [stack.enter_context(device(url)) for url in (here, there) for _ in range(3)]
        for wire in wires:
            for _ in range(4):
                wire.push(*submits(10))
        rejected = 0
        for wire in wires:
            through = 0
            while through < 4:
                answer = wire.expect("pushed", 20)
                through = answer["through"]
                rejected += len(answer["rejected"])
    assert unfinished(db) == 100
    assert rejected == 140


def over_limit(db: Database, most: int, job: UUID | None = None) -> list[str]:
    """The codes of what is too many of one new submit of anna's."""
    return db.column(
        "select code from jobferry.over_limit(array[%s::uuid], array['anna'], array[false],"
        " array[true], %s)",
        job or uuid4(),
        most,
    )


def test_gateways_take_turns_at_an_owner(db: Database, other: Database) -> None:
    """The second sees what the first has let in, be it another job or the same."""
    db.do("insert into jobferry.owner_jobs (owner) values ('anna')")
    with other.together():
        assert over_limit(other, 1) == []
        same = other.insert(submitted_by="anna")
        another = Beside(lambda: over_limit(db, 1))
        eventually(lambda: other.value("select count(*) > 0 from pg_locks where not granted"))
    assert another.result() == ["too_many_jobs"]
    assert over_limit(db, 1, same) == []


def test_a_count_sees_what_comes_while_it_is_made(db: Database, other: Database) -> None:
    db.do("select jobferry.count_owner_jobs()")
    db.insert(submitted_by="anna")
    db.do("select jobferry.count_owner_jobs()")
    assert _bound(db) == 1
    with other.together():
        assert over_limit(other, 5) == []
        other.insert(submitted_by="anna")
        count = Beside(lambda: db.do("select jobferry.count_owner_jobs()"))
        eventually(lambda: other.value("select count(*) > 0 from pg_locks where not granted"))
    count.result()
    assert _bound(db) == 2


def _bound(db: Database) -> int:
    bound: int = db.value("select at_most from jobferry.owner_jobs where owner = 'anna'")
    return bound


AGAIN = """
BEGIN IMMEDIATE;
CREATE TEMP TABLE again AS SELECT * FROM background_jobs WHERE rejected_code = 'too_many_jobs';
DELETE FROM background_jobs WHERE id IN (SELECT id FROM again);
INSERT INTO background_jobs (id, "timestamp", payload, task, queue_name, priority, run_at,
    max_attempts, job_key, flags, database_id)
  SELECT id, "timestamp", payload, task, queue_name, priority, run_at,
    max_attempts, job_key, flags, database_id FROM again;
COMMIT;
"""


def test_a_rejected_job_is_seen_on_the_device_and_may_be_inserted_again(
    db: Database, services: Services, device_file: Callable[[str], Path]
) -> None:
    path = device_file("busy")
    with (
        services.gateway(owner_jobs=3) as url,
        JobClient(path, url, token()) as client,
    ):
        jobs = client.submit_many([NewJob(payload={"n": n}) for n in range(5)])
        client.sync(20)
        assert client.status().rejected == 2
        late = [client.wait(one.id, 20) for one in jobs[3:]]
        assert [one.error and one.error.code for one in late] == ["too_many_jobs"] * 2
        db.do("update background_jobs set completed = true, progress = 1")
        _execute(path, AGAIN)
        client.sync(20)
        eventually(lambda: client.status().rejected == 0 and unfinished(db) == 2)
        assert {UUID(str(one.id)) for one in late} == set(db.queue())


def _execute(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def test_the_recipe_to_insert_again_is_the_one_in_the_document() -> None:
    document = Path(__file__).parents[2] / "docs" / "limits.md"
    assert AGAIN.strip() in document.read_text()
