"""The server's half of Jobferry: the gateway devices talk to, and the processor that runs jobs.

>>> from jobferry_server import Job, Processor
>>> processor = Processor()
>>> @processor.task("shout")
... def shout(job: Job, text: str) -> str:
...     return text.upper()
"""

from typing import TYPE_CHECKING

from jobferry_shared.lazy import lazily

if TYPE_CHECKING:
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

if not TYPE_CHECKING:  # or a name that is none of these would pass every type checker
    __getattr__ = lazily(
        __name__,
        {
            "jobferry_server.errors": (
                "Fail",
                "ItemsFailed",
                "JobCancelled",
                "Retry",
                "ServerError",
                "Snooze",
                "TaskError",
            ),
            "jobferry_server.processor.job": ("Job",),
            "jobferry_server.processor.processor": ("Processor",),
            "jobferry_server.processor.retry": ("Backoff",),
        },
    )
