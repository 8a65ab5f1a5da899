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
    Version(1, "the first", "7eac703789d201f51b53f5965b17056416d141edc40a7b335b35515f37908a5f"),
)

#: The version this code speaks.
PROTOCOL = HISTORY[-1].number

#: The oldest version this code still understands.
MINIMUM_PROTOCOL = 1
