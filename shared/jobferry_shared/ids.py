"""Job ids: UUIDs of version 4 or 7, written in canonical lower case."""

import os
import re
import time
from uuid import UUID

from jobferry_shared.errors import InvalidJob

__all__ = ["PATTERN", "job_id", "new_id"]

#: What an id looks like: version 4 or 7, so never nil.
PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

_matches = re.compile(PATTERN).match


def new_id() -> UUID:
    """A new version 7 id: 48 bits of Unix time in ms, then random bits.

    Time-ordered ids insert several times faster into SQLite's and Postgres's indexes.
    """
    head = (time.time_ns() // 1_000_000).to_bytes(6, "big")
    tail = bytearray(os.urandom(10))
    tail[0] = tail[0] & 0x0F | 0x70
    tail[2] = tail[2] & 0x3F | 0x80
    return UUID(bytes=head + bytes(tail))


def job_id(value: UUID | str) -> str:
    """The canonical text of an id, or :class:`InvalidJob`."""
    text = str(value)
    if not _matches(text):
        raise InvalidJob(f"{text[:60]!r} is not a lower-case UUID of version 4 or 7")
    return text
