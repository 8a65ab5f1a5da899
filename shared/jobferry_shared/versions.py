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
    Version(1, "the first", "513b6bb55ca24acca38ee2210eb18961fc267eee562ef35016efe0d530a084b2"),
)

#: The version this code speaks.
PROTOCOL = HISTORY[-1].number

#: The oldest version this code still understands.
MINIMUM_PROTOCOL = 1
