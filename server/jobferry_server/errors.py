"""What can go wrong on the server.

::

    JobferryError                 (jobferry_shared.errors)
    └── ServerError
        ├── MigrationError        the schema is another than this code's
        ├── DatabaseFailed        Postgres does not answer, or refuses a command
        ├── ConfigurationError    a setting is missing or makes no sense
        ├── InvalidSchedule       a schedule says what nobody understands
        ├── ScheduleRefused       a schedule is not there, or must not run now
        ├── TokenRefused          a token is not valid
        │   └── UnknownKey        it names a key that we do not have, or not yet
        ├── TryLater              it can't be had now                      (retry_after)
        │   ├── KeysUnavailable   the keys that an issuer publishes
        │   ├── TooManyConnections  there is no place for another device
        │   └── RateLimited       it says more than anybody needs to say
        ├── DelegatedAttemptFailed  for another queue's worker             (retry_in)
        ├── JobFailed             told to a test that ran its jobs
        ├── JobsLeft              a test can't run all of its jobs
        └── TaskError             a handler's own words to the device      (code)
            ├── Retry             try again after a time of its choice     (in_)
            ├── Fail              do not try again                         (code)
            └── ItemsFailed       try again with some items of the payload (items)

    Snooze                        raised by a handler: not now, and this was no attempt
    Stopped                       told to end before it could begin
    JobCancelled                  raised inside a handler whose job was cancelled or lost
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from jobferry_shared.errors import JobferryError, SchemaMismatch

__all__ = [
    "ConfigurationError",
    "DatabaseFailed",
    "Delay",
    "DelegatedAttemptFailed",
    "Fail",
    "InvalidSchedule",
    "ItemsFailed",
    "JobCancelled",
    "JobFailed",
    "JobsLeft",
    "KeysUnavailable",
    "MigrationError",
    "RateLimited",
    "Retry",
    "ScheduleRefused",
    "ServerError",
    "Snooze",
    "Stopped",
    "TaskError",
    "TokenRefused",
    "TooManyConnections",
    "TryLater",
    "UnknownKey",
    "as_timedelta",
]

#: Seconds, or a timedelta.
Delay = float | timedelta


def as_timedelta(delay: Delay) -> timedelta:
    """A delay as a timedelta."""
    return delay if isinstance(delay, timedelta) else timedelta(seconds=delay)


class ServerError(JobferryError):
    """The base of the server's errors."""


class MigrationError(ServerError, SchemaMismatch):
    """The database has another schema than this code was written for."""

    default_code = "schema_mismatch"


class DatabaseFailed(ServerError):
    """Postgres does not answer, or refuses what a command asked of it."""

    default_code = "database_failed"


class ConfigurationError(ServerError):
    """A setting is missing or makes no sense."""

    default_code = "configuration"


class InvalidSchedule(ServerError):
    """A schedule or a line of a crontab says what nobody understands."""

    default_code = "invalid_schedule"


class ScheduleRefused(ServerError):
    """A schedule is not there, is there already, or must not run now."""

    default_code = "schedule_refused"


class TokenRefused(ServerError):
    """A token is not valid."""

    default_code = "unauthenticated"


class UnknownKey(TokenRefused):
    """A token names a key, ``kid``, that we do not have, or not yet."""

    def __init__(self, kid: str | None) -> None:
        super().__init__("the token is signed with a key that the issuer does not publish")
        self.kid = kid


class TryLater(ServerError):
    """It can't be had now; in ``retry_after`` seconds a device may ask again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeysUnavailable(TryLater):
    """The keys that an issuer publishes can't be had."""

    default_code = "unavailable"


class TooManyConnections(TryLater):
    """There is no place for another device."""

    default_code = "too_many_connections"


class RateLimited(TryLater):
    """A device says more than anybody needs to say."""

    default_code = "rate_limited"


class DelegatedAttemptFailed(ServerError):
    """Tells another queue's worker that an attempt failed; the ledger knows already.

    ``retry_in`` is when to try again, or ``None`` for never.
    """

    default_code = "handler_error"

    def __init__(self, message: str, retry_in: timedelta | None) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class JobFailed(ServerError):
    """Tells a test that one of its jobs failed for good; caused by what the handler raised last."""

    default_code = "handler_error"


class JobsLeft(ServerError):
    """A test wants its jobs run, and of some there is no end, or no handler."""

    default_code = "timed_out"


class TaskError(ServerError):
    """Raise it in a handler to fail the attempt with words that the device may read."""

    default_code = "handler_error"

    def __reduce__(self) -> tuple[Any, ...]:
        # It travels between processes, whatever the arguments of a subclass are.
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[TaskError], args: tuple[Any, ...], state: dict[str, Any]) -> TaskError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class Retry(TaskError):
    """Raise it in a handler to choose when the job is tried again, in seconds or as a timedelta."""

    def __init__(self, message: str = "the handler asked for a retry", *, in_: Delay) -> None:
        super().__init__(message)
        self.in_ = as_timedelta(in_)


class Fail(TaskError):
    """Raise it in a handler to fail the job for good, with a code and a message for the device."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


class ItemsFailed(TaskError):
    """Raise it in the handler of an array: only the items at these places are tried again."""

    def __init__(self, items: Iterable[int], message: str = "some items failed") -> None:
        super().__init__(message)
        self.items = sorted(set(items))


class Snooze(Exception):
    """Raise it in a handler to run the job later; the attempt does not count.

    ``in_`` is in seconds or a timedelta.
    """

    def __init__(self, in_: Delay) -> None:
        super().__init__(in_)
        self.in_ = as_timedelta(in_)


class Stopped(Exception):
    """A service was told to end before it could begin."""


class JobCancelled(BaseException):
    """Raised inside a handler whose job was cancelled, timed out, or lost with the lease.

    Like ``asyncio.CancelledError`` not an ``Exception``, so that a handler's own ``except
    Exception`` does not swallow it.
    """
