"""Draw the ten steady minutes: ``python -m benchmarks.plot LINES.jsonl PICTURE.png``.

The lines are what ``jobferry bench steady --json`` wrote.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.steady import HELD

__all__ = ["main"]

#: What is drawn, one above the other: title, and lines with their names.
PANELS = (
    ("dead rows in the queue", {"queue_dead": "dead"}),
    ("size of the queue's file, MB", {"queue_mb": "size"}),
    ("rows of the ledger", {"ledger_live": "live", "ledger_dead": "dead"}),
    ("received to begun, ms", {"latency_ms": "median of the last 200 jobs"}),
)


def main() -> None:
    """Read the samples, write the picture."""
    lines = (json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines())
    samples = [line for line in lines if line.get("sample") == "steady"]
    for sample in samples:
        sample["queue_mb"] = sample["queue_octets"] / 1e6
    mpl.use("agg")
    figure, panels = plt.subplots(
        len(PANELS), sharex=True, figsize=(9, 10), layout="constrained", squeeze=False
    )
    for axes, (title, names) in zip(panels[:, 0], PANELS, strict=True):
        _draw(axes, title, names, samples)
    panels[-1, 0].set_xlabel("minutes")
    figure.savefig(sys.argv[2], dpi=110)


def _draw(axes: Axes, title: str, names: dict[str, str], samples: list[dict[str, Any]]) -> None:
    minutes = [sample["seconds"] / 60 for sample in samples]
    held = [at for at, sample in zip(minutes, samples, strict=True) if sample["part"] == HELD]
    axes.axvspan(held[0], held[-1], color="0.9", label="an old snapshot is held")
    for name, label in names.items():
        axes.plot(minutes, [sample[name] for sample in samples], label=label, linewidth=1.2)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.10g}"))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8, frameon=False)


if __name__ == "__main__":
    main()
