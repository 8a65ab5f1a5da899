"""The gateway's cursor as text: it round-trips, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.gateway.cursor import Cursor

EPOCH = "0123456789abcdef"
ID = "019a0b1c-2d3e-7f00-8a1b-2c3d4e5f6071"
LARGEST = 2**63 - 1


@st.composite
def snapshots(draw: st.DrawFn) -> str:
    """What pg_current_snapshot() may say."""
    xmin = draw(st.integers(1, LARGEST - 1000))
    xmax = xmin + draw(st.integers(0, 1000))
    running = draw(st.sets(st.integers(xmin, xmax - 1), max_size=20)) if xmax > xmin else set()
    return f"{xmin}:{xmax}:{','.join(map(str, sorted(running)))}"


PLACES = st.tuples(st.none(), st.none()) | st.tuples(
    st.integers(0, LARGEST).map(str), st.uuids().map(str)
)


@st.composite
def cursors(draw: st.DrawFn) -> Cursor:
    """Every cursor a gateway may have sent."""
    version, id = draw(PLACES)  # noqa: A001
    return Cursor(
        EPOCH,
        since=draw(st.none() | snapshots()),
        target=draw(st.none() | snapshots()),
        active=draw(st.none() | st.booleans()),
        version=version,
        id=id,
    )


@given(cursors())
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor), EPOCH) == cursor


@given(cursors())
def test_a_cursor_of_another_database_is_none_of_ours(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor), "fedcba9876543210") is None


def test_no_cursor_is_the_start() -> None:
    start = Cursor.parse(None, EPOCH)
    assert start == Cursor.start(EPOCH)
    assert start is not None
    assert (start.active, start.since, start.resting) == (True, None, False)


def of(since: str = "", target: str = "", phase: str = "", version: str = "", id: str = "") -> str:  # noqa: A002
    return "/".join((EPOCH, since, target, phase, version, id))


NOT_A_CURSOR = {
    "nothing": "",
    "too few parts": "/".join([EPOCH] + [""] * 4),
    "too many parts": "/".join([EPOCH] + [""] * 6),
    "no epoch": "/////",
    "an unknown phase": of(phase="x"),
    "a snapshot without colons": of("12"),
    "a snapshot with two parts": of("1:2"),
    "xmin 0": of("0:2:"),
    "xmax before xmin": of("3:2:"),
    "running before xmin": of("2:5:1"),
    "running at xmax": of("2:5:5"),
    "running in disorder": of("2:9:5,4"),
    "running twice": of("2:9:5,5"),
    "a trailing comma": of("2:9:5,"),
    "a sign": of("+1:2:"),
    "a space": of(" 1:2:"),
    "xmax beyond 63 bits": of(f"1:{2**63}:"),
    "a target that is no snapshot": of("1:2:", "x"),
    "a version beyond 63 bits": of(version=str(2**63), id=ID),
    "a negative version": of(version="-1", id=ID),
    "a version that is no number": of(version="x", id=ID),
    "a version without an id": of(version="1"),
    "an id without a version": of(id=ID),
    "an id that is none": of(version="1", id="x"),
    "an upper-case id": of(version="1", id=ID.upper()),
    "SQL": of("1:2:'; drop table background_jobs; --"),
    "a line feed behind a snapshot": of("1:2:\n"),
    "foreign digits in a snapshot": of("\u0661:\u0662:"),
    "foreign digits as a version": of(version="\u0661", id=ID),
    "a superscript as a version": of(version="\u00b2", id=ID),
    "a version of 5,000 digits": of(version="9" * 5000, id=ID),
    "a line feed behind an id": of(version="1", id=ID + "\n"),
}


@pytest.mark.parametrize(
    "text",
    [pytest.param(text, id=name) for name, text in NOT_A_CURSOR.items()],
)
def test_what_is_not_a_cursor_is_taken_for_none(text: str) -> None:
    assert Cursor.parse(text, EPOCH) is None


def test_a_first_walk_reads_the_unfinished_then_the_finished_then_rests() -> None:
    cursor = Cursor.start(EPOCH).after("5:9:7", "6", ID)
    assert (cursor.target, cursor.version, cursor.active) == ("5:9:7", "6", True)
    cursor = cursor.walked("8:12:")
    assert (cursor.target, cursor.version, cursor.active) == ("5:9:7", None, False)
    assert not cursor.resting
    cursor = cursor.walked("9:13:")
    assert cursor == Cursor(EPOCH, since="5:9:7")
    assert cursor.resting


def test_a_later_walk_keeps_the_end_it_had_at_its_first_page() -> None:
    cursor = Cursor(EPOCH, since="5:9:7").after("10:20:", "11", ID).after("30:40:", "12", ID)
    assert (cursor.since, cursor.target) == ("5:9:7", "10:20:")
    assert cursor.walked("50:60:") == Cursor(EPOCH, since="10:20:")


def test_the_horizon_is_the_first_transaction_it_knows_nothing_of() -> None:
    assert Cursor.start(EPOCH).horizon == 0
    assert Cursor(EPOCH, since="5:9:7").horizon == 9
    assert Cursor(EPOCH, since="5:9:7", target="10:20:").horizon == 20
