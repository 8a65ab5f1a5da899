"""Bisection finds the poison and writes everything else."""

from collections.abc import Sequence
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobferry_server.isolate import isolate


class Poison(Exception):
    """The item's own fault."""


class Table:
    """Takes sets that have no poison in them, and counts how often it was asked."""

    def __init__(self, poison: set[int], ends_at: int | None = None) -> None:
        self.poison = poison
        self.ends_at = ends_at
        self.rows: list[int] = []
        self.refused: list[int] = []
        self.asked = 0

    async def write(self, items: Sequence[int]) -> None:
        self.asked += 1
        if self.ends_at is not None and self.asked >= self.ends_at:
            raise OSError("gone")
        if self.poison & set(items):
            raise Poison
        self.rows += items

    def reject(self, item: int, error: Exception) -> None:
        assert isinstance(error, Poison)
        self.refused.append(item)


def is_poison(error: Exception) -> bool:
    return isinstance(error, Poison)


@given(count=st.integers(1, 200), poison=st.sets(st.integers(0, 199), max_size=5))
async def test_writes_all_but_the_poison_in_order_and_in_few_sets(
    count: int, poison: set[int]
) -> None:
    table = Table(poison)
    await isolate(range(count), table.write, is_poison, table.reject)
    found = {item for item in poison if item < count}
    assert table.rows == [item for item in range(count) if item not in found]
    assert table.refused == sorted(found)
    assert table.asked <= 1 + 2 * len(found) * ceil(log2(count) if count > 1 else 1)


async def test_what_is_nobody_s_fault_is_raised_and_rejects_nobody() -> None:
    table = Table({7}, ends_at=4)
    with pytest.raises(OSError, match="gone"):
        await isolate(range(8), table.write, is_poison, table.reject)
    assert table.refused == []
    assert table.rows == [0, 1, 2, 3]
