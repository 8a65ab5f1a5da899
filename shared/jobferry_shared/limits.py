"""What a gateway accepts, and tells every device in its welcome."""

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

__all__ = ["Limits"]


class Limits(BaseModel):
    """Bounds of the conversation. Sizes are octets of UTF-8."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: One message, either way.
    message_bytes: PositiveInt = 8 * 1024 * 1024
    #: One payload.
    payload_bytes: PositiveInt = 1024 * 1024
    #: Operations in one push, rows in one page of changes.
    batch: PositiveInt = 500
    #: Pushes a device may have unanswered.
    window: PositiveInt = 4

    @model_validator(mode="after")
    def _every_row_must_fit(self) -> Self:
        # A page filled to `page_bytes`, then a payload and a result of `stored_bytes` each; every
        # octet of them may need an escape.
        if self.message_bytes < 8 * self.payload_bytes:
            raise ValueError("message_bytes must be at least eight times payload_bytes")
        return self

    @property
    def page_bytes(self) -> int:
        """How much payload and result may be in a message before its last row."""
        return self.message_bytes // 8

    @property
    def stored_bytes(self) -> int:
        """The most that a payload has once Postgres has put a space after each comma and colon."""
        return self.payload_bytes * 3 // 2
