"""Every target of the fuzzer, for a moment."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

SEEDS = seeds()
#: A seed with a few octets changed, added or left out.
SPOILT = st.builds(
    lambda octets, at, gone, new: octets[:at] + new + octets[at + gone :],
    st.sampled_from(SEEDS),
    st.integers(0, 300),
    st.integers(0, 4),
    st.binary(max_size=4),
)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_to_be_odd_is_answered(name: str) -> None:
    for octets in SEEDS:
        TARGETS[name](octets)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100)
@given(octets=SPOILT | st.binary(max_size=200))
def test_any_octets_are_answered(name: str, octets: bytes) -> None:
    TARGETS[name](octets)


def test_a_target_that_breaks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests above would show nothing."""
    monkeypatch.setattr("jobferry_shared.session.GatewaySession._receive_hello", None)
    everything = bytes(octet for what in range(256) for octet in (what, 1))
    with pytest.raises(TypeError):
        TARGETS["session"](everything)
