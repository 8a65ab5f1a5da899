"""Background jobs from a SQLite file, online or not.

>>> from jobferry_client import JobClient
>>> with JobClient("till.db", "ws://127.0.0.1:8377", token) as client:   # doctest: +SKIP
...     job = client.submit("thumbnail", {"photo": photo})
...     print(client.wait(job.id, timeout=30).result)
"""

from typing import TYPE_CHECKING

from jobferry_shared.lazy import lazily

if TYPE_CHECKING:
    from jobferry_client.aio import AsyncJobClient
    from jobferry_client.client import JobClient
    from jobferry_client.connection import Timing
    from jobferry_client.errors import (
        ClientClosed,
        ClientError,
        JobNotFound,
        JobRefused,
        NotAJobFile,
    )
    from jobferry_client.jobs import NewJob
    from jobferry_client.state import ClientStatus, ConnectionState
    from jobferry_client.tls import tls_context
    from jobferry_client.watching import Watch
    from jobferry_shared.errors import InvalidJob, InvalidJSON, JobferryError
    from jobferry_shared.job import Job, JobError
    from jobferry_shared.states import Status

__all__ = [
    "AsyncJobClient",
    "ClientClosed",
    "ClientError",
    "ClientStatus",
    "ConnectionState",
    "InvalidJSON",
    "InvalidJob",
    "Job",
    "JobClient",
    "JobError",
    "JobNotFound",
    "JobRefused",
    "JobferryError",
    "NewJob",
    "NotAJobFile",
    "Status",
    "Timing",
    "Watch",
    "tls_context",
]

if not TYPE_CHECKING:  # or a name that is none of these would pass every type checker
    __getattr__ = lazily(
        __name__,
        {
            "jobferry_client.aio": ("AsyncJobClient",),
            "jobferry_client.client": ("JobClient",),
            "jobferry_client.connection": ("Timing",),
            "jobferry_client.errors": (
                "ClientClosed",
                "ClientError",
                "JobNotFound",
                "JobRefused",
                "NotAJobFile",
            ),
            "jobferry_client.jobs": ("NewJob",),
            "jobferry_client.state": (
                "ClientStatus",
                "ConnectionState",
            ),
            "jobferry_client.tls": ("tls_context",),
            "jobferry_client.watching": ("Watch",),
            "jobferry_shared.errors": (
                "InvalidJob",
                "InvalidJSON",
                "JobferryError",
            ),
            "jobferry_shared.job": (
                "Job",
                "JobError",
            ),
            "jobferry_shared.states": ("Status",),
        },
    )
