"""Every hazard has its answer, and a test that is there, or a reason why there is none."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in DOCUMENT.splitlines()
    if line.startswith("| ") and not line.startswith(("| hazard", "| ---"))
]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_hazard_is_shown_by_tests_that_are_there(row: list[str]) -> None:
    hazard, answer, shown = row
    assert hazard
    assert answer
    named = set(re.findall(r"`(test_\w+)`", shown))
    assert named <= TESTS
    assert named or shown.startswith("none: ")
