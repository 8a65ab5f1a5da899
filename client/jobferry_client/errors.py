"""What can go wrong on the device.

::

    JobferryError                 (jobferry_shared.errors)
    └── ClientError
        ├── JobRefused            the local table did not take the write   (code)
        ├── JobNotFound           no job of that id in this file
        ├── NotAJobFile           the file is not a Jobferry file, or of another version
        ├── ClientClosed          the client was closed before
        ├── TokenUnavailable      the callable for tokens gave none, this time
        └── UnusableToken         what is no token, and never will be
"""

from jobferry_shared.errors import JobferryError

__all__ = [
    "ClientClosed",
    "ClientError",
    "JobNotFound",
    "JobRefused",
    "NotAJobFile",
    "TokenUnavailable",
    "UnusableToken",
]


class ClientError(JobferryError):
    """The base of the device's errors."""


class JobRefused(ClientError):
    """The local table did not take the write; nothing was stored."""

    default_code = "invalid_job"


class JobNotFound(ClientError):
    """No job of that id in this file."""

    default_code = "not_found"


class NotAJobFile(ClientError):
    """The file is not a Jobferry file, or one of another version."""

    default_code = "schema_mismatch"


class ClientClosed(ClientError):
    """The client was closed before."""


class TokenUnavailable(ClientError):
    """The callable for tokens gave none, this time."""

    default_code = "unauthenticated"


class UnusableToken(ClientError):
    """What is no token, and never will be."""

    default_code = "unauthenticated"
