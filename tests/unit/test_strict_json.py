"""One strict JSON validator: what it refuses, and that what it takes comes through unharmed."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_shared.errors import InvalidJSON
from jobferry_shared.strict_json import MAX_DEPTH, dump, parse
from support.corpus import ACCEPTED, REFUSED, UNSAYABLE


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
