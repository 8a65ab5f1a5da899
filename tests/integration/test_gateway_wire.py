"""The gateway as a device finds it, well-behaved or not: each is answered, none harms another."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from integration.database import Database, Spec
from integration.wire import Message, Wire, cancel, device, job, submit, wired
from jobferry_server.tokens import issue
from jobferry_shared.versions import PROTOCOL
from support.processes import eventually
from support.services import SECRET, Services, token

PUSH = 500
WINDOW = 4


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """A gateway on the test's database."""
    with services.gateway() as url:
        yield url


def hello(**fields: object) -> dict[str, object]:
    return {"protocol": PROTOCOL, "client_id": str(uuid4()), "cursor": None} | fields


def refused(wire: Wire) -> str:
    """The code of the error with which the gateway ended the session."""
    code: str = wire.expect_error()["code"]
    return code


@contextmanager
def unharmed(db: Database, url: str) -> Iterator[None]:
    """Another device, connected all the while, goes on as if nothing had happened."""
    with device(url, "bystander") as other:
        other.walk()
        yield
        mine = job()
        assert other.deliver(submit(mine)) == []
        his = db.insert(submitted_by="bystander")
        assert other.row()["id"] == str(his)


# -- who is there


def claims(**more: object) -> dict[str, object]:
    return {"sub": "anna", "aud": "jobferry", "exp": datetime.now(UTC) + timedelta(hours=1)} | more


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in claims().items() if key != name}


BAD_TOKENS = {
    "empty": "",
    "words": "let me in",
    "another secret": issue("another secret of thirty-two octets!", "anna", timedelta(hours=1)),
    "expired": issue(SECRET, "anna", timedelta(seconds=-5)),
    "another audience": jwt.encode(claims(aud="other"), SECRET, "HS256"),
    "no audience": jwt.encode(without("aud"), SECRET, "HS256"),
    "no subject": jwt.encode(without("sub"), SECRET, "HS256"),
    "no expiry": jwt.encode(without("exp"), SECRET, "HS256"),
    "no signature": jwt.encode(claims(), "", "none"),
    "another algorithm": jwt.encode(claims(), SECRET * 2, "HS512"),
    "an empty subject": jwt.encode(claims(sub=""), SECRET, "HS256"),
    "a long subject": jwt.encode(claims(sub="s" * 256), SECRET, "HS256"),
    "control characters": jwt.encode(claims(sub="an\x00na"), SECRET, "HS256"),
}


def test_a_bad_token_in_the_header_is_401(url: str) -> None:
    for kind, bad in BAD_TOKENS.items():
        if bad:
            with (
                pytest.raises(InvalidStatus) as answer,
                wired(url, Authorization=f"Bearer {bad}"),
            ):
                pass
            assert answer.value.response.status_code == 401, kind
            assert answer.value.response.body


def test_a_bad_token_in_hello_is_an_error(url: str) -> None:
    for kind, bad in BAD_TOKENS.items():
        with wired(url) as wire:
            wire.say("hello", **hello(token=bad))
            assert refused(wire) == "unauthenticated", kind


def test_without_a_token_nobody_gets_in(url: str) -> None:
    with wired(url) as wire:
        wire.say("hello", **hello())
        assert refused(wire) == "unauthenticated"


@pytest.mark.parametrize("where", ["header", "hello"])
def test_a_token_may_come_either_way(db: Database, url: str, where: str) -> None:
    headers = {"Authorization": f"Bearer {token('anna')}"} if where == "header" else {}
    with wired(url, **headers) as wire:
        wire.say("hello", **hello(**({} if headers else {"token": token("anna")})))
        welcome = wire.expect("welcome")
        assert (welcome["protocol"], welcome["owner"]) == (PROTOCOL, "anna")
        assert welcome["epoch"] == db.value("select jobferry.epoch()")
        assert welcome["limits"]["batch"] == PUSH


