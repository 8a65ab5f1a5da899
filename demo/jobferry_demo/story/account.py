"""The last line of the story: what was submitted, run and returned.

Nothing here knows what the story meant to do. The device's file says what was submitted and what
came back, the ledger what was run; each job is compared in both.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from jobferry_client import Job
from jobferry_demo.story.ledger import Entry, Event

__all__ = ["Account", "account_of"]


@dataclass(frozen=True, slots=True)
class Account:
    """Counts of jobs, except ``attempts``: of runs."""

    submitted: int
    received: int
    run: int
    attempts: int
    returned: int
    done: int
    cancelled: int
    twice: int

    def words(self) -> str:
        """One line for people."""
        return (
            f"{self.submitted} jobs submitted on the device, {self.received} in the ledger,"
            f" {self.run} run in {self.attempts} attempts, {self.returned} returned to the file:"
            f" {self.done} done, {self.cancelled} cancelled;"
            f" {self.submitted - self.returned} lost, {self.twice} done twice"
        )

    def complaint(self) -> str | None:
        """What did not happen as it should; None if all came back."""
        if self.received != self.submitted:
            return f"the ledger has {self.received} of {self.submitted} jobs"
        if self.returned != self.submitted:
            return f"{self.returned} of {self.submitted} jobs came back as the ledger has them"
        if self.done + self.cancelled != self.returned:
            return f"{self.returned - self.done - self.cancelled} jobs failed"
        return f"{self.twice} jobs were done twice" if self.twice else None


def account_of(jobs: Sequence[Job], entries: dict[UUID, Entry], events: Sequence[Event]) -> Account:
    """Compare what the file, the ledger and the audit log say."""
    back = [job for job in jobs if job.finished and _agrees(job, entries.get(job.id))]
    started = Counter(event["job_id"] for event in events if event["event"] == "started")
    completed = Counter(event["job_id"] for event in events if event["event"] == "completed")
    return Account(
        submitted=len(jobs),
        received=len(entries),
        run=len(started),
        attempts=started.total(),
        returned=len(back),
        done=sum(job.completed for job in back),
        cancelled=sum(job.cancelled for job in back),
        twice=sum(count > 1 for count in completed.values()),
    )


def _agrees(job: Job, entry: Entry | None) -> bool:
    return entry is not None and (entry.status, entry.result) == (job.status.value, job.result)
