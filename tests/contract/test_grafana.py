"""The Grafana dashboard and the alerts of the document ask for what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobferry_server.metrics.definitions import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs"
BOARD: dict[str, Any] = json.loads((DOCS / "deploy" / "grafana.json").read_text())
#: What Prometheus adds.
ALWAYS = {"le", "instance", "job"}
HISTOGRAM = ("_bucket", "_sum", "_count")


def series() -> Iterator[tuple[str, set[str]]]:
    """Every series with its labels."""
    for found in CATALOGUE:
        for suffix in HISTOGRAM if found.kind == "histogram" else ("",):
            yield found.name + suffix, {*found.labels, *ALWAYS}


LABELS = dict(series())


def queries() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]


def alerts() -> list[str]:
    text = (DOCS / "metrics.md").read_text()
    (rules,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return [rule["expr"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]


def metrics_in(query: str) -> list[str]:
    return re.findall(r"jobferry_\w+", query)


@pytest.mark.parametrize("query", [*queries(), *alerts()])
def test_a_query_names_series_and_labels_that_there_are(query: str) -> None:
    names = metrics_in(query)
    assert names
    assert [name for name in names if name not in LABELS] == []
    labels = (
        ",".join(re.findall(r"by \(([^)]*)\)", query))
        + ","
        + ",".join(re.findall(r"(\w+)=~?\"", query))
    )
    wanted = {label.strip() for label in labels.split(",")} - {""}
    assert wanted <= set.intersection(*(LABELS[name] for name in names))


def test_a_legend_names_a_label_that_is_left() -> None:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert re.search(rf"by \([^)]*\b{label}\b[^)]*\)", target["expr"]), target


def test_panels_have_numbers_and_places_of_their_own() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in BOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_every_metric_is_looked_at_by_somebody() -> None:
    """Or says why not: what is only for `jobferry doctor` and for a closer look."""
    asked = {name for query in (*queries(), *alerts()) for name in metrics_in(query)}
    bare = {found.name for found in CATALOGUE if not any(n.startswith(found.name) for n in asked)}
    assert bare == {
        "jobferry_devices_known",
        "jobferry_gateway_feed_rows_total",
        "jobferry_gateway_feed_waiting",
        "jobferry_gateway_last_commit_timestamp_seconds",
        "jobferry_gateway_last_tick_timestamp_seconds",
        "jobferry_database_oldest_snapshot_transactions",
        "jobferry_processor_claimed_jobs",
        "jobferry_processor_flush_outcomes",
        "jobferry_processor_last_flush_timestamp_seconds",
    }