def test_the_owner_is_who_the_token_says_and_nobody_else(db: Database, url: str) -> None:
    mine = job()
    with device(url, "anna") as wire:
        wire.say("push", seq=1, ops=[submit({**mine, "submitted_by": "bert"})])
        assert refused(wire) == "protocol_error"
    with device(url, "anna") as wire:
        assert wire.deliver(submit(mine)) == []
    assert db.job(UUID(mine["id"]))["submitted_by"] == "anna"


def test_a_token_may_be_renewed_for_the_same_subject_only(url: str) -> None:
    with device(url, "anna") as wire:
        wire.say("renew", token=token("anna"))
        assert wire.deliver(submit(job())) == []
        wire.say("renew", token=token("bert"))
        assert refused(wire) == "unauthenticated"


def test_a_token_that_expires_ends_the_session_unless_it_was_renewed(services: Services) -> None:
    brief = issue(SECRET, "anna", timedelta(seconds=1.2))
    with services.gateway(silence_seconds=3) as url, wired(url) as renewed, wired(url) as expired:
        for wire in (renewed, expired):
            wire.hello(token=brief)
        renewed.say("renew", token=token("anna"))
        assert refused(expired) == "unauthenticated"
        assert renewed.deliver(submit(job())) == []


# -- what is said

GARBAGE: list[str | bytes] = [
    "",
    " ",
    "null",
    "true",
    "1e999",
    "NaN",
    "[]",
    "{}",
    '"hello"',
    "not json",
    '{"type": "nobody"}',
    '{"type": ["hello"]}',
    '{"type": "hello"',
    "[" * 100_000,
    '{"type": "push", "seq": 1e999, "ops": []}',
    '{"type": "applied", "cursor": "\\ud800"}',
    b"",
    b"\xff\xfe\x00",
    b"\x00" * 1000,
]


@pytest.mark.parametrize("when", ["first", "later"])
def test_garbage_ends_the_session_with_a_code(db: Database, url: str, when: str) -> None:
    with unharmed(db, url):
        for garbage in GARBAGE:
            with wired(url, Authorization=f"Bearer {token()}") as wire:
                if when == "later":
                    wire.hello()
                wire.socket.send(garbage)
                assert refused(wire) == "protocol_error", garbage[:30]


FIRST: dict[str, dict[str, object]] = {
    "push": {"seq": 1, "ops": [submit(job())]},
    "applied": {"cursor": "x"},
    "heartbeat": {},
    "renew": {"token": "x"},
    "welcome": {},
    "hello again": {},
}


def test_hello_comes_first_and_once(db: Database, url: str) -> None:
    for kind, fields in FIRST.items():
        with wired(url, Authorization=f"Bearer {token()}") as wire:
            if kind == "hello again":
                wire.hello()
                wire.say("hello", **hello())
            else:
                wire.say(kind, **fields)
            assert refused(wire) == "protocol_error", kind
    assert db.value("select count(*) from background_jobs") == 0


def test_another_protocol_is_refused_by_its_own_code(url: str) -> None:
    for protocol in (0, -1, PROTOCOL + 1, 2**70):
        with wired(url, Authorization=f"Bearer {token()}") as wire:
            wire.say("hello", **hello(protocol=protocol))
            assert refused(wire) in ("unsupported_protocol", "protocol_error")


def test_an_unknown_field_is_an_error_not_a_silence(db: Database, url: str) -> None:
    typo = {"priorty": 1}
    ops = {"push": submit(job()), "submit": submit(job()) | typo, "job": submit(job(**typo))}
    for where in ("hello", *ops):
        with wired(url, Authorization=f"Bearer {token()}") as wire:
            if where == "hello":
                wire.say("hello", **hello(**typo))
            else:
                wire.hello()
                wire.say("push", seq=1, ops=[ops[where]], **(typo if where == "push" else {}))
            while (message := wire.hear())["type"] != "error":
                pass
            assert message["code"] == "protocol_error"
            assert "priorty" in message["message"]
    assert db.value("select count(*) from background_jobs") == 0


def test_pushes_are_numbered_without_gaps(url: str) -> None:
    for seq in (0, 2, -1, 1.5, None, [1]):
        with device(url) as wire:
            wire.say("push", seq=seq, ops=[submit(job())])
            assert refused(wire) == "protocol_error", seq


