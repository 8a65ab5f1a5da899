"""``jobferry bench`` measures: whether it works, not how fast it is."""

import json
from pathlib import Path

from support.processes import jobferry


def test_a_quick_measurement_has_figures_and_what_they_are_compared_with(tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    found = jobferry("bench", "processing", "--quick", "--json", str(lines))
    assert found.returncode == 0, found.stdout + found.stderr
    described, *figures = map(json.loads, lines.read_text().splitlines())
    assert described["cores"] > 0
    assert [figure["figure"] for figure in figures] == [
        "processing: one processor",
        "processing: two processors",
    ]
    assert all(figure["ours"] > 0 and min(figure["raw"].values()) > 0 for figure in figures)
