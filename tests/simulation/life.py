"""One life of the ledger: from its first transaction, or from a restore, to the next restore."""

import json
from dataclasses import dataclass, field

from jobferry_shared.states import Status
from simulation.file import LocalJob
from simulation.ledger import Ledger, LedgerJob, Tombstone

__all__ = ["Life", "View", "shown", "view"]

#: What a device shows of a job that is not only its own affair.
View = tuple[Status, float, int, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Life:
    """What the ledger was in it.

    ``rows``, ``tombstones`` and ``postponed`` are the ledger's own: as they are, or as they ended.
    """

    epoch: str
    rows: dict[str, LedgerJob]
    tombstones: dict[str, Tombstone]
    postponed: dict[str, str]
    #: Of all jobs that it ever had, whose they are.
    owners: dict[str, str] = field(default_factory=dict)
    #: Of each job what was to be seen, from its beginning here on.
    history: dict[str, list[View]] = field(default_factory=dict)
    #: Who holds it, and in which attempt.
    holders: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: Ledger) -> "Life":
        """The one that begins now."""
        rows = ledger.rows.values()
        owners = {stone.id: stone.owner for stone in ledger.tombstones.values()}
        return cls(
            ledger.epoch,
            ledger.rows,
            ledger.tombstones,
            ledger.postponed,
            owners | {job.id: job.owner for job in rows},
            {job.id: [view(job)] for job in rows},
            {job.id: (job.locked_by, job.attempts) for job in rows if job.locked_by is not None},
        )

    def heard_cancel(self, id_: str) -> bool:
        """Has the job ended, or will it be cancelled as soon as nobody writes it?"""
        job = self.rows.get(id_)
        return job is None or job.finished_at is not None or id_ in self.postponed


def view(job: LedgerJob) -> View:
    """What there is to be seen of a job."""
    code = json.loads(job.error)["code"] if job.error else None
    return job.status, job.progress, job.attempts, job.result, code


def shown(job: LocalJob) -> View:
    """What a device shows of it."""
    return job.status, job.progress, job.attempts, job.result, job.error
