"""What a device reads in its own token: when it ends, by the server's clock."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_client.token import RENEW_SECONDS, expiry_of, seconds_to_renewal

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def saying(body: str) -> str:
    return "e30." + base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode() + ".c2ln"


def ending(seconds: float) -> str:
    return saying(json.dumps({"exp": NOW.timestamp() + seconds}))


def test_a_token_is_renewed_when_a_fifth_of_its_life_is_left() -> None:
    assert seconds_to_renewal(ending(1000), NOW) == 800


@pytest.mark.parametrize("left", [0.5, 0, -5, -1e9])
def test_one_that_ends_or_has_ended_is_renewed_soon_but_not_without_a_pause(left: float) -> None:
    assert seconds_to_renewal(ending(left), NOW) == RENEW_SECONDS


UNKNOWN = [
    None,
    "",
    "opaque",
    "a.b",
    "a.!!.c",
    saying("7"),
    saying("[]"),
    saying("{}"),
    saying('{"exp": null}'),
    saying('{"exp": "soon"}'),
    saying('{"exp": 1e999}'),
    saying('{"exp": NaN}'),
    saying("{"),
    "a.\u00e9.c",
    "a." + "A" * 5 + ".c",
]


@pytest.mark.parametrize("token", UNKNOWN)
def test_one_that_says_nothing_that_we_know_is_left_to_the_gateway(token: str | None) -> None:
    assert seconds_to_renewal(token, NOW) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    expiry_of(text)
    expiry_of(saying("x") + text)
