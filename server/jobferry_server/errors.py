"""What can go wrong on the server.

::

    JobferryError                 (jobferry_shared.errors)
    └── ServerError
        ├── MigrationError        the schema is another than this code's
        ├── ConfigurationError    a setting is missing or makes no sense
        ├── TokenRefused          a token is not valid
        ├── DelegatedAttemptFailed  for another queue's worker             (retry_in)
        └── TaskError             a handler's own words to the device      (code)

    Stopped                       told to end before it could begin
    JobCancelled                  raised inside a handler whose job was cancelled or lost
"""

from datetime import timedelta

from jobferry_shared.errors import JobferryError, SchemaMismatch

__all__ = [
    "ConfigurationError",
    "DelegatedAttemptFailed",
    "JobCancelled",
    "MigrationError",
    "ServerError",
    "Stopped",
    "TaskError",
    "TokenRefused",
]


class ServerError(JobferryError):
    """The base of the server's errors."""


class MigrationError(ServerError, SchemaMismatch):
    """The database has another schema than this code was written for."""

    default_code = "schema_mismatch"


class ConfigurationError(ServerError):
    """A setting is missing or makes no sense."""

    default_code = "configuration"


class TokenRefused(ServerError):
    """A token is not valid."""

    default_code = "unauthenticated"


class DelegatedAttemptFailed(ServerError):
    """Tells another queue's worker that an attempt failed; the ledger knows already.

    ``retry_in`` is when to try again, or ``None`` for never.
    """

    default_code = "handler_error"

    def __init__(self, message: str, retry_in: timedelta | None) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class TaskError(ServerError):
    """Raise it in a handler to fail the attempt with words that the device may read."""

    default_code = "handler_error"


class Stopped(Exception):
    """A service was told to end before it could begin."""


class JobCancelled(BaseException):
    """Raised inside a handler whose job was cancelled, timed out, or lost with the lease.

    Like ``asyncio.CancelledError`` not an ``Exception``, so that a handler's own ``except
    Exception`` does not swallow it.
    """
