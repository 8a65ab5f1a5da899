"""The server's half of Jobferry: the gateway devices talk to, and the processor that runs jobs.

>>> from jobferry_server import Job, Processor
>>> processor = Processor()
>>> @processor.task("shout")
... def shout(job: Job, text: str) -> str:
...     return text.upper()
"""

from jobferry_server.errors import (
    Fail,
    ItemsFailed,
    JobCancelled,
    Retry,
    ServerError,
    Snooze,
    TaskError,
)
from jobferry_server.processor.job import Job
from jobferry_server.processor.processor import Processor
from jobferry_server.processor.retry import Backoff

__all__ = [
    "Backoff",
    "Fail",
    "ItemsFailed",
    "Job",
    "JobCancelled",
    "Processor",
    "Retry",
    "ServerError",
    "Snooze",
    "TaskError",
]
