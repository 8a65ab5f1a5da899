"""What the demo's payloads and results share: a strict model, bytes inside JSON, progress."""

import base64
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

OnProgress = Callable[[float], None]
"""Told how much is done, from 0.0 to 1.0. What it raises (a cancellation) ends the work."""


def no_progress(_done: float) -> None:
    """Nobody watches."""


class Message(BaseModel):
    """A payload or a result. An unknown field is an error: it is most likely a misspelt one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _decode(value: Any) -> Any:
    """Bytes of base64 text; anything that is not text is left for pydantic to judge."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError(f"this is not base64: {error}") from error


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


Base64Bytes = Annotated[bytes, BeforeValidator(_decode), PlainSerializer(_encode)]
"""Bytes in Python, base64 text in JSON (a third longer). Pydantic's own type of this name skips
characters that are not base64, so that damage in transit would pass for data."""
