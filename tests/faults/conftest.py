"""What the fault tests run on."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster, own_cluster
from support.facts import Ledger
from support.stack import Stack


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of all chance in this run: JOBFERRY_TEST_SEED to have a run again."""
    return int(os.environ.get("JOBFERRY_TEST_SEED", random.SystemRandom().getrandbits(32)))


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Chance; its seed is shown when the test fails."""
    print(f"JOBFERRY_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Postgres of the module's own, to be knocked over."""
    with own_cluster() as found:
        yield found


@pytest.fixture
def stack(dsn: str, tmp_path: Path) -> Iterator[Stack]:
    """Processes on the test's database."""
    with Stack(dsn, tmp_path) as found:
        yield found


@pytest.fixture
def facts(dsn: str) -> Ledger:
    """The test's database, to be asked."""
    return Ledger(dsn)
