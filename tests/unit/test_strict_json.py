"""One strict JSON validator: what it refuses, and that what it takes comes through unharmed."""

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_shared.errors import InvalidJSON
from jobferry_shared.strict_json import MAX_DEPTH, dump, parse

REFUSED = {
    "nothing": "",
    "only whitespace": " \n\t\r ",
    "a half": '{"a":',
    "two values": "1 2",
    "a comma too much": "[1,]",
    "single quotes": "{'a':1}",
    "a comment": "[1] // one",
    "a byte order mark": "\ufeff1",
    "a no-break space between tokens": "[1,\u00a02]",
    "a vertical tab between tokens": "[1,\v2]",
    "a leading zero": "01",
    "a plus sign": "+1",
    "a bare point": ".5",
    "a point without decimals": "5.",
    "digits that are not ASCII": "\u0661",
    "Python's spelling": "True",
    "NaN": "NaN",
    "NaN inside": '{"a":[NaN]}',
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "more than a double": "1e999",
    "less than minus a double": "-1e999",
    "an integer beyond a double": "1" * 400,
    "an integer of 5,000 digits": "9" * 5000,
    "nearer to nothing than a double": "1e-999",
    "nearer to nothing, written out": "0." + "0" * 400 + "1",
    "a zero with an exponent Postgres can't count": "0e99999999999",
    "a zero with too many decimals": "0e-99999",
    "more decimals than Postgres can keep": "0." + "1" * 17000,
    "an exponent of 5,000 digits": "0e" + "9" * 5000,
    "a duplicate key": '{"a":1,"a":2}',
    "a duplicate key in disguise": '{"a":1,"\\u0061":2}',
    "a duplicate key deep inside": '[[{"a":{"b":1,"b":1}}]]',
    "an escaped NUL": '"\\u0000"',
    "an escaped NUL in a key": '{"a\\u0000":1}',
    "a raw NUL": '"\0"',
    "a raw NUL behind the value": "1\0",
    "a raw control character": '"\x1f"',
    "a raw line feed in a string": '"\n"',
    "an escaped high surrogate": '"\\ud83d"',
    "an escaped low surrogate": '"\\ude00"',
    "surrogates in the wrong order": '"\\ude00\\ud83d"',
    "a lone surrogate as a key": '{"\\ud83d":1}',
    "a raw lone surrogate": '"\ud83d"',
    "bad UTF-8 as Python carries it": b'"\xff"'.decode(errors="surrogateescape"),
    "an unknown escape": '"\\x41"',
    "a short escape": '"\\u00"',
}

ACCEPTED = {
    "null": "null",
    "a string": '"a"',
    "an empty key": '{"":0}',
    "whitespace around": " \t\r\n[ 1 , 2 ]\n",
    "a large double": "1.7976931348623157e308",
    "a tiny double": "5e-324",
    "a zero with an exponent": "0e0",
    "minus zero": "-0.0",
    "a zero with some decimals": "0.000",
    "capital E": "1E2",
    "many decimals": "0." + "1" * 16000,
    "an escaped backslash before u0000": '"\\\\u0000"',
    "an escaped pair of surrogates": '"\\ud83d\\ude00"',
    "a raw emoji": '"😀"',
    "the last code point before the surrogates": '"\\ud7ff"',
    "the first after them": '"\\ue000"',
    "DEL": '"\x7f"',
    "a line separator": '"\u2028"',
    "brackets in strings": json.dumps("[{" * 200),
    "many arrays, not deep": json.dumps([[[]]] * 200),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(text: str) -> None:
    with pytest.raises(InvalidJSON) as refusal:
        parse(text)
    assert refusal.value.code == "invalid_json"
    assert refusal.value.hint
    assert 0 < len(str(refusal.value)) < 300
    str(refusal.value).encode()


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts(text: str) -> None:
    assert parse(text) == json.loads(text)


@pytest.mark.parametrize("digits", ["123456789012345678901234567890", "-9007199254740993"])
def test_an_integer_that_no_double_holds_passes_unharmed(digits: str) -> None:
    assert parse(digits) == int(digits)
    assert dump(int(digits)) == digits


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nests_as_deep_as_the_limit_and_no_deeper(opening: str, closing: str) -> None:
    levels = len(opening.replace('"a":', ""))
    parse(nested(MAX_DEPTH // levels, opening, closing))
    with pytest.raises(InvalidJSON, match="nested deeper than 64"):
        parse(nested(MAX_DEPTH // levels + 1, opening, closing))


@pytest.mark.parametrize("depth", [500, 100_000])
@pytest.mark.parametrize("closing", ["]", ""])
def test_a_very_deep_text_is_refused_without_a_crash(depth: int, closing: str) -> None:
    with pytest.raises(InvalidJSON):
        parse("[" * depth + closing * depth)


def test_a_very_deep_value_is_refused_without_a_crash() -> None:
    value: Any = 1
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    with pytest.raises(InvalidJSON):
        dump(value)


def test_sizes_are_octets_not_characters() -> None:
    text = '"ééé"'
    assert len(text) == 5
    assert parse(text, max_bytes=8) == "ééé"
    with pytest.raises(InvalidJSON, match="8 bytes, the limit is 7") as refusal:
        parse(text, max_bytes=7)
    assert refusal.value.code == "payload_too_large"


def test_whitespace_counts_as_size() -> None:
    with pytest.raises(InvalidJSON) as refusal:
        parse(" " * 9 + "1", max_bytes=9)
    assert refusal.value.code == "payload_too_large"


def test_a_refusal_does_not_repeat_the_whole_text() -> None:
    key = "k" * 100_000
    with pytest.raises(InvalidJSON, match="duplicate key 'kkk") as refusal:
        parse(f'{{"{key}":1,"{key}":2}}')
    assert len(str(refusal.value)) < 100


UNSAYABLE: dict[str, object] = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "NUL": "\0",
    "a lone surrogate": "\ud800",
    "a lone surrogate as a key": {"\ud800": 1},
    "keys that become equal": {1: "a", "1": "b"},
    "an integer beyond a double": 10**400,
    "an integer of 5,000 digits": 10**5000,
    "octets": b"octets",
    "a set": {1, 2},
    "an object": object(),
    "a tuple as a key": {(1, 2): 3},
}


@pytest.mark.parametrize("value", UNSAYABLE.values(), ids=UNSAYABLE.keys())
def test_dump_refuses_what_json_can_not_say(value: object) -> None:
    with pytest.raises(InvalidJSON):
        dump(value)


def test_dump_refuses_a_value_that_contains_itself() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidJSON):
        dump(value)


def test_dump_is_compact_and_keeps_letters_and_order() -> None:
    assert dump({"ü": [1, 2.5, None, True], "a": "😀"}) == '{"ü":[1,2.5,null,true],"a":"😀"}'


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
REASONABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(value=REASONABLE, indent=st.none() | st.integers(0, 3), ascii_only=st.booleans())
def test_whatever_json_makes_of_a_reasonable_value_passes_and_round_trips(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    assert parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value
    assert parse(dump(value)) == value


@given(st.text() | st.text('[]{}",:0123456789eE.+-\\u d8nultrfas'))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        value = parse(text)
    except InvalidJSON:
        return
    assert value == json.loads(text)
