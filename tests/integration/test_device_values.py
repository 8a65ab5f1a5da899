"""What our own checks let pass, a real Postgres takes: values of devices and cursors they send back."""

import json
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobferry_server.gateway.cursor import Cursor
from jobferry_shared.errors import InvalidJSON
from jobferry_shared.strict_json import parse

Connection = psycopg.Connection[tuple[Any, ...]]

# The connection is the same for all examples, and each is a statement of its own.
on_one_connection = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)

NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,12})?", fullmatch=True
)
STRINGS = st.text(st.characters(exclude_categories=["Cs"])) | st.text('\\ud83e0"nt\0\x01/')
VALUES = st.recursive(
    NUMBERS | STRINGS.map(json.dumps) | st.sampled_from(["null", "true", "false"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(st.tuples(STRINGS, inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in pairs) + "}"
        )
    ),
    max_leaves=12,
)


def takes(ledger: Connection, text: str) -> None:
    ledger.execute("select %s::jsonb", [text])


@on_one_connection
@given(text=VALUES | VALUES.map(lambda text: text.encode("unicode_escape").decode()))
@example("0e99999999999")
@example("0e-99999")
@example("0e" + "9" * 5000)
@example("0." + "1" * 17000)
@example("0." + "1" * 16383)
@example("0e-16383")
@example("0e16383")
@example("1" * 309)
@example("123456789012345678901234567890")
@example("5e-324")
@example("1.7976931348623157e308")
@example("1e-999")
@example("[" * 64 + "]" * 64)
@example('"\\u0000"')
@example('"\\ud83d"')
@example('"\\ud83d\\ude00 \ufffe\uffff\U0010ffff\x7f"')
@example('{"": 1, "\\u0061": 2}')
@example(" \t\r\n1 \t\r\n")
@example("\ufeff1")
def test_any_json_that_passes_our_check_is_taken_by_postgres(ledger: Connection, text: str) -> None:
    try:
        parse(text)
    except InvalidJSON:
        return
    takes(ledger, text)


@pytest.mark.parametrize(
    "text", ['"\\u0000"', '"\\ud83d"', "0e99999999999", "0." + "1" * 17000, "NaN", '{"a":1']
)
def test_postgres_does_refuse_what_our_check_is_there_for(ledger: Connection, text: str) -> None:
    with pytest.raises(psycopg.DataError):
        takes(ledger, text)
    with pytest.raises(InvalidJSON):
        parse(text)


EPOCH = "0123456789abcdef"
SOME_TIME_AGO = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"
XIDS = st.integers(0, 2**64 + 1) | st.integers(0, 30)
SNAPSHOTS = st.builds(
    lambda xmin, xmax, running: f"{xmin}:{xmax}:{','.join(map(str, running))}",
    XIDS,
    XIDS,
    st.lists(XIDS, max_size=4) | st.lists(st.integers(0, 30), max_size=4).map(sorted),
)
# What can come: messages.Cursor lets printable ASCII pass, and nothing else.
GARBAGE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30) | st.text(
    "0123456789:,", max_size=12
)
PARTS = st.just("") | SNAPSHOTS | GARBAGE
TEXTS = st.builds(
    lambda *parts: "/".join((EPOCH, *parts)),
    PARTS,
    PARTS,
    st.sampled_from(["", "a", "f"]) | GARBAGE,
    st.just("") | XIDS.map(str) | GARBAGE,
    st.just("") | st.uuids().map(str) | GARBAGE,
)


@on_one_connection
@given(text=TEXTS)
@example(f"{EPOCH}/1:1:////")
@example(f"{EPOCH}/0:0:////")
@example(f"{EPOCH}/{2**63 - 1}:{2**63 - 1}:////")
@example(f"{EPOCH}/007:0010:08,009////")
@example(f"{EPOCH}////{2**63 - 1}/{SOME_TIME_AGO}")
@example(f"{EPOCH}////0/{SOME_TIME_AGO}")
@example(f"{EPOCH}/1:{2**63 - 1}:{','.join(map(str, range(1, 12000)))}////")
def test_any_text_that_passes_for_a_cursor_is_taken_by_postgres(
    ledger: Connection, text: str
) -> None:
    cursor = Cursor.parse(text, EPOCH)
    if cursor is not None:
        ledger.execute(
            "select %s::pg_snapshot, %s::pg_snapshot, %s::xid8, %s::uuid",
            [cursor.since, cursor.target, cursor.version, cursor.id],
        )


def test_the_snapshot_of_a_busy_database_is_a_cursor(ledger: Connection, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute("select pg_current_xact_id()")
        ledger.execute("select pg_current_xact_id()")
        ((now,),) = ledger.execute("select pg_current_snapshot()::text").fetchall()
    assert now.rpartition(":")[2] != ""
    cursor = Cursor.parse(str(Cursor(EPOCH, since=now)), EPOCH)
    assert cursor == Cursor(EPOCH, since=now)