def test_an_answer_to_what_was_not_sent_is_an_error(url: str) -> None:
    with device(url) as wire:
        wire.say("applied", cursor="made up")
        assert refused(wire) == "protocol_error"


@pytest.mark.parametrize("count", [0, PUSH + 1])
def test_a_push_has_one_operation_and_no_more_than_the_limit(
    db: Database, url: str, count: int
) -> None:
    with device(url) as wire:
        wire.say("push", seq=1, ops=[submit(job()) for _ in range(count)])
        assert refused(wire) == ("limit_exceeded" if count else "protocol_error")
    assert db.value("select count(*) from background_jobs") == 0


def test_as_many_operations_as_the_limit_pass(db: Database, url: str) -> None:
    with device(url) as wire:
        assert wire.deliver(*(submit(job()) for _ in range(PUSH))) == []
    assert db.value("select count(*) from background_jobs") == PUSH


@contextmanager
def stalled(db: Database) -> Iterator[None]:
    """Nobody can write the ledger within."""
    with Database(db.dsn) as holder, holder.together():
        holder.do("lock table background_jobs in share row exclusive mode")
        yield


def test_no_more_pushes_unanswered_than_the_window(db: Database, url: str) -> None:
    with device(url) as wire, stalled(db):
        for _ in range(WINDOW + 1):
            wire.push(submit(job()))
        assert refused(wire) == "limit_exceeded"
    # What was in flight is committed all the same: the device will send it again and be told so.
    eventually(lambda: db.value("select count(*) from background_jobs") == WINDOW)


def test_pushes_in_flight_are_answered_in_order(db: Database, url: str) -> None:
    with device(url) as wire:
        with stalled(db):
            for _ in range(WINDOW):
                wire.push(submit(job()))
        through = 0
        while through < WINDOW:
            answer = wire.expect("pushed")
            assert answer["through"] > through
            through = answer["through"]
    assert db.value("select count(*) from background_jobs") == WINDOW


def test_a_message_above_the_limit_ends_only_its_own_connection(
    db: Database, services: Services
) -> None:
    with (
        services.gateway(message_bytes=80_000, payload_bytes=10_000) as url,
        unharmed(db, url),
        device(url) as wire,
    ):
        wire.socket.send("x" * 80_001)
        assert wire.closed() == 1009


def test_a_heartbeat_is_answered(url: str) -> None:
    with device(url) as wire:
        wire.say("heartbeat", pending=3)
        assert wire.expect("heartbeat")


# -- silence


def test_who_says_no_hello_is_sent_away(services: Services) -> None:
    with services.gateway(hello_seconds=0.1) as url, wired(url) as wire:
        assert wire.closed() == 1008


def test_a_silent_device_is_sent_away_and_one_that_beats_is_not(services: Services) -> None:
    with services.gateway(silence_seconds=0.5) as url, device(url) as silent, device(url) as alive:
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(0.1):
                alive.say("heartbeat")

        beating = threading.Thread(target=beat)
        beating.start()
        try:
            assert silent.closed() == 1001
            assert alive.deliver(submit(job())) == []
        finally:
            stop.set()
            beating.join()


# -- operations that are refused, and those beside them that are not


def test_another_owner_s_job_is_out_of_reach(db: Database, url: str) -> None:
    hers = job(payload='{"of": "anna"}')
    with device(url, "anna") as anna:
        anna.deliver(submit(hers))
    before = db.job(UUID(hers["id"]))
    with device(url, "bert") as bert:
        first, last = job(), job()
        answer = bert.deliver(
            submit(first), submit({**hers, "payload": "1"}), cancel(hers), submit(last)
        )
        assert sorted(answer) == [(hers["id"], "id_taken"), (hers["id"], "not_found")]
    assert db.job(UUID(hers["id"])) == before
    for spec in (first, last):
        assert db.job(UUID(spec["id"]))["submitted_by"] == "bert"


