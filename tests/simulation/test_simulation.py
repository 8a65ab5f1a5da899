"""The guarantees under faults, run after run. That the runs would notice: test_deliberate_bugs.py.

``JOBFERRY_SEEDS`` is how many runs there are. ``JOBFERRY_SEED`` is one to be run again, every step of
which is printed.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from simulation import parts
from simulation.bugs import Bugs
from simulation.restores import is_restoring
from simulation.world import World, run

SEEDS = int(os.environ.get("JOBFERRY_SEEDS", "2000"))
SEED = os.environ.get("JOBFERRY_SEED")
LAST_STEPS = 60
COMMAND = "pytest tests/simulation/test_simulation.py -s -k every_guarantee"


@pytest.fixture(autouse=True, scope="module")
def _replaced_edges() -> Iterator[None]:
    with parts.replaced():
        yield


def explain(world: World, steps: int = LAST_STEPS) -> str:
    """What was wrong, how it came to it, and how to see all of it."""
    again = run(world.seed, world.bugs, tracing=True)
    return "\n".join(
        [
            f"{again.checker.violation}",
            *again.trace[-steps:],
            *again.errors,
            f"All of it: JOBFERRY_SEED={world.seed} {COMMAND}",
        ]
    )


def found_by(bugs: Bugs, seeds: Iterable[int]) -> Iterator[World]:
    """The runs in which something was wrong."""
    worlds = (run(seed, bugs) for seed in seeds)
    return (world for world in worlds if world.checker.violation is not None)


def test_every_guarantee_holds_in_every_run() -> None:
    if SEED is not None:
        world = run(int(SEED), tracing=True)
        print("\n".join(world.trace))
        assert world.checker.violation is None, "\n".join(world.errors)
        return
    for world in found_by(Bugs(), range(SEEDS)):
        pytest.fail(explain(world))


def trace_of(seed: int, folder: Path | None = None) -> str:
    """All steps of a run."""
    return "\n".join(run(seed, tracing=True, folder=folder).trace)


def test_a_run_on_real_files_takes_the_same_steps(tmp_path: Path) -> None:
    """And so the guarantees hold in it, and the models are good ones: of a device that meets a restored
    database, too.
    """
    most = max(1, SEEDS // 100)
    for seed in {*range(most), *islice(restoring(), most // 2)}:
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert trace_of(seed, folder) == trace_of(seed)


def restoring() -> Iterator[int]:
    """The seeds of runs in which the ledger is restored or replaced."""
    return (seed for seed in count() if is_restoring(seed))


def test_a_run_follows_from_its_seed_alone() -> None:
    """In this process, and in one that puts its objects and its sets in other places."""
    other = subprocess.run(
        [
            sys.executable,
            "-c",
            "from simulation.test_simulation import print_traces; print_traces()",
        ],
        env=os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert traces() == traces()
    assert traces() + "\n" == other


def traces() -> str:
    """Of some runs."""
    return "\n".join(trace_of(seed) for seed in (*range(5), *islice(restoring(), 2)))


def print_traces() -> None:
    """For another process."""
    with parts.replaced():
        print(traces())
