"""Backups of the ledger, and what is put in its place: an earlier state, or an empty cluster.

In few runs, chosen by a chance of their own: the others are what they would be without. Postgres tells
of each of these itself, by another epoch; files put back without a trace are tried by
``tests/faults/test_restore.py``.
"""

from random import Random
from typing import TYPE_CHECKING

from simulation.ledger import Backup
from simulation.postgres import FIRST_XID

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["Restores", "is_restoring"]

#: In how many runs there are any.
RESTORED_RUNS = 0.1
#: Backups are taken in the first so many seconds, and are about so many old when they are needed.
SECONDS = 3.0
AGE = 1.5
#: Another cluster is younger: all transactions of this one lie in its future.
YOUNG_XID = FIRST_XID // 2


class Restores:
    """When backups are taken, and how each is restored."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._chance = _chance(world.seed)
        any_ = self._chance.random() < RESTORED_RUNS
        number = self._chance.choice((1, 1, 2)) if any_ else 0
        self._moments = [self._moment() for _ in range(number)]

    @property
    def end(self) -> float:
        """When the last is over, in seconds."""
        return max((restore for _, restore in self._moments), default=0.0)

    def start(self) -> None:
        """Let all of it happen in its time."""
        for backup, restore in self._moments:
            self.world.loop.after(backup, self._back_up, restore)

    def _moment(self) -> tuple[float, float]:
        backup = self._chance.uniform(0, SECONDS)
        return backup, backup + self._chance.expovariate(1 / AGE)

    def _back_up(self, restore: float) -> None:
        self.world.say("operator", "takes a backup")
        how = self._chance.choice(
            (
                self._load_in_place,
                self._recover,
                self._recover,
                self._load_elsewhere,
                self._begin_empty,
            )
        )
        pause = restore - self.world.loop.now
        self.world.loop.after(pause, how, self.world.ledger.back_up())

    def _load_in_place(self, backup: Backup) -> None:
        """A dump into the very database: nobody's connection breaks, transaction ids go on."""
        postgres = self.world.postgres
        if backup.server == postgres.cluster and backup.xid > postgres.next_xid:
            # Ids of a future that a recovery has undone: nothing in the dump tells.
            self._recover(backup)
            return
        self.world.say("operator", f"loads {len(backup.rows)} jobs in place")
        self.world.ledger.restore(backup)

    def _recover(self, backup: Backup) -> None:
        """To a point in time: transactions are given ids that others had."""
        self._replace(backup, backup.server, backup.xid)

    def _load_elsewhere(self, backup: Backup) -> None:
        """A dump into a new cluster, where the transaction ids in it mean nothing."""
        self._replace(backup, self._new_cluster(), YOUNG_XID)

    def _begin_empty(self, _: Backup) -> None:
        """A new cluster, and no backup."""
        new = self._new_cluster()
        self._replace(Backup(YOUNG_XID, new, new), new, YOUNG_XID)

    def _new_cluster(self) -> int:
        return self.world.postgres.rewound + 1

    def _replace(self, backup: Backup, cluster: int, xid: int) -> None:
        postgres = self.world.postgres
        postgres.crash()
        self.world.say("operator", f"restores {len(backup.rows)} jobs, next transaction {xid}")
        postgres.rewind(cluster, xid)
        self.world.ledger.restore(backup)
        self.world.loop.after(self._chance.expovariate(1.0), self._begin)

    def _begin(self) -> None:
        self.world.postgres.up = True


def is_restoring(seed: int) -> bool:
    """Are there any in the run of this seed?"""
    return _chance(seed).random() < RESTORED_RUNS


def _chance(seed: int) -> Random:
    return Random(f"restores of {seed}")
