"""The job in a handler's hands."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from jobferry_server.errors import JobCancelled
from jobferry_shared import strict_json
from jobferry_shared.job import JobError
from jobferry_shared.traces import current_traceparent

__all__ = ["Earlier", "Job", "Transaction"]

MOST_CHECKPOINT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier attempts at a job left: all empty on the first."""

    #: The last progress that was reported, in [0, 1].
    progress: float = 0.0
    #: Why the last attempt failed.
    error: JobError | None = None
    #: What was last given to :meth:`Job.checkpoint`.
    checkpoint: Any = None


NOTHING = Earlier()


class Transaction(Protocol):
    """What stands behind :attr:`Job.connection`, open until the handler has ended."""

    @property
    def connection(self) -> Any:
        """The connection, or what is awaited for it."""

    async def complete(self, result: str | None) -> None:
        """Complete the job and commit."""

    async def end(self) -> None:
        """Let the connection go, with whatever is not committed."""


class Job:
    """One attempt at one job. Its methods may be called from the handler's thread or task."""

    def __init__(
        self,
        id: UUID,  # noqa: A002 - the field's word
        task: str,
        payload: str,
        attempt: int,
        owner: str | None,
        earlier: Earlier = NOTHING,
        begin: "Callable[[Job], Transaction] | None" = None,
        traceparent: str | None = None,
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
        #: What the attempts before this one left.
        self.earlier = earlier
        #: The trace that it belongs to, as W3C Trace Context writes it; ``None`` without one, and in a
        #: process that does not use OpenTelemetry.
        self.traceparent = traceparent
        #: The latest progress that the handler reported, and its checkpoint as JSON text.
        self.reported: float | None = None
        self.kept: str | None = None
        #: The transaction behind :attr:`connection`, once the handler asked for it.
        self.transaction: Transaction | None = None
        self._begin = begin
        self._on_move: Callable[[], None] | None = None

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
        self._moved()

    def checkpoint(self, data: Any) -> None:
        """Keep something small for the next attempt, should there be one: any JSON, up to 64 kB.

        It is on disk a moment later, at the latest with the end of this attempt; nobody but the
        next attempt sees it, as ``job.earlier.checkpoint``.
        """
        self.check()
        text = strict_json.dump(data)
        if len(text.encode()) > MOST_CHECKPOINT:
            raise ValueError(f"a checkpoint has at most {MOST_CHECKPOINT} octets")
        self.kept = text
        self._moved()

    @property
    def connection(self) -> Any:
        """A transaction of this attempt: what it writes and the job's completion are one.

        A ``psycopg.Connection`` in a handler on a thread, an awaitable ``asyncpg.Connection`` in a
        coroutine. It commits when the handler returns and the job is still this attempt's;
        otherwise all is rolled back. So its effects happen exactly once. Raises :class:`JobCancelled`
        if the handler should stop and has not begun one.
        """
        if self.transaction is None:
            # Who was left behind would never let it go.
            self.check()
            if self._begin is None:
                raise RuntimeError("job.connection is for handlers on a thread or the event loop")
            self.transaction = self._begin(self)
        return self.transaction.connection

    def for_child(self) -> "Job":
        """The same job for the hands of another process."""
        trace = current_traceparent()
        return Job(
            self.id,
            self.task,
            self.payload_text,
            self.attempt,
            self.owner,
            self.earlier,
            traceparent=trace,
        )

    def on_move(self, call: Callable[[], None]) -> None:
        """Call this after every progress and checkpoint."""
        self._on_move = call

    def check(self) -> None:
        """Raise :class:`JobCancelled` if the handler should stop."""
        if self.stop_reason:
            raise JobCancelled(self.stop_reason)

    def _moved(self) -> None:
        if self._on_move is not None:
            self._on_move()
