"""A job as an application sees it: one row of the device's ``background_jobs``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobferry_shared import strict_json
from jobferry_shared.states import FINISHED, Status

__all__ = ["DEFAULT_TASK", "MAX_ATTEMPTS", "Job", "JobError"]

#: The task of a job that names none.
DEFAULT_TASK = "default"

#: The code of an error that has none.
UNKNOWN = "unknown"

#: How often a job is tried unless it says otherwise.
MAX_ATTEMPTS = 25


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed or was rejected: a stable code, and a sentence for people."""

    code: str
    message: str

    @classmethod
    def parse(cls, text: str | None) -> "JobError | None":
        """The error in a JSON text. Whoever wrote it and however: a code and a message, not too long."""
        if text is None:
            return None
        found = strict_json.lenient(text)
        if not isinstance(found, dict):
            found = {"message": found}
        code, message = (found.get(name) for name in ("code", "message"))
        return cls(str(code or UNKNOWN)[:255], str("" if message is None else message)[:4096])


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it stood when it was read. Times are UTC; ``progress`` is in [0, 1]."""

    id: UUID
    task: str
    payload: Any
    status: Status
    progress: float
    result: Any
    error: JobError | None
    cancel_requested: bool
    attempts: int
    max_attempts: int
    priority: int
    queue_name: str | None
    job_key: str | None
    flags: tuple[str, ...]
    timestamp: datetime | None
    run_at: datetime | None
    received_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    submitted_by: str | None
    client_id: UUID | None

    @property
    def completed(self) -> bool:
        """Did it end well? Then ``result`` is what the handler returned."""
        return self.status is Status.COMPLETED

    @property
    def cancelled(self) -> bool:
        """Was it cancelled before it could end?"""
        return self.status is Status.CANCELLED

    @property
    def finished(self) -> bool:
        """Will nothing more happen to it?"""
        return self.status in FINISHED or self.status is Status.REJECTED

    @property
    def state(self) -> str:
        """The state in words: ``waiting to send``, ``running 42 %``, ``failed (handler_error: …)``."""
        error = self.error or JobError(UNKNOWN, "no reason was given")
        words = _WORDS[self.status].format(
            job=self, error=error, percent=round(self.progress * 100)
        )
        return f"{words}, cancelling" if self.cancel_requested and not self.finished else words


_WORDS = {
    Status.PENDING: "waiting to send",
    Status.REJECTED: "rejected ({error.code}: {error.message})",
    Status.SCHEDULED: "scheduled for {job.run_at:%Y-%m-%d %H:%M:%S}",
    Status.QUEUED: "queued",
    Status.RUNNING: "running {percent} %",
    Status.RETRYING: "failed (will retry at {job.run_at:%H:%M:%S})",
    Status.COMPLETED: "done",
    Status.FAILED: "failed ({error.code}: {error.message})",
    Status.CANCELLED: "cancelled",
}
