"""The job in a handler's hands."""

import json
import math
from functools import cached_property
from typing import Any
from uuid import UUID

from jobferry_server.errors import JobCancelled

__all__ = ["Job"]


class Job:
    """One attempt at one job. Its methods may be called from the handler's thread or task."""

    def __init__(
        self,
        id: UUID,  # noqa: A002 - the field's word
        task: str,
        payload: str,
        attempt: int,
        owner: str | None,
    ) -> None:
        self.id = id
        self.task = task
        #: Which attempt this is, from 1.
        self.attempt = attempt
        #: Who submitted the job; ``None`` for the server itself.
        self.owner = owner
        #: Why the handler should stop; empty while it should go on.
        self.stop_reason = ""
        self.payload_text = payload
        #: The latest progress that the handler reported.
        self.reported: float | None = None

    @cached_property
    def payload(self) -> Any:
        """The payload as plain JSON values. A handler's second argument has it as its own type."""
        return json.loads(self.payload_text)

    @property
    def cancelled(self) -> bool:
        """Should the handler stop? The job was cancelled, timed out or given to somebody else."""
        return bool(self.stop_reason)

    def progress(self, fraction: float) -> None:
        """Report progress, in [0, 1]. Raises :class:`JobCancelled` if the handler should stop.

        Cheap: only the latest value is sent, a few times a second.
        """
        self.check()
        if math.isnan(fraction):
            raise ValueError("progress is a number between 0 and 1")
        self.reported = min(1.0, max(0.0, float(fraction)))

    def check(self) -> None:
        """Raise :class:`JobCancelled` if the handler should stop."""
        if self.stop_reason:
            raise JobCancelled(self.stop_reason)
