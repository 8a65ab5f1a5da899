"""What can go wrong on the server.

::

    JobferryError                 (jobferry_shared.errors)
    └── ServerError
        ├── MigrationError        the schema is another than this code's
        ├── ConfigurationError    a setting is missing or makes no sense
        ├── InvalidSchedule       a schedule says what nobody understands
        ├── ScheduleRefused       a schedule is not there, or must not run now
        ├── TokenRefused          a token is not valid
        └── TaskError             a handler's own words to the device      (code)

    Stopped                       told to end before it could begin
    JobCancelled                  raised inside a handler whose job was cancelled or lost
"""

from jobferry_shared.errors import JobferryError, SchemaMismatch

__all__ = [
    "ConfigurationError",
    "InvalidSchedule",
    "JobCancelled",
    "MigrationError",
    "ScheduleRefused",
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


class InvalidSchedule(ServerError):
    """A schedule or a line of a crontab says what nobody understands."""

    default_code = "invalid_schedule"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="docs/schedules.md shows what a schedule may say.")


class ScheduleRefused(ServerError):
    """A schedule is not there, is there already, or must not run now."""

    default_code = "schedule_refused"


class TokenRefused(ServerError):
    """A token is not valid."""

    default_code = "unauthenticated"


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
