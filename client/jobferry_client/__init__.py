"""Background jobs from a SQLite file, online or not.

>>> from jobferry_client import JobClient
>>> with JobClient("till.db", "ws://127.0.0.1:8377", token) as client:   # doctest: +SKIP
...     job = client.submit("thumbnail", {"photo": photo})
...     print(client.wait(job.id, timeout=30).result)
"""

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
