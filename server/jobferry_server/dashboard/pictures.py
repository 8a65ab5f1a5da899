"""Pictures in a result: base64 with or without ``data:``, told by how they begin. Pure.

Only what can hold no script counts as a picture.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Picture", "pictures"]

BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
#: Characters that are decoded to see how it begins: a multiple of four.
PEEK = 32
SHORTEST = 64
MOST = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, where it stands in the result, and its base64."""

    name: str
    media_type: str
    encoded: str

    @property
    def content(self) -> bytes:
        """The file; ``ValueError`` if it goes on as no base64."""
        return base64.b64decode(self.encoded, validate=True)


def pictures(result: Any) -> list[Picture]:
    """Those in a result, or in the first values of an object or an array."""
    found = (_picture(name, value) for name, value in _candidates(result))
    return [one for one in found if one is not None][:MOST]


def _candidates(result: Any) -> Iterator[tuple[str, str]]:
    named = {"result": result}
    if isinstance(result, dict):
        named = result
    elif isinstance(result, list):
        named = {str(number): value for number, value in enumerate(result)}
    return ((name, value) for name, value in named.items() if isinstance(value, str))


def _picture(name: str, text: str) -> Picture | None:
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    if len(encoded) < SHORTEST:
        return None
    try:
        beginning = base64.b64decode(encoded[:PEEK], validate=True)
    except (binascii.Error, ValueError):
        return None
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return Picture(name, "image/webp", encoded)
    for begins, media_type in BEGINNINGS.items():
        if beginning.startswith(begins):
            return Picture(name, media_type, encoded)
    return None
