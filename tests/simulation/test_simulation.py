"""The guarantees under faults, run after run; and that the runs would notice.

``JOBFERRY_SEEDS`` is how many runs there are. ``JOBFERRY_SEED`` is one to be run again, every step of
which is printed.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from simulation import parts
from simulation.bugs import Bugs
from simulation.world import World, run

SEEDS = int(os.environ.get("JOBFERRY_SEEDS", "600"))
SEED = os.environ.get("JOBFERRY_SEED")
LAST_STEPS = 60
COMMAND = "pytest tests/simulation/test_simulation.py -s -k every_guarantee"

#: Which guarantee is broken by each bug, as far as a run can tell.
BREAKS = {
    "acknowledge_before_commit": {"D1"},
    "drop_the_fence": {"D3"},
    "cursor_by_sequence": {"D7"},
    "apply_in_two_transactions": {"D7"},
    "skip_the_reaping": {"D7"},
    "skip_the_second_look": {"D7"},
    "skip_the_sweep": {"D7"},
    "forget_submits": {"D2"},
    "finished_is_not_final": {"D5"},
    "feed_of_everybody": {"D6"},
    "forget_when_sent": {"D7"},
    "skip_the_tombstones": {"D7"},
    "forget_the_pruned": {"D2"},
    "drop_the_outbox": {"D7"},
    "forget_the_revoked": {"D6"},
}


@pytest.fixture(autouse=True, scope="module")
def _replaced_edges() -> Iterator[None]:
    # What was there before will stay: collecting what each run leaves should not look at it again.
    gc.collect()
    gc.freeze()
    with parts.replaced():
        yield
    gc.unfreeze()


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


def found_by(bugs: Bugs, seeds: int) -> Iterator[World]:
    """The runs in which something was wrong."""
    worlds = (run(seed, bugs) for seed in range(seeds))
    return (world for world in worlds if world.checker.violation is not None)


def test_every_guarantee_holds_in_every_run() -> None:
    if SEED is not None:
        world = run(int(SEED), tracing=True)
        print("\n".join(world.trace))
        assert world.checker.violation is None, "\n".join(world.errors)
        return
    for world in found_by(Bugs(), SEEDS):
        pytest.fail(explain(world))


@pytest.mark.parametrize("bug", Bugs.names())
def test_each_deliberate_bug_is_found(bug: str) -> None:
    """By as many runs as there are without it, and for what it is."""
    [world] = islice(found_by(Bugs(**{bug: True}), SEEDS), 1) or [None]
    assert world is not None, f"{SEEDS} runs did not find it"
    assert str(world.checker.violation).partition(":")[0] in BREAKS[bug]


def trace_of(seed: int, folder: Path | None = None) -> str:
    """All steps of a run."""
    return "\n".join(run(seed, tracing=True, folder=folder).trace)


def test_a_run_on_real_files_takes_the_same_steps(tmp_path: Path) -> None:
    """And so the guarantees hold in it, and the models are good ones."""
    for seed in range(max(1, SEEDS // 50)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert trace_of(seed, folder) == trace_of(seed)


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
    return "\n".join(trace_of(seed) for seed in range(5))


def print_traces() -> None:
    """For another process."""
    with parts.replaced():
        print(traces())
