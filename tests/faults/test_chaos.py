"""``jobferry chaos`` in short, and the bugs that it must find.

JOBFERRY_TEST_CHAOS_MINUTES says how long the weather is bad.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from chaos.bugs import BUGS, FENCELESS
from chaos.scene import Size
from chaos.storm import Chaos, Report, run
from support.cluster import Cluster
from support.processes import jobferry

MINUTES = float(os.environ.get("JOBFERRY_TEST_CHAOS_MINUTES", "0.08"))
#: A bug needs its moment, and a machine that others use may not give it at once.
TRIES = 3
SECONDS = 2.5


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """The faults that bring a bug to light among so many parts, how often they strike, and how it shows."""

    kinds: tuple[str, ...]
    processors: int
    every: float
    shown: Callable[[Report], object]
    patience: float


def acknowledged_and_lost(report: Report) -> list[str]:
    """Not what is still to be sent."""
    return [found for found in report.verdict.lost if found.endswith("queued on the device")]


def not_told(report: Report) -> list[str]:
    """Nothing is under way any more, and a device still shows something else than the ledger."""
    return [found for found in report.unsettled if "in the ledger" in found]


HUNTS = {
    "acknowledge before commit": Hunt(
        kinds=("gateway killed",),
        processors=0,
        every=0.2,
        shown=acknowledged_and_lost,
        patience=0.5,
    ),
    "skip the sweep": Hunt(
        kinds=("listeners ended",),
        processors=1,
        every=0.2,
        shown=not_told,
        patience=3.0,
    ),
    FENCELESS: Hunt(
        kinds=("processor stopped",),
        processors=2,
        every=1.2,
        shown=lambda report: report.verdict.unfenced,
        patience=3.0,
    ),
}


def hunt(bug: str | None, hunted: Hunt, cluster: Cluster, folder: Path, seed: int) -> Report:
    """Let one kind of fault strike again and again, until the bug shows or the patience is at an end."""
    for number in range(TRIES):
        chaos = Chaos(
            seed=seed + number,
            seconds=SECONDS,
            every=hunted.every,
            patience=hunted.patience,
            size=Size(
                owners=1,
                devices_each=1,
                gateways=1,
                processors=hunted.processors,
                pause=0.05,
                cap=1.0,
            ),
            kinds=hunted.kinds,
            bug=bug,
        )
        place = folder / f"{bug} {number}"
        place.mkdir()
        report = run(cluster, place, chaos)
        if hunted.shown(report):
            break
    return report


@pytest.fixture(scope="module")
def reports(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> Iterator[dict[str, Report]]:
    """What came of each bug, hunted side by side: most of it is waiting."""
    folder = tmp_path_factory.mktemp("bugs")
    with ThreadPoolExecutor(len(HUNTS)) as hunters:
        one = partial(hunt, cluster=cluster, folder=folder, seed=seed)
        yield dict(zip(HUNTS, hunters.map(one, HUNTS, HUNTS.values()), strict=True))


def test_everything_at_once_and_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    small = ("--minutes", str(MINUTES), "--every", "0.25", "--owners", "2", "--cap", "2")
    found = jobferry("chaos", *small, "--seed", str(seed), timeout=120 + 120 * MINUTES)
    print(found.stdout, found.stderr)
    assert found.returncode == 0
    assert "seconds from healing to convergence" in found.stdout


def test_each_bug_has_its_hunt() -> None:
    assert HUNTS.keys() == {*BUGS, FENCELESS}


@pytest.mark.parametrize("bug", HUNTS)
def test_a_bug_is_found(bug: str, reports: dict[str, Report]) -> None:
    report = reports[bug]
    print(report.verdict, report.unsettled[:5], *report.logs, sep="\n")
    assert HUNTS[bug].shown(report)
    assert not report.sound


pytestmark = pytest.mark.timeout(300)
