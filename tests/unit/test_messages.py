"""The wire messages: they round-trip, and nothing else is taken for one."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_shared.errors import RemoteProtocolError
from jobferry_shared.ids import new_id
from jobferry_shared.limits import Limits
from jobferry_shared.messages import (
    Applied,
    Cancel,
    Change,
    Changes,
    DownMessage,
    Error,
    ErrorDetail,
    Heartbeat,
    Hello,
    JobSpec,
    Push,
    Pushed,
    Rejection,
    Renew,
    Reset,
    StoredJob,
    Submit,
    UpMessage,
    Waiting,
    Welcome,
    decode_down,
    decode_up,
    encode,
)
from jobferry_shared.states import Status

ID = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"
DEVICE = "0b8f0d0e-6a7c-4f0e-9d3b-2f1c6f0a9b1d"
NOON = datetime(2026, 2, 3, 12, 0, 0, 123456, tzinfo=UTC)
LIMITS = Limits()

SPEC = JobSpec(id=ID, timestamp=NOON, payload='{"n": 1}')
FULL_SPEC = JobSpec(
    id=ID,
    timestamp=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
    payload='[1, 30, "é\\n"]',
    task="thumbnail",
    queue_name="photos",
    priority=-32768,
    run_at=NOON,
    max_attempts=32767,
    job_key="k",
    flags=["gpu", "é"],
    database_id=DEVICE,
)

#: What somebody may have inserted into the ledger without asking us.
STORED = StoredJob(
    id="00000000-0000-0000-0000-000000000000",
    timestamp=NOON,
    payload="1",
    task="",
    queue_name="line\nfeed",
    priority=99999,
    max_attempts=0,
    job_key="x" * 1000,
    flags=["", None],
    database_id="acme",
)

UP: list[UpMessage] = [
    Hello(protocol=1, client_id=DEVICE),
    Hello(
        protocol=1,
        client_id=DEVICE,
        cursor="e/1:2://///",
        token="a.b.c",
        client_version="0.1",
        pending=3,
        oldest_pending_at=NOON,
    ),
    Push(seq=1, ops=[Submit(job=SPEC), Submit(job=FULL_SPEC, cancelled=True), Cancel(id=ID)]),
    Applied(cursor="e/1:2://///"),
    Renew(token="a.b.c"),
    Heartbeat(),
    Heartbeat(pending=2**31 - 1, oldest_pending_at=NOON),
]
DOWN: list[DownMessage] = [
    Welcome(protocol=1, owner="anna", epoch="e", server_time=NOON, limits=LIMITS),
    Pushed(through=2, received_at=NOON),
    Pushed(
        through=2,
        received_at=NOON,
        rejected=[Rejection(seq=1, id=ID, code="id_taken", message="…")],
    ),
    Waiting(code="rate_limited", message="…", retry_after=1.5),
    Changes(rows=[], cursor="c", complete=True),
    Changes(
        rows=[
            Change(id=ID, status=Status.QUEUED, received_at=NOON, run_at=NOON),
            Change(
                id=ID,
                status=Status.FAILED,
                progress=0.5,
                attempts=2,
                run_at=NOON,
                started_at=NOON,
                finished_at=NOON,
                result="null",
                error=ErrorDetail(code="handler_error", message="…"),
                spec=StoredJob(**FULL_SPEC.model_dump()),
                client_id=DEVICE,
                received_at=NOON,
            ),
        ],
        cursor="c",
        complete=False,
    ),
    Reset(),
    Heartbeat(),
    Error(code="unavailable", message="…"),
    Error(code="unavailable", message="…", retry_after=1.5),
]


@pytest.mark.parametrize("message", UP, ids=lambda message: message.type)
@pytest.mark.parametrize("as_octets", [False, True])
def test_what_a_device_says_round_trips(message: UpMessage, as_octets: bool) -> None:
    text = encode(message)
    assert decode_up(text.encode() if as_octets else text) == message


@pytest.mark.parametrize("message", DOWN, ids=lambda message: message.type)
@pytest.mark.parametrize("as_octets", [False, True])
def test_what_a_gateway_says_round_trips(message: DownMessage, as_octets: bool) -> None:
    text = encode(message)
    assert decode_down(text.encode() if as_octets else text) == message


def test_the_examples_show_every_message() -> None:
    assert {type(message) for message in UP} == set(get_args(UpMessage))
    assert {type(message) for message in DOWN} == set(get_args(DownMessage))


def test_what_a_field_does_not_say_is_left_out() -> None:
    assert json.loads(encode(Hello(protocol=1, client_id=DEVICE))) == {
        "type": "hello",
        "protocol": 1,
        "client_id": DEVICE,
        "pending": 0,
    }


@given(payload=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_payload_travels_as_the_very_text_it_was(payload: str) -> None:
    spec = JobSpec(id=str(new_id()), timestamp=NOON, payload=payload)
    message = decode_up(encode(Push(seq=1, ops=[Submit(job=spec)])))
    assert isinstance(message, Push)
    (op,) = message.ops
    assert isinstance(op, Submit)
    assert op.job.payload == payload


def hello(**fields: Any) -> dict[str, Any]:
    return {"type": "hello", "protocol": 1, "client_id": DEVICE} | fields


def submit(**fields: Any) -> dict[str, Any]:
    job = {"id": ID, "timestamp": "2026-02-03T12:00:00Z", "payload": "1"} | fields
    return {"type": "push", "seq": 1, "ops": [{"op": "submit", "job": job}]}


NOT_FROM_A_DEVICE: dict[str, object] = {
    "no object": [],
    "nothing": None,
    "no type": {"protocol": 1},
    "an unknown type": {"type": "goodbye"},
    "a type that is no text": {"type": 1},
    "what a gateway says": {"type": "reset"},
    "a missing field": {"type": "applied"},
    "an unknown field": hello(colour="red"),
    "an unknown field in a job": submit(colour="red"),
    "an unknown field in an operation": {
        "type": "push",
        "seq": 1,
        "ops": [{"op": "cancel", "id": ID, "colour": "red"}],
    },
    "an unknown operation": {"type": "push", "seq": 1, "ops": [{"op": "pause", "id": ID}]},
    "an empty push": {"type": "push", "seq": 1, "ops": []},
    "push number 0": {"type": "push", "seq": 0, "ops": [{"op": "cancel", "id": ID}]},
    "a number in a string": hello(protocol="1"),
    "true for a number": hello(protocol=True),
    "a float for an integer": hello(pending=1.0),
    "a negative count": hello(pending=-1),
    "a count that Postgres does not hold": hello(pending=2**31),
    "seconds since 1970": hello(oldest_pending_at=1_700_000_000),
    "a time without a zone": hello(oldest_pending_at="2026-02-03T12:00:00"),
    "a time before UTC's calendar": hello(oldest_pending_at="0001-01-01T00:00:00+14:00"),
    "a time behind UTC's calendar": hello(oldest_pending_at="9999-12-31T23:59:59-01:00"),
    "a device that is no UUID": hello(client_id="till"),
    "a device with a line feed": hello(client_id=DEVICE + "\n"),
    "a cursor beyond bounds": hello(cursor="c" * 65537),
    "a cursor with a line feed": hello(cursor="e/1:1:\n////"),
    "a cursor with a NUL": hello(cursor="e\0"),
    "a cursor with foreign digits": hello(cursor="e/\u0661:\u0662:////"),
    "a token beyond bounds": hello(token="t" * 16385),
    "a nil id": submit(id="00000000-0000-0000-0000-000000000000"),
    "an upper-case id": submit(id=ID.upper()),
    "an id of version 1": submit(id="8c2e5b1a-0f3d-11f0-8a1b-2c3d4e5f6071"),
    "an id with a line feed": submit(id=ID + "\n"),
    "a payload that is not text": submit(payload={"n": 1}),
    "no task": submit(task=""),
    "a task of 256 characters": submit(task="t" * 256),
    "a task with a NUL": submit(task="a\0"),
    "a task with a line feed": submit(task="a\n"),
    "a task with DEL": submit(task="\x7f"),
    "a priority beyond smallint": submit(priority=32768),
    "a priority below smallint": submit(priority=-32769),
    "no attempt": submit(max_attempts=0),
    "too many attempts": submit(max_attempts=32768),
    "65 flags": submit(flags=["f"] * 65),
    "an empty flag": submit(flags=[""]),
    "a flag that is no text": submit(flags=[1]),
    "flags in one text": submit(flags="gpu"),
    "a tenant that is no UUID": submit(database_id="acme"),
}

FROM_A_DEVICE: dict[str, object] = {
    "the largest count": hello(pending=2**31 - 1),
    "the first moment": hello(oldest_pending_at="0001-01-01T00:00:00Z"),
    "the last moment": hello(oldest_pending_at="9999-12-31T23:59:59.999999Z"),
    "the longest cursor": hello(cursor="c" * 65536),
    "a task of 255 characters": submit(task="é" * 255),
    "the lowest priority": submit(priority=32767),
    "one attempt": submit(max_attempts=1),
    "64 flags": submit(flags=["f"] * 64),
    "no flags": submit(flags=[]),
    "null for what is left out": submit(queue_name=None, run_at=None),
}


@pytest.mark.parametrize("value", NOT_FROM_A_DEVICE.values(), ids=NOT_FROM_A_DEVICE.keys())
def test_refuses_from_a_device(value: object) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^not a message: ") as refusal:
        decode_up(json.dumps(value))
    assert refusal.value.code == "protocol_error"


@pytest.mark.parametrize("value", FROM_A_DEVICE.values(), ids=FROM_A_DEVICE.keys())
def test_accepts_from_a_device(value: object) -> None:
    decode_up(json.dumps(value))


CHANGE = {
    "id": ID,
    "status": "running",
    "received_at": "2026-02-03T12:00:00Z",
    "run_at": "2026-02-03T12:00:00Z",
}
NOT_FROM_A_GATEWAY: dict[str, object] = {
    "what a device says": hello(),
    "an unknown status": {
        "type": "changes",
        "rows": [CHANGE | {"status": "asleep"}],
        "cursor": "c",
        "complete": True,
    },
    "an unknown field in a row": {
        "type": "changes",
        "rows": [CHANGE | {"colour": "red"}],
        "cursor": "c",
        "complete": True,
    },
    "a result that is not text": {
        "type": "changes",
        "rows": [CHANGE | {"result": {}}],
        "cursor": "c",
        "complete": True,
    },
    "a negative delay": {"type": "error", "code": "c", "message": "m", "retry_after": -1},
    "an unknown limit": {
        "type": "welcome",
        "protocol": 1,
        "owner": "anna",
        "epoch": "e",
        "server_time": "2026-02-03T12:00:00Z",
        "limits": {"colour": 1},
    },
}


@pytest.mark.parametrize("value", NOT_FROM_A_GATEWAY.values(), ids=NOT_FROM_A_GATEWAY.keys())
def test_refuses_from_a_gateway(value: object) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^not a message: "):
        decode_down(json.dumps(value))


@pytest.mark.parametrize("delay", ["NaN", "Infinity", "1e999"])
def test_a_delay_is_a_number_of_seconds_that_ends(delay: str) -> None:
    with pytest.raises(RemoteProtocolError, match="retry_after"):
        decode_down(f'{{"type":"error","code":"c","message":"m","retry_after":{delay}}}')


NOT_JSON: dict[str, str | bytes] = {
    "nothing": "",
    "no JSON": "hello",
    "bad UTF-8": b'{"type":"renew","token":"\xff"}',
    "a lone surrogate": '{"type":"renew","token":"\\ud800"}',
    "a raw lone surrogate": '{"type":"renew","token":"\ud800"}',
    "half a message": '{"type":"heartbeat"',
    "two messages": '{"type":"heartbeat"}{"type":"heartbeat"}',
    "100,000 brackets": "[" * 100_000,
}


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused_by_both_sides(text: str | bytes) -> None:
    for decode in (decode_up, decode_down):
        with pytest.raises(RemoteProtocolError, match=r"^not a message: "):
            decode(text)


def test_the_complaint_names_the_field_and_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(RemoteProtocolError, match=r"push\.ops\.0\.submit\.job\.task") as refusal:
        decode_up(json.dumps(submit(task="secret" * 1000)))
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("value", [{"type": "x" * 100_000}, hello(**{"y" * 100_000: 1})])
def test_a_complaint_is_short_whatever_was_sent(value: object) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        decode_up(json.dumps(value))
    assert len(str(refusal.value)) < 500
