"""What can go wrong between a device and the ledger.

::

    JobferryError
    ├── InvalidJSON          a text that is not the JSON we accept            (code, at)
    ├── InvalidJob           a job that the ledger would not take             (code)
    ├── ProtocolError
    │   ├── LocalProtocolError    we misused the session: a bug of ours
    │   └── RemoteProtocolError   the peer broke the rules                    (code)
    └── SchemaMismatch       a file or database of another version than this code

Every error carries a ``code`` from :data:`jobferry_shared.codes.CODES`, and a ``hint`` that says how
to mend it.
"""

from typing import ClassVar

from jobferry_shared.codes import CODES

__all__ = [
    "InvalidJSON",
    "InvalidJob",
    "JobferryError",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "SchemaMismatch",
]


class JobferryError(Exception):
    """The base of all errors that Jobferry raises on purpose."""

    default_code: ClassVar[str] = "protocol_error"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.hint = hint if hint is not None else _remedy(self.code)


def _remedy(code: str) -> str | None:
    """A code of a handler's own is in no catalogue."""
    return CODES[code].remedy if code in CODES else None


class InvalidJSON(JobferryError):
    """A text that is not the JSON we accept."""

    default_code = "invalid_json"


class InvalidJob(JobferryError):
    """A job that the ledger would not take."""

    default_code = "invalid_job"


class ProtocolError(JobferryError):
    """Something is wrong with the conversation."""


class LocalProtocolError(ProtocolError):
    """We misused the session: a bug on this side."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the rules of the conversation."""


class SchemaMismatch(JobferryError):
    """A file or a database has another schema version than this code was written for."""

    default_code = "schema_mismatch"
