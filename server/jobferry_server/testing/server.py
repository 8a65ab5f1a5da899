"""A gateway for one test, and its jobs run when the test says so."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from jobferry_server.gateway import Gateway
from jobferry_server.processor.processor import Processor
from jobferry_server.settings import GatewaySettings, without_environment
from jobferry_server.testing.background import Background
from jobferry_server.testing.jobs import run_jobs
from jobferry_server.tokens import Verifier, issue
from jobferry_shared.job import Job

__all__ = ["JobferryServer", "serving"]

TOKEN_LIFETIME = timedelta(hours=1)
#: A device that is still connected at the end is not waited for.
DRAIN_SECONDS = 0.1


class JobferryServer:
    """Where a device connects (``url``), and the database behind (``dsn``)."""

    def __init__(self, url: str, dsn: str, secret: str, background: Background) -> None:
        self.url = url
        self.dsn = dsn
        #: Called before jobs are run: whoever has something to send may send it first.
        self.before_run: list[Callable[[], object]] = []
        self._secret = secret
        self._background = background

    def token(self, owner: str = "tester") -> str:
        """A token for ``owner``, good for an hour."""
        return issue(self._secret, owner, TOKEN_LIFETIME)

    def run_jobs(
        self, processor: Processor, *, check: bool = True, timeout: float = 30.0
    ) -> list[Job]:
        """Run what is due with the tasks of ``processor``, in this process, until nothing is.

        What is tried again is tried at once, not after its back-off; what is scheduled for later stays.
        Returns the jobs that have finished meanwhile, in the order in which they did. With ``check`` an
        ``ExceptionGroup`` of :class:`JobFailed` is raised if some failed for good, each caused by what its
        handler raised last.

        :class:`JobsLeft` if there is a due job for whose task the processor has no handler, or if it
        takes longer than ``timeout`` seconds.
        """
        for prepare in self.before_run:
            prepare()
        return run_jobs(self._background, self.dsn, processor, check=check, timeout=timeout)


@contextmanager
def serving(dsn: str) -> Iterator[JobferryServer]:
    """A gateway on a migrated database, on a free port of this machine alone."""
    secret = secrets.token_hex(32)
    settings = without_environment(
        GatewaySettings, host="127.0.0.1", port=0, drain_seconds=DRAIN_SECONDS
    )
    gateway = Gateway(dsn, Verifier(secret), settings)
    with Background() as background, background.within(gateway.running(asyncio.Event())):
        yield JobferryServer(gateway.url, dsn, secret, background)
