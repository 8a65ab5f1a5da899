"""The protocol's versions, and what each changed.

A message must not change its shape without a new version here: a test compares the hash of the
messages' JSON schema with the newest entry.
"""

from dataclasses import dataclass

__all__ = ["HISTORY", "MINIMUM_PROTOCOL", "PROTOCOL", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version: what it changed, and the hash of its messages' schema."""

    number: int
    changed: str
    schema_hash: str


HISTORY = (
    Version(1, "the first", "03ce61554270b9599563933dca636b6d65c8d7c600bde7c85574fe6552b5d448"),
)

#: The version this code speaks.
PROTOCOL = HISTORY[-1].number

#: The oldest version this code still understands.
MINIMUM_PROTOCOL = 1
