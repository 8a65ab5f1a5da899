"""Each deliberate bug is found by the runs that find nothing without it."""

from collections.abc import Iterator
from itertools import islice

import pytest

from simulation import parts
from simulation.bugs import Bugs
from simulation.restores import is_restoring
from simulation.test_simulation import SEEDS, found_by

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
    "push_before_the_start": {"D7"},
    "lost_is_gone": {"D1"},
    # What is not known to be lost is not sent again, and can't be cancelled.
    "keep_the_cursor": {"D1", "D7"},
    "run_history_again": {"D4"},
    "start_in_any_database": {"D1", "D7"},
    "say_progress_late": {"D4"},
}
#: What only a device does that meets another database; there is no need to look at the other runs.
AFTER_A_RESTORE = {"lost_is_gone", "keep_the_cursor", "run_history_again", "start_in_any_database"}


@pytest.fixture(autouse=True, scope="module")
def _replaced_edges() -> Iterator[None]:
    with parts.replaced():
        yield


@pytest.mark.parametrize("bug", Bugs.names())
def test_each_deliberate_bug_is_found(bug: str) -> None:
    """By as many runs as there are without it, and for what it is."""
    seeds = filter(is_restoring, range(SEEDS)) if bug in AFTER_A_RESTORE else range(SEEDS)
    [world] = islice(found_by(Bugs(**{bug: True}), seeds), 1) or [None]
    assert world is not None, f"{SEEDS} runs did not find it"
    assert str(world.checker.violation).partition(":")[0] in BREAKS[bug]
