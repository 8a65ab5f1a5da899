"""The application's API: one object per file, usable from any thread."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from jobferry_client.connection import Timing
from jobferry_client.engine import Engine
from jobferry_client.errors import ClientClosed, ClientError
from jobferry_client.jobs import Jobs, NewJob
from jobferry_client.state import ClientStatus, ConnectionState, Ring
from jobferry_client.tls import tls_context
from jobferry_client.token import Token
from jobferry_client.watching import Watch, wait_until
from jobferry_shared.job import DEFAULT_TASK, MAX_ATTEMPTS, Job
from jobferry_shared.states import Status

__all__ = ["JobClient"]

T = TypeVar("T")


class JobClient:
    """Background jobs in a SQLite file, kept in step with a server when there is one.

    ``path`` is the file; it is made if need be. ``url`` is the gateway's address, ``ws://`` or
    ``wss://``; without one this is a purely local outbox, whose jobs wait until the file is opened
    with one. ``token`` says who you are: a string, or a callable that gives a fresh one each time it
    is asked, which is for every connection and before the last one expires. ``tls`` is for ``wss://``:
    a PEM file of the authorities to trust, or a context of your own, as :func:`tls_context` makes it.
    ``timing`` is how often the sync engine looks and how long it waits; its defaults are good.
    ``keep`` is how long jobs stay in this file after they finished, by the server's clock; without it
    they stay as long as the server has them. What is unsent or was rejected stays in any case.

    Every method that writes returns once the row is durable in the file, online or not. A handler
    may run a job twice (a processor may die at the last moment); it submits it once. A process that
    forks needs a client of its own in the child.
    """

    def __init__(
        self,
        path: str | Path,
        url: str | None = None,
        token: Token = None,
        *,
        timing: Timing | None = None,
        keep: timedelta | None = None,
        tls: str | Path | SSLContext | None = None,
    ) -> None:
        if keep is not None and keep <= timedelta(0):
            raise ClientError(f"keep must be more than nothing: {keep}", code="invalid_job")
        if url is not None:
            _require_gateway(url)
        context = tls_context(tls) if isinstance(tls, str | Path) else tls
        self._ring = Ring()
        self._jobs = Jobs(path)
        self._timing = timing or Timing()
        self._closed = False
        self._process = os.getpid()
        self._engine = (
            # Resolved now: the engine opens the file again, wherever the process is by then.
            Engine(Path(path).resolve(), url, token, self._ring, self._timing, keep, context)
            if url is not None
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def submit(
        self,
        task: str = DEFAULT_TASK,
        payload: Any = None,
        *,
        run_at: datetime | timedelta | None = None,
        priority: int = 0,
        queue_name: str | None = None,
        max_attempts: int = MAX_ATTEMPTS,
        job_key: str | None = None,
        flags: Iterable[str] | None = None,
    ) -> Job:
        """Submit one job; see :class:`NewJob` for what the arguments mean.

        Raises :class:`InvalidJSON` for a payload that JSON can't say and :class:`JobRefused` for a
        row that the table does not take.
        """
        new = NewJob(
            task=task,
            payload=payload,
            run_at=run_at,
            priority=priority,
            queue_name=queue_name,
            max_attempts=max_attempts,
            job_key=job_key,
            flags=flags,
        )
        return self.submit_many([new])[0]

    def submit_many(self, new_jobs: Iterable[NewJob]) -> list[Job]:
        """Submit many jobs in one transaction: all of them or, with an error, none."""
        self._check_open()
        jobs = self._jobs.submit(new_jobs)
        self._wrote()
        return jobs

    def cancel(self, id: UUID | str) -> Job:  # noqa: A002 - the field's word
        """Ask for a job to be cancelled: never sent, waiting or running. Later it has no effect."""
        self._check_open()
        job = self._jobs.cancel(id)
        self._wrote()
        return job

    def get(self, id: UUID | str) -> Job:  # noqa: A002
        """One job; :class:`JobNotFound` if this file has none of that id."""
        self._check_open()
        return self._jobs.get(id)

    def jobs(
        self, limit: int = 10, status: Status | str | None = None, task: str | None = None
    ) -> list[Job]:
        """The newest jobs, newest first."""
        self._check_open()
        return self._jobs.newest(limit, status, task)

    def wait(self, id: UUID | str, timeout: float | None = None) -> Job:  # noqa: A002
        """The job once it has ended or was rejected; ``TimeoutError`` after ``timeout`` seconds."""
        job = self._wait(lambda: found if (found := self.get(id)).finished else None, timeout)
        if job is None:
            raise TimeoutError(f"job {id} is still {self.get(id).state} after {timeout} s")
        return job

    def watch(
        self, limit: int = 10, status: Status | str | None = None, task: str | None = None
    ) -> Watch[list[Job]]:
        """A live query: what :meth:`jobs` returns, now and again each time it has changed."""
        self._check_open()
        return Watch(lambda: self.jobs(limit, status, task), self._ring, self._jobs)

    def status(self) -> ClientStatus:
        """The connection, and what is unsent, since when."""
        self._check_open()
        counts = self._jobs.counts()
        link = self._engine.link if self._engine else None
        age = _age(counts.oldest_pending_at)
        connected = link is not None and link.state is ConnectionState.CONNECTED
        return ClientStatus(
            state=link.state if link else ConnectionState.DISCONNECTED,
            reason=link.reason if link else "no gateway was given",
            pending=counts.pending,
            oldest_pending_age=age,
            stalled=connected and age is not None and age > self._timing.stalled,
            rejected=counts.rejected,
            last_synced_at=counts.last_synced_at,
            owner=counts.owner,
            client_id=counts.client_id,
        )

    def sync(self, timeout: float | None = None) -> ClientStatus:
        """Wait until all that is here is there, and what is new there is here.

        Raises ``TimeoutError`` after ``timeout`` seconds, :class:`ClientError` when the gateway does
        not take the token.
        """
        engine = self._need_engine()
        if self._wait(lambda: self._synced(engine), timeout) is None:
            status = self.status()
            raise TimeoutError(
                f"not in step after {timeout} s: {status.state}, {status.reason},"
                f" {status.pending} operations unsent"
            )
        return self.status()

    def connect(self) -> None:
        """Turn the connectivity switch on. Returns at once; :meth:`status` tells how it goes."""
        self._need_engine().want(True)

    def disconnect(self) -> None:
        """Turn the connectivity switch off: an offline device, for as long as you like.

        What this client's engine has not sent when this returns stays here until :meth:`connect`. The
        switch is this client's: where other clients have the file open, one of them goes on syncing.
        """
        self._need_engine().want(False)

    def close(self) -> None:
        """Stop syncing and close the file. What is unsent is sent by whoever opens it next."""
        if self._closed:
            return
        if self._engine:
            self._engine.stop()
        self._closed = True
        self._ring.ring()
        self._jobs.close()

    def _synced(self, engine: Engine) -> bool | None:
        link = engine.link
        if link.state is ConnectionState.NEEDS_AUTH:
            raise ClientError(f"the gateway wants a token: {link.reason}", code="unauthenticated")
        in_step = engine.in_step and link.state is ConnectionState.CONNECTED
        return True if in_step and not self._jobs.counts().pending else None

    def _wait(self, look: Callable[[], T | None], timeout: float | None) -> T | None:
        self._check_open()
        return wait_until(look, self._ring, self._jobs, timeout)

    def _wrote(self) -> None:
        if self._engine:
            self._engine.notice()
        self._ring.ring()

    def _need_engine(self) -> Engine:
        self._check_open()
        if self._engine is None:
            raise ClientError(
                "this client was given no gateway", hint="JobClient(path, url, token)"
            )
        return self._engine

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosed("this client was closed")
        if os.getpid() != self._process:
            # Neither the engine's thread nor SQLite's locks come along.
            raise ClientClosed("this client did not survive a fork", hint="Open one of your own.")


def _require_gateway(url: str) -> None:
    """An address that can't be one would be tried for ever."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0:
            return
    raise ClientError(
        f"{url!r} is no gateway's address",
        code="configuration",
        hint="It begins with ws:// or wss://, as the gateway prints it.",
    )


def _age(since: datetime | None) -> float | None:
    return None if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())
