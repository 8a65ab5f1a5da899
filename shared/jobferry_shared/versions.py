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
    Version(1, "the first", "7c580f12e1e40319b52ab2872053133dd874d4915801eb2eb56da409fef4371e"),
)

#: The version this code speaks.
PROTOCOL = HISTORY[-1].number

#: The oldest version this code still understands.
MINIMUM_PROTOCOL = 1