def test_the_same_submit_again_is_acknowledged_again(db: Database, url: str) -> None:
    spec = job(payload='{"a": 1}', flags=['say "hi"', "back\\slash", "NULL", "a,b"])
    for _ in range(3):
        with device(url) as wire:
            assert wire.deliver(submit(spec), submit(spec)) == []
    row = db.job(UUID(spec["id"]))
    assert row["flags"] == spec["flags"]
    assert db.value("select count(*) from background_jobs") == 1
    with device(url) as wire:
        assert wire.deliver(submit({**spec, "payload": '{"a": 2}'})) == [
            (spec["id"], "content_differs")
        ]


BAD_PAYLOADS = {
    "not json": "invalid_json",
    "": "invalid_json",
    "NaN": "invalid_json",
    "[1e999]": "invalid_json",
    '{"a": 1, "a": 2}': "invalid_json",
    '"\\u0000"': "invalid_json",
    '"\\ud800"': "invalid_json",
    "[" * 65 + "]" * 65: "invalid_json",
    "0." + "5" * 19_000: "invalid_json",
    '"' + "x" * 20_000 + '"': "payload_too_large",
}


def test_a_payload_that_we_refuse_is_named_and_the_rest_goes_on(
    db: Database, services: Services
) -> None:
    with services.gateway(payload_bytes=20_000, message_bytes=1_000_000) as url:
        bad = {job()["id"]: payload for payload in BAD_PAYLOADS}
        good = [job() for _ in range(3)]
        ops = [submit(job(id=id_, payload=payload)) for id_, payload in bad.items()]
        ops.insert(4, submit(good[0]))
        with device(url) as wire:
            answer = dict(wire.deliver(submit(good[1]), *ops, submit(good[2])))
        assert answer == {id_: BAD_PAYLOADS[payload] for id_, payload in bad.items()}
    assert set(db.queue()) == {UUID(spec["id"]) for spec in good}


def test_rows_that_postgres_refuses_are_found_and_the_others_commit(db: Database, url: str) -> None:
    db.do("alter table background_jobs add check (payload <> '13')")
    specs = [job(payload="13" if n % 50 == 7 else str(n + 100)) for n in range(300)]
    poison = [spec["id"] for spec in specs if spec["payload"] == "13"]
    with device(url) as wire, device(url, "bert") as other:
        answer = wire.deliver(*map(submit, specs))
        assert answer == [(id_, "database_refused") for id_ in poison]
        assert other.deliver(submit(job())) == []
    assert db.value("select count(*) from background_jobs where submitted_by = 'anna'") == 294
    db.assert_sound()


ODD: list[dict[str, Any]] = [
    {"timestamp": "0001-01-01T00:00:00Z"},
    {"run_at": "0001-01-01T00:00:00Z"},
    {"run_at": "9999-12-31T23:59:59.999999Z"},
    {"payload": "0." + "5" * 300},
    {"payload": "1" + "0" * 300},
    {"payload": "[" * 64 + "]" * 64},
    {"payload": '"\\ud83d\\ude00"'},
    {"task": "t" * 255, "queue_name": "世" * 255, "job_key": "'; drop table x; --"},
    {"priority": -32768, "max_attempts": 32767},
    {"flags": [f"flag {n}" for n in range(64)]},
    {"database_id": str(uuid4())},
]


def test_what_is_legal_and_odd_is_stored_or_refused_but_never_in_the_way(
    db: Database, url: str
) -> None:
    with device(url) as watcher, unharmed(db, url), device(url) as wire:
        watcher.walk()
        for spec in ODD:
            odd, plain = job(**spec), job()
            answer = wire.deliver(submit(odd), submit(plain))
            assert answer in ([], [(odd["id"], "database_refused")]), spec
            wanted = {plain["id"]} | ({odd["id"]} if not answer else set())
            arrived: set[str] = set()
            while arrived < wanted:
                arrived |= {row["id"] for row in watcher.rows()}
            assert arrived == wanted, spec


