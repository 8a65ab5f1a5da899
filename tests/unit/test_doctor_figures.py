"""What the doctor reads in a gateway's own figures."""

import pytest

from jobferry_client.doctor.figures import judge
from jobferry_shared.findings import Level

LOOP, FEED = "jobferry_loop_lag_seconds", "jobferry_gateway_feed_lag_seconds"


def histogram(name: str, within: dict[str, int]) -> str:
    lines = [f'{name}_bucket{{le="{bound}"}} {number}.0' for bound, number in within.items()]
    return "\n".join([f"# TYPE {name} histogram", *lines, f"{name}_sum 1.25", ""])


def levels(page: str) -> dict[str, Level]:
    found = list(judge(page))
    assert all(finding.mend for finding in found if finding.level is not Level.OK)
    return {finding.check: finding.level for finding in found}


@pytest.mark.parametrize(
    ("name", "check", "in_time", "late"),
    [(LOOP, "loop lag", "0.25", "0.5"), (FEED, "feed lag", "1.0", "2.5")],
)
def test_one_of_a_hundred_may_be_late(name: str, check: str, in_time: str, late: str) -> None:
    well = histogram(name, {in_time: 99, late: 100, "+Inf": 100})
    ill = histogram(name, {in_time: 98, late: 100, "+Inf": 100})
    lost = histogram(name, {in_time: 98, late: 98, "+Inf": 100})
    assert [levels(page) for page in (well, ill, lost)] == [
        {check: Level.OK},
        {check: Level.WARNING},
        {check: Level.WARNING},
    ]


def test_a_few_tell_nothing() -> None:
    assert levels(histogram(LOOP, {"0.25": 0, "+Inf": 3})) == {}


@pytest.mark.parametrize(("heard", "level"), [("1.0", Level.OK), ("0.0", Level.WARNING)])
def test_whether_it_hears_its_database(heard: str, level: Level) -> None:
    both = 'jobferry_listening{{part="processor"}} 0.0\njobferry_listening{{part="gateway"}} {}\n'
    assert levels(both.format(heard)) == {"listening": level}


def test_a_page_of_something_else_says_nothing() -> None:
    assert levels("<html>jobferry_listening 1</html>") == {}