def test_a_submit_and_its_cancel_in_one_push(db: Database, url: str) -> None:
    spec = job()
    with device(url) as wire:
        assert wire.deliver(submit(spec), cancel(spec), cancel(spec)) == []
    assert db.status(UUID(spec["id"])) == "cancelled"
    assert db.events(UUID(spec["id"])) == ["submitted", "cancelled"]


def test_a_cancel_of_a_row_in_somebody_s_hands_is_done_once_it_is_free(
    db: Database, url: str
) -> None:
    spec = Spec()
    db.submit(spec)
    with device(url) as wire, device(url) as other:
        with Database(db.dsn) as holder, holder.together():
            holder.do("update background_jobs set progress = 0.1 where id = %s", spec.id)
            assert wire.deliver({"op": "cancel", "id": str(spec.id)}) == []
            # Nobody's operations wait for it.
            assert wire.deliver(submit(job())) == []
            assert other.deliver(submit(job())) == []
            assert db.status(spec.id) == "queued"
        eventually(lambda: db.status(spec.id) == "cancelled")


def test_a_cancel_that_a_gateway_left_undone_is_done_by_the_next(
    db: Database, services: Services
) -> None:
    spec = Spec()
    db.submit(spec)
    with Database(db.dsn) as holder:
        with holder.together():
            holder.do("update background_jobs set progress = 0.1 where id = %s", spec.id)
            assert db.cancel_batch(spec.id) == [(1, "postponed")]
        with services.gateway(silence_seconds=0.5):
            eventually(lambda: db.status(spec.id) == "cancelled")


# -- what devices say of themselves


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Database, Wire, Message], None]:
    """Waits until the devices' table says so."""
    monkeypatch.setattr("jobferry_server.gateway.notes.EVERY_SECONDS", 0.05)

    def wait(db: Database, wire: Wire, wanted: Message) -> None:
        def there() -> bool:
            found = db.rows("select * from jobferry.devices where client_id = %s", wire.client_id)
            return any(wanted.items() <= row.items() for row in found)

        eventually(there, 10)

    return wait


def test_the_devices_table_knows_what_is_unsent(
    db: Database, services: Services, noted: Callable[[Database, Wire, Message], None]
) -> None:
    oldest = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with services.gateway() as url, device(url, client_version="1.2.3", pending=7) as wire:
        noted(db, wire, {"owner": "anna", "client_version": "1.2.3", "pending": 7})
        first = db.row("select * from jobferry.devices")
        wire.say("heartbeat", pending=9, oldest_pending_at=oldest.isoformat())
        noted(db, wire, {"client_version": "1.2.3", "pending": 9, "oldest_pending_at": oldest})
        later = db.row("select * from jobferry.devices")
        assert later["last_seen"] > first["last_seen"]
        assert later["first_seen"] == first["first_seen"]
        wire.say("heartbeat")
        noted(db, wire, {"pending": 0, "oldest_pending_at": None})


@pytest.mark.parametrize(
    "boast",
    [{"pending": 2**40}, {"pending": 1, "oldest_pending_at": "0001-01-01T00:00:00+14:00"}],
    ids=str,
)
def test_a_device_that_boasts_hides_no_other(
    db: Database,
    services: Services,
    noted: Callable[[Database, Wire, Message], None],
    boast: Message,
) -> None:
    with (
        services.gateway() as url,
        wired(url, Authorization=f"Bearer {token()}") as boaster,
        device(url, "bert", pending=3) as modest,
    ):
        boaster.say("hello", **hello())
        stop = threading.Event()

        def keep_boasting() -> None:
            try:
                while not stop.wait(0.01):
                    boaster.say("heartbeat", **boast)
            except ConnectionClosed:
                pass

        boasting = threading.Thread(target=keep_boasting)
        boasting.start()
        try:
            modest.say("heartbeat", pending=4)
            noted(db, modest, {"pending": 4})
        finally:
            stop.set()
            boasting.join()


def test_json_on_the_wire_is_what_the_messages_say(url: str) -> None:
    """A device in another language sees no field that has nothing to say."""
    with device(url) as wire:
        wire.push(submit(job()))
        found = wire.expect("pushed")
        assert json.loads(json.dumps(found)) == found
        assert None not in found.values()
